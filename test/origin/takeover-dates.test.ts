import { describe, expect, it } from 'vitest';
import type { PublicationLease } from '../../src/live/publication-lease.ts';
import { StreamDirectory } from '../../src/live/stream-directory.ts';
import { Packager } from '../../src/origin/packager.ts';
import { originSchema } from '../../src/origin/settings.ts';
import type { PublisherRole } from '../../src/policy/publish-credentials.ts';
import { grantedLease } from '../support/granted-lease.ts';
import { LogRecorder } from '../support/log-recorder.ts';
import { parsePlaylist } from '../support/parsed-playlist.ts';
import { videoConfig, videoUnits } from '../support/synthetic-units.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

/** Two encoders in step, thirty pictures a second, a keyframe every two, of one stream that is packaged. */
function setUp() {
  const [clock, log] = [new VirtualClock(), new LogRecorder()];
  const { live } = originSchema.parse({});
  const { reconnectGraceMs, maxStreams, backup } = live;
  const directory = new StreamDirectory({ clock, log, reconnectGraceMs, maxStreams, backup });
  const packager = new Packager({ path: 'live/a', epoch: 'e1', settings: live, clock, log });
  directory.onStream((stream) => stream.subscribe(packager));
  const publish = (role: PublisherRole) =>
    grantedLease(directory, {
      path: 'live/a',
      role,
      credential: 'key',
      startedWallMs: clock.wallMs(),
      configs: [videoConfig],
    });
  const startMs = clock.monotonicMs();
  const run = (fromSeconds: number, seconds: number, ...leases: readonly PublicationLease[]) => {
    for (const unit of videoUnits({ fromMs: fromSeconds * 1_000, seconds })) {
      clock.advance(Math.max(0, startMs + unit.timestampMs - clock.monotonicMs()));
      for (const lease of leases) lease.push(unit);
    }
  };
  /** Of the last segment behind a discontinuity: how much later than the stream's beginning it says that it is. */
  const takeoverSeconds = () => {
    const video = packager.rendition('video');
    const text = (video && packager.mediaPlaylist(video)?.plain.toString()) ?? '';
    const { segments, open } = parsePlaylist(text);
    const all = [...segments, ...(open === undefined ? [] : [open])];
    const taken = all.findLast(({ discontinuity }) => discontinuity)?.programDateTimeMs ?? Number.NaN;
    return (taken - (all[0]?.programDateTimeMs ?? Number.NaN)) / 1_000;
  };
  return { publish, run, takeoverSeconds };
}

describe('Packager, when the backup takes over', () => {
  it('from one that stalled: dates what it had kept by when that came', () => {
    const { publish, run, takeoverSeconds } = setUp();
    const [primary, backup] = [publish('primary'), publish('backup')];
    run(0, 10, primary, backup);
    run(10, 4, backup);
    expect(takeoverSeconds()).toBeCloseTo(10, 1);
  });

  it('from one that has left: nothing is dated before the end of what was on the air', () => {
    const { publish, run, takeoverSeconds } = setUp();
    const [primary, backup] = [publish('primary'), publish('backup')];
    run(0, 11, primary, backup);
    primary.release();
    run(11, 4, backup);
    expect(takeoverSeconds()).toBeCloseTo(11, 1);
  });
});
