import { describe, expect, it } from 'vitest';
import type { AccessUnit } from '../../src/formats/media/access-unit.ts';
import type { ColorInfo } from '../../src/formats/media/color-info.ts';
import type { PublicationLease } from '../../src/live/publication-lease.ts';
import { StreamDirectory } from '../../src/live/stream-directory.ts';
import type { PublisherRole } from '../../src/policy/publish-credentials.ts';
import { grantedLease } from '../support/granted-lease.ts';
import { LogRecorder } from '../support/log-recorder.ts';
import { audioConfig, videoConfig } from '../support/synthetic-units.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const frameMs = 40;

function video(timestampMs: number, keyframe = false): AccessUnit {
  return { kind: 'video', trackId: 0, timestampMs, keyframe, compositionOffsetMs: 0, data: new Uint8Array(8) };
}

const tenBits: ColorInfo = {
  colorConfig: { bitDepth: 10, colorPrimaries: 9, transferCharacteristics: 16, matrixCoefficients: 9 },
  hdrCll: undefined,
  hdrMdcv: undefined,
};

function setUp({ handBack = true } = {}) {
  const clock = new VirtualClock();
  const log = new LogRecorder();
  const directory = new StreamDirectory({
    clock,
    reconnectGraceMs: 60_000,
    maxStreams: 10,
    backup: { takeOverAfterMs: 1_000, handBack, handBackAfterMs: 5_000 },
    log,
  });
  const events: string[] = [];
  directory.onStream((stream) =>
    stream.subscribe({
      onPublisherStart: () => events.push(`start ${stream.publication?.peer}`),
      onTrackConfig: ({ kind }) => events.push(`config ${kind}`),
      onAccessUnit: (unit) =>
        events.push(`${unit.kind === 'video' && unit.keyframe ? 'key' : 'unit'} ${unit.timestampMs}`),
      onColorInfo: (_, colorInfo) => events.push(`colours ${colorInfo?.colorConfig?.bitDepth}`),
      onData: ({ name }) => events.push(name),
      onPublisherStop: () => events.push('stop'),
      onEnd: () => events.push('end'),
    }),
  );
  const takenOver: string[] = [];
  const offer = (role: PublisherRole, peer: string, credential: string | undefined = 'key 1') =>
    directory.publish({
      path: 'live/a',
      role,
      publication: { peer, encoder: undefined, startedWallMs: clock.wallMs() },
      credential,
      onTakenOver: () => takenOver.push(peer),
    });
  const granted = (role: PublisherRole, peer: string = role): PublicationLease => {
    const outcome = offer(role, peer);
    if (outcome.kind === 'refused') throw new Error(outcome.sentence);
    outcome.lease.setTrackConfig(videoConfig);
    return outcome.lease;
  };
  /** Lets each send 25 pictures a second, a keyframe in 25, for so long; timestamps are those of the clock. */
  const run = (ms: number, ...leases: readonly PublicationLease[]) => {
    for (const endMs = clock.monotonicMs() + ms; clock.monotonicMs() < endMs; clock.advance(frameMs)) {
      const nowMs = clock.monotonicMs();
      for (const lease of leases) lease.push(video(nowMs, nowMs % 1_000 === 0));
    }
  };
  const seen = () => events.splice(0);
  const states = () => directory.publishersOf('live/a').map(({ role, state }) => `${role} ${state}`);
  return { clock, log, directory, events, takenOver, offer, granted, run, seen, states };
}

