import { describe, expect, it } from 'vitest';
import { type Observation, Recovery, reloadSpacingMs } from '../../player/src/recovery.ts';

const still: Omit<Observation, 'nowMs'> = {
  advancing: false,
  paused: false,
  over: false,
  playlistStillMs: 100,
  lagSeconds: 0.2,
  failure: undefined,
  directory: 'live',
};

/** Observes every 250 ms from `fromMs` to `toMs` and gives the remedies with their times, and the last state. */
function watch(recovery: Recovery, fromMs: number, toMs: number, seen: Partial<Observation>) {
  const remedies: [string, number][] = [];
  let state = '';
  for (let nowMs = fromMs; nowMs <= toMs; nowMs += 250) {
    const decision = recovery.observe({ ...still, ...seen, nowMs });
    state = decision.state;
    if (decision.remedy !== 'none') remedies.push([decision.remedy, nowMs]);
  }
  return { state, remedies };
}

function played(): Recovery {
  const recovery = new Recovery();
  watch(recovery, 0, 10_000, { advancing: true });
  return recovery;
}

describe('Recovery', () => {
  it('says starting before the first picture, playing while it moves', () => {
    const recovery = new Recovery();
    expect(watch(recovery, 0, 1_000, {}).state).toBe('starting');
    expect(watch(recovery, 1_250, 2_000, { advancing: true })).toEqual({ state: 'playing', remedies: [] });
  });

  it('does not speak of a halt of half a second', () => {
    expect(watch(played(), 10_250, 10_750, {}).state).toBe('playing');
    expect(watch(played(), 10_250, 11_250, {}).state).toBe('buffering');
  });

  it('leaves a paused player alone', () => {
    expect(watch(played(), 10_250, 90_000, { paused: true })).toEqual({ state: 'paused', remedies: [] });
  });

  it('says waiting, and asks for nothing, while the publisher is away', () => {
    expect(watch(played(), 10_250, 70_000, { directory: 'waiting' })).toEqual({ state: 'waiting', remedies: [] });
  });

  it('gives a returned stream four seconds, then jumps once to the live edge, then reloads', () => {
    const recovery = played();
    watch(recovery, 10_250, 20_000, { directory: 'waiting' });
    const { remedies } = watch(recovery, 20_250, 31_000, { directory: 'live' });
    expect(remedies).toEqual([
      ['jump-to-live', 24_250],
      ['reload', 30_250],
    ]);
  });

  it('does nothing when the returned stream plays on by itself', () => {
    const recovery = played();
    watch(recovery, 10_250, 20_000, { directory: 'waiting' });
    watch(recovery, 20_250, 22_000, { directory: 'live' });
    expect(watch(recovery, 22_250, 60_000, { advancing: true })).toEqual({ state: 'playing', remedies: [] });
  });

  it('jumps to the live edge, once, when an interruption has left the picture far behind', () => {
    const recovery = played();
    watch(recovery, 10_250, 20_000, { directory: 'unreachable' });
    expect(watch(recovery, 20_250, 30_000, { advancing: true, lagSeconds: 11 })).toEqual({
      state: 'playing',
      remedies: [['jump-to-live', 20_250]],
    });
  });

  it('lets a viewer who has gone back in time, or is a little late, play on after an interruption', () => {
    for (const lagSeconds of [undefined, 2.5]) {
      const recovery = played();
      watch(recovery, 10_250, 20_000, {});
      expect(watch(recovery, 20_250, 30_000, { advancing: true, lagSeconds }).remedies).toEqual([]);
    }
  });

  it('does not jump without an interruption, however late', () => {
    expect(watch(played(), 10_250, 30_000, { advancing: true, lagSeconds: 15 }).remedies).toEqual([]);
  });

  it('waits for an absent stream to be listed and then loads at once', () => {
    const recovery = new Recovery();
    const absent = watch(recovery, 0, 120_000, { failure: 'absent', directory: 'missing' });
    expect(absent).toEqual({ state: 'absent', remedies: [] });
    expect(recovery.observe({ ...still, failure: 'absent', nowMs: 120_250 })).toEqual({
      state: 'starting',
      remedy: 'reload',
    });
  });

  it('calls a stream that has played and is listed no more ended, and loads again when it returns', () => {
    const recovery = played();
    expect(watch(recovery, 10_250, 30_000, { over: true, directory: 'missing' })).toEqual({
      state: 'ended',
      remedies: [],
    });
    expect(watch(recovery, 30_250, 30_250, { over: true }).remedies).toEqual([['reload', 30_250]]);
  });

  it('does not begin a stream again that has just ended, which the list still calls live', () => {
    const recovery = played();
    expect(watch(recovery, 10_250, 15_000, { over: true })).toEqual({ state: 'buffering', remedies: [] });
    expect(watch(recovery, 15_250, 40_000, { over: true, directory: 'missing' })).toEqual({
      state: 'ended',
      remedies: [],
    });
    const other = played();
    expect(watch(other, 10_250, 16_250, { over: true }).remedies).toEqual([['reload', 16_250]]);
  });

  it('says offline when nobody answers, waits for an answer, then reloads', () => {
    const recovery = played();
    const offline = watch(recovery, 10_250, 60_000, { failure: 'network', directory: 'unreachable' });
    expect(offline).toEqual({ state: 'offline', remedies: [] });
    expect(watch(recovery, 60_250, 60_250, { failure: 'network' }).remedies).toEqual([['reload', 60_250]]);
  });

  it('says offline after two seconds when the picture stands and nobody answers', () => {
    expect(watch(played(), 10_250, 11_500, { directory: 'unreachable' }).state).toBe('buffering');
    expect(watch(played(), 10_250, 12_500, { directory: 'unreachable' }).state).toBe('offline');
  });

  it('spaces reloads of a failing stream 1, 2, 4, 8, 10, 10 seconds apart', () => {
    const { remedies } = watch(played(), 10_250, 46_000, { failure: 'network' });
    const times = remedies.map(([, atMs]) => atMs);
    expect(times.slice(1).map((atMs, index) => atMs - (times[index] ?? 0))).toEqual([
      1_000, 2_000, 4_000, 8_000, 10_000, 10_000,
    ]);
    expect(new Set(remedies.map(([remedy]) => remedy))).toEqual(new Set(['reload']));
  });

  it('works without a list of streams: tries on by itself', () => {
    const recovery = new Recovery();
    const { state, remedies } = watch(recovery, 0, 7_000, { failure: 'absent', directory: 'unknown' });
    expect(state).toBe('absent');
    expect(remedies.map(([, atMs]) => atMs)).toEqual([0, 1_000, 3_000, 7_000]);
  });

  it('recovers media at most every five seconds, twice, then reloads', () => {
    const { remedies } = watch(played(), 10_250, 20_500, { failure: 'media' });
    expect(remedies).toEqual([
      ['recover-media', 10_250],
      ['recover-media', 15_250],
      ['reload', 20_250],
    ]);
  });

  it('forgets earlier media trouble after five sound seconds', () => {
    const recovery = played();
    watch(recovery, 10_250, 15_250, { failure: 'media' });
    watch(recovery, 15_500, 21_000, { advancing: true });
    expect(watch(recovery, 21_250, 21_250, { failure: 'media' }).remedies).toEqual([['recover-media', 21_250]]);
  });

  it('asks for nothing where the browser cannot play', () => {
    expect(watch(new Recovery(), 0, 60_000, { failure: 'unsupported' })).toEqual({
      state: 'unsupported',
      remedies: [],
    });
  });
});

describe('reloadSpacingMs', () => {
  it('is bounded', () => {
    expect([1, 2, 3, 4, 5, 50].map(reloadSpacingMs)).toEqual([1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
  });
});
