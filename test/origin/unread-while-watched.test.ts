import { describe, expect, it } from 'vitest';
import type { AccessUnit, VideoAccessUnit } from '../../src/formats/media/access-unit.ts';
import { LiveStream } from '../../src/live/live-stream.ts';
import { Packager } from '../../src/origin/packager.ts';
import { originSchema } from '../../src/origin/settings.ts';
import { LogRecorder } from '../support/log-recorder.ts';
import { audioConfig, audioUnits, interleaved, videoConfig, videoUnits } from '../support/synthetic-units.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

/** As long as a connection may be left unread. */
const longestMs = 100;
const playableMs = 5_000;
const endMs = 20_000;

interface Reader {
  readonly reads: number;
  /** When each part of each rendition was there, by `RENDITION MSN.PART`. */
  readonly partsAtMs: ReadonlyMap<string, number>;
}

type Arrivals = readonly { readonly unit: AccessUnit; readonly atMs: number }[];

/** In the order in which they were sent, each `delayMs` after the instant that its timestamp says. */
function arrivals(units: readonly AccessUnit[], delayMs: (timestampMs: number) => number = () => 0): Arrivals {
  let atMs = 0;
  return units.map((unit) => ({ unit, atMs: (atMs = Math.max(atMs, unit.timestampMs + delayMs(unit.timestampMs))) }));
}

/** Reads what comes while somebody watches, at once, or as a connection does that may be left unread. */
function read(coming: Arrivals, how: 'at once' | 'gathered', act: (packager: Packager) => void = () => {}): Reader {
  const clock = new VirtualClock();
  const settings = originSchema.parse({}).live;
  const packager = new Packager({ path: 'live/test', epoch: 'e1', settings, clock, log: new LogRecorder() });
  const stream = new LiveStream('live/test');
  stream.startPublication({ peer: 'test', encoder: undefined, startedWallMs: 0 });
  stream.subscribe(packager);
  for (const kind of new Set(coming.map(({ unit }) => unit.kind))) {
    stream.setTrackConfig(kind === 'video' ? videoConfig : audioConfig);
  }
  act(packager);
  const partsAtMs = new Map<string, number>();
  let [reads, next, unreadUntilMs] = [0, 0, 0];
  for (let nowMs = 0; nowMs < endMs; nowMs++) {
    packager.watched(true);
    const first = next;
    if (nowMs >= unreadUntilMs) next = coming.findIndex(({ atMs }, index) => index >= first && atMs > nowMs);
    if (next < 0) next = coming.length;
    for (const { unit } of coming.slice(first, next)) stream.push(unit);
    if (next > first) {
      if (nowMs > playableMs) reads++;
      if (how === 'gathered') unreadUntilMs = nowMs + stream.leaveUnreadMs(longestMs);
    }
    for (const { name, window } of packager.renditions) {
      const { msn, part } = window.nextPart;
      const last = part > 0 ? `${msn}.${part - 1}` : `${msn - 1}.last`;
      if (nowMs > playableMs && !partsAtMs.has(`${name} ${last}`)) partsAtMs.set(`${name} ${last}`, nowMs);
    }
    clock.advance(1);
  }
  return { reads, partsAtMs };
}

/** How much later each part was there than if everything had been read at once, and when that would have been. */
function lateness(gathered: Reader, atOnce: Reader): { readonly lateMs: number; readonly atMs: number }[] {
  expect([...gathered.partsAtMs.keys()]).toEqual([...atOnce.partsAtMs.keys()]);
  return [...atOnce.partsAtMs].map(([part, atMs]) => ({
    lateMs: (gathered.partsAtMs.get(part) ?? Infinity) - atMs,
    atMs,
  }));
}

function latestMs(gathered: Reader, atOnce: Reader): number {
  return Math.max(...lateness(gathered, atOnce).map(({ lateMs }) => lateMs));
}