describe('StreamDirectory with a primary and a backup publisher', () => {
  it('keeps the backup ready, and nobody who follows the stream hears of it', () => {
    const { granted, run, seen, states } = setUp();
    const primary = granted('primary');
    const backup = granted('backup');
    run(400, primary, backup);
    expect(seen()).toEqual(['start primary', 'config video', ...keyThen(0, 400)]);
    expect(states()).toEqual(['primary active', 'backup standby']);
  });

  it('lets the backup take over at its latest keyframe the moment the primary leaves', () => {
    const { granted, run, seen, states } = setUp();
    const primary = granted('primary');
    const backup = granted('backup');
    backup.setColorInfo(0, tenBits);
    backup.pushData({ name: 'onMetaData', values: [], timestampMs: 0 });
    backup.pushData({ name: 'onCuePoint', values: [], timestampMs: 0 });
    run(1_200, primary, backup);
    seen();
    primary.release();
    expect(seen()).toEqual([
      'stop',
      'start backup',
      'onMetaData',
      'config video',
      'colours 10',
      ...keyThen(1_000, 1_200),
    ]);
    run(80, backup);
    expect(seen()).toEqual(['unit 1200', 'unit 1240']);
    expect(states()).toEqual(['backup active']);
  });

  it('lets it take over when the primary sends nothing for takeOverAfter, and keeps the stalled one', () => {
    const { granted, run, seen, states, log } = setUp();
    const primary = granted('primary');
    const backup = granted('backup');
    run(1_000, primary, backup);
    seen();
    run(920, backup);
    expect(seen()).toEqual([]);
    run(40, backup);
    expect(seen()).toEqual(['stop', 'start backup', 'config video', ...keyThen(1_000, 1_960)]);
    expect(states()).toEqual(['backup active', 'primary standby']);
    expect(log.lines.filter(({ fields }) => fields['code'] === 'PUBLISHER_STALLED')).toHaveLength(1);
    expect(primary.active).toBe(true);
  });

  it('hands back at a keyframe once the primary has sent for handBackAfter without a pause', () => {
    const { granted, run, seen, states } = setUp();
    const primary = granted('primary');
    const backup = granted('backup');
    run(1_000, primary, backup);
    run(1_400, backup);
    seen();
    run(5_600, primary, backup);
    expect(states()).toEqual(['backup active', 'primary standby']);
    expect(seen().some((event) => event.startsWith('start'))).toBe(false);
    run(80, primary, backup);
    expect(seen()).toEqual(['stop', 'start primary', 'config video', 'key 8000', 'unit 8040']);
    expect(states()).toEqual(['primary active', 'backup standby']);
  });

  it('begins the wait for handing back anew with each pause of the primary', () => {
    const { granted, run, seen, states } = setUp();
    const primary = granted('primary');
    const backup = granted('backup');
    run(1_000, primary, backup);
    run(1_000, backup);
    run(4_000, primary, backup);
    run(1_000, backup);
    run(4_000, primary, backup);
    expect(states()).toEqual(['backup active', 'primary standby']);
    seen();
    run(2_040, primary, backup);
    expect(seen()).toContain('start primary');
  });

  it('does not hand back where handBack is off, until the backup leaves', () => {
    const { granted, run, states } = setUp({ handBack: false });
    const primary = granted('primary');
    const backup = granted('backup');
    run(1_000, primary, backup);
    run(1_400, backup);
    run(20_000, primary, backup);
    expect(states()).toEqual(['backup active', 'primary standby']);
    backup.release();
    expect(states()).toEqual(['primary active']);
  });

  it('goes on with a stalled primary while the backup has stalled too, and takes whoever is back first', () => {
    const { granted, run, clock, seen, states } = setUp();
    const primary = granted('primary');
    const backup = granted('backup');
    run(1_000, primary, backup);
    clock.advance(30_000);
    expect(states()).toEqual(['primary active', 'backup standby']);
    seen();
    run(400, backup);
    // A picture of the GOP that it was in is of no use after the pause, but its keyframe is kept: that is enough.
    expect(seen().slice(0, 4)).toEqual(['stop', 'start backup', 'config video', 'key 31000']);
  });

  it('waits for the first keyframe of a backup that has none yet', () => {
    const { granted, clock, seen, states } = setUp();
    granted('primary');
    const backup = granted('backup');
    for (let index = 0; index < 50; index++) {
      backup.push(video(clock.monotonicMs()));
      clock.advance(frameMs);
    }
    expect(states()).toEqual(['primary active', 'backup standby']);
    seen();
    backup.push(video(2_000, true));
    expect(seen()).toEqual(['stop', 'start backup', 'config video', 'key 2000']);
  });

  it('puts the backup on the air while an encoder that comes again begins, and hands back to that', () => {
    const { granted, run, seen, states, takenOver } = setUp();
    const first = granted('primary', 'first');
    const backup = granted('backup');
    run(1_200, first, backup);
    seen();
    const second = granted('primary', 'second');
    expect(takenOver).toEqual(['first']);
    expect(first.active).toBe(false);
    expect(seen()).toEqual(['stop', 'start backup', 'config video', ...keyThen(1_000, 1_200)]);
    run(6_800, second, backup);
    run(40, second, backup);
    expect(seen()).toContain('start second');
    expect(states()).toEqual(['primary active', 'backup standby']);
  });

  it('puts a backup that comes alone on the air at once', () => {
    const { granted, run, seen } = setUp();
    run(40, granted('backup'));
    expect(seen()).toEqual(['start backup', 'config video', 'key 0']);
  });

  it('switches publishers of sound alone without waiting for a keyframe', () => {
    const { directory, clock, seen } = setUp();
    const leases = (['primary', 'backup'] as const).map((role) =>
      grantedLease(directory, { path: 'live/radio', role, configs: [audioConfig] }),
    );
    for (let index = 0; index < 60; index++) {
      leases[1]?.push({ kind: 'audio', trackId: 0, timestampMs: clock.monotonicMs(), data: new Uint8Array(4) });
      clock.advance(20);
    }
    expect(seen().slice(0, 5)).toEqual(['start primary', 'config audio', 'stop', 'start backup', 'config audio']);
  });

  it('refuses a backup with another credential as busy, and one more of a role without a credential', () => {
    const { granted, offer } = setUp();
    granted('primary');
    expect(offer('backup', 'stranger', 'key 2')).toMatchObject({ kind: 'refused', reason: 'busy' });
    expect(offer('backup', 'friend')).toMatchObject({ kind: 'granted' });
    expect(offer('backup', 'stranger', 'key 2')).toMatchObject({ kind: 'refused', reason: 'busy' });
  });

  it('waits for the reconnect grace when both have left, and leaves no timer behind', () => {
    const { granted, run, clock, seen } = setUp();
    const primary = granted('primary');
    const backup = granted('backup');
    run(200, primary, backup);
    backup.release();
    primary.release();
    seen();
    expect(clock.pendingTimers).toBe(1);
    clock.advance(60_000);
    expect(seen()).toEqual(['end']);
    expect(clock.pendingTimers).toBe(0);
  });

  it('drops what both send once the directory is closed', () => {
    const { granted, run, directory, clock, seen } = setUp();
    const primary = granted('primary');
    const backup = granted('backup');
    directory.close();
    seen();
    run(2_000, primary, backup);
    expect(seen()).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
  });
});

/** What a run from `fromMs`, a keyframe, to before `untilMs` looks like. */
function keyThen(fromMs: number, untilMs: number): string[] {
  const events = [`key ${fromMs}`];
  for (let ms = fromMs + frameMs; ms < untilMs; ms += frameMs) events.push(`unit ${ms}`);
  return events;
}

describe('what a publisher sends', () => {
  it('is left unread for a tenth of the time after which it counts as silent, as long as another could take over', () => {
    const directory = new StreamDirectory({
      clock: new VirtualClock(),
      reconnectGraceMs: 60_000,
      maxStreams: 10,
      backup: { takeOverAfterMs: 1_000, handBack: true, handBackAfterMs: 5_000 },
      log: new LogRecorder(),
    });
    const lease = (role: PublisherRole) => grantedLease(directory, { path: 'live/a', role, credential: '' });
    const primary = lease('primary');
    expect(primary.leaveUnreadMs(350, () => {})).toBe(350);
    const backup = lease('backup');
    expect([primary.leaveUnreadMs(350, () => {}), backup.leaveUnreadMs(350, () => {})]).toEqual([100, 100]);
    backup.release();
    expect(primary.leaveUnreadMs(350, () => {})).toBe(350);
  });
});