/** How long a stream can wait that has a playlist and no viewer. */
function unwatchedPatienceMs(act: (packager: Packager) => void): number {
  const settings = originSchema.parse({}).live;
  const [clock, log] = [new VirtualClock(), new LogRecorder()];
  const packager = new Packager({ path: 'live/test', epoch: 'e1', settings, clock, log });
  act(packager);
  packager.onPublisherStart();
  packager.onTrackConfig(videoConfig);
  for (const unit of videoUnits({ seconds: 10 })) packager.onAccessUnit(unit);
  return packager.patienceMs();
}

const seconds = endMs / 1_000;
const usual = interleaved(videoUnits({ seconds }), audioUnits({ seconds }));

describe('a stream that somebody watches over HTTP', () => {
  it.each([
    [30, 60],
    [30, 30],
    [30, 250],
    [25, 50],
    [24, 48],
    [50, 120],
    [60, 240],
  ])(
    'is left unread in the midst of parts, and has every part as soon: %i pictures a second, %i to a keyframe',
    (framesPerSecond, gop) => {
      const coming = arrivals(interleaved(videoUnits({ seconds, framesPerSecond, gop }), audioUnits({ seconds })));
      const atOnce = read(coming, 'at once');
      const gathered = read(coming, 'gathered');
      expect(latestMs(gathered, atOnce)).toBe(0);
      expect(gathered.reads).toBeLessThan(atOnce.reads / 2);
    },
  );

  it.each([
    ['sound', audioUnits({ seconds })],
    ['pictures', videoUnits({ seconds })],
  ])('is so where there are only %s', (_kind, units) => {
    const atOnce = read(arrivals(units), 'at once');
    const gathered = read(arrivals(units), 'gathered');
    expect(latestMs(gathered, atOnce)).toBe(0);
    expect(gathered.reads).toBeLessThan(atOnce.reads * 0.75);
  });

  it('is so where scene cuts bring keyframes when nobody foresees them', () => {
    let next = 0;
    const video = (videoUnits({ seconds }) as VideoAccessUnit[]).map((unit, index) => {
      const keyframe = index === next;
      if (keyframe) next += 20 + ((index * 7_919) % 17);
      return { ...unit, keyframe };
    });
    const coming = arrivals(interleaved(video, audioUnits({ seconds })));
    const atOnce = read(coming, 'at once');
    const gathered = read(coming, 'gathered');
    expect(latestMs(gathered, atOnce)).toBe(0);
    expect(gathered.reads).toBeLessThan(atOnce.reads * 0.75);
  });

  it('is so after the way from the encoder has become longer or shorter', () => {
    const [longerMs, shorterMs] = [9_000, 14_000];
    const coming = arrivals(usual, (ms) => (ms >= longerMs && ms < shorterMs ? 400 : 0));
    const atOnce = read(coming, 'at once');
    const gathered = read(coming, 'gathered');
    const late = lateness(gathered, atOnce).filter(({ lateMs }) => lateMs > 0);
    for (const { lateMs, atMs } of late) {
      // Nobody could know, until a few parts have come earlier.
      expect(atMs).toBeGreaterThan(shorterMs);
      expect(atMs).toBeLessThan(shorterMs + 2_000);
      expect(lateMs).toBeLessThan(longestMs);
    }
    expect(gathered.reads).toBeLessThan(atOnce.reads * 0.6);
  });

  it('has its parts later by no more than what comes too early, where that varies', () => {
    const coming = arrivals(usual, (ms) => (ms * 7_919) % 13);
    expect(latestMs(read(coming, 'gathered'), read(coming, 'at once'))).toBeLessThanOrEqual(13);
  });

  it('is read at once where a ladder is made of it; while nobody watches, that gets a little at a time', () => {
    const listen = (packager: Packager) => {
      packager.listen({ onEpoch() {}, onUnit() {}, onRunEnd() {} });
    };
    const coming = arrivals(usual);
    expect(read(coming, 'gathered', listen).reads).toBe(read(coming, 'at once').reads);
    expect(unwatchedPatienceMs(() => {})).toBe(Infinity);
    expect(unwatchedPatienceMs(listen)).toBe(350);
  });
});
