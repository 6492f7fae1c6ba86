import { describe, expect, it } from 'vitest';
import type { Turns } from './in-turn.ts';
import type { StageReport } from './rtmp-load.ts';
import {
  atMost,
  comparedFigure,
  figuresOf,
  rowsOf,
  type StageFigures,
  type StageSample,
  stageSample,
} from './rtmp-rows.ts';

const clipBytesPerSecond = 250_000;

/** A hundred players for two seconds, each of whom got the whole stream. */
const stage: StageReport = {
  name: 'all read',
  players: 100,
  seconds: 2,
  closedPlayers: 0,
  serverCpuSeconds: 0.1,
  serverWaitedSeconds: 0,
  serverRssBytes: 1,
  loadCpuSeconds: 0.2,
  leastBytesPerSecond: 249_000,
  medianBytesPerSecond: 250_000,
  readsPerSecondAndPlayer: 77,
  frames: 720,
  lostFrames: 0,
  unknownFrames: 0,
  latencyMs: { leastMedian: 0.2, median: 0.5, p99: 3, max: 4 },
};
const sample = (change: Partial<StageReport>) => stageSample({ ...stage, ...change }, clipBytesPerSecond);

describe('stageSample', () => {
  it("is the server's time for each second of stream that a player got", () => {
    expect(sample({}).cpuMicrosPerPlayerSecond).toBeCloseTo(500);
    expect(sample({}).problem).toBeUndefined();
    expect(sample({}).notes).toEqual([]);
  });

  it('does not take a server for cheaper that delivered less', () => {
    const half = sample({ medianBytesPerSecond: 200_000, leastBytesPerSecond: 200_000, serverCpuSeconds: 0.08 });
    expect(half.cpuMicrosPerPlayerSecond).toBeCloseTo(500);
  });

  it.each([
    ['frames that were left out', { lostFrames: 3, frames: 717 }, '3 of 720 frames were left out'],
    ['players who were sent away', { closedPlayers: 2 }, '2 players were disconnected'],
    ['a stream of which half came', { medianBytesPerSecond: 125_000 }, 'players got 50 % of the stream'],
    ['one player who got nothing', { leastBytesPerSecond: 0 }, 'one player got 0 % of what others got'],
    ['no frames', { frames: 0 }, 'the probes got 0 frames of the publisher'],
    ['frames of another stream', { unknownFrames: 9 }, '9 that it did not send'],
  ])('does not believe figures with %s', (_name, change, problem) => {
    expect(sample(change).problem).toContain(problem);
  });

  it('notes who had no time left and who was disturbed', () => {
    expect(sample({ loadCpuSeconds: 1.9 }).notes[0]).toContain('the load generator was the bottleneck (95 %');
    expect(sample({ serverCpuSeconds: 1.96 }).notes[0]).toContain('the server had no time left (98 %');
    expect(sample({ serverWaitedSeconds: 0.5 }).notes[0]).toContain('waited 25 % of the time');
  });
});

describe('figuresOf', () => {
  const rounds = (...samples: StageSample[]): Turns<readonly StageSample[]> => ({
    kind: 'measured',
    samples: samples.map((one) => [{ ...one, players: 20, cpuMicrosPerPlayerSecond: 1 }, one]),
  });

  it('takes the median of the rounds with that many players', () => {
    const turns = rounds(...[0.3, 0.1, 0.2].map((serverCpuSeconds) => sample({ serverCpuSeconds })));
    expect(figuresOf('ours', turns, 100)).toMatchObject({ cpuMicrosPerPlayerSecond: 1_000, latencyMedianMs: 0.5 });
    expect(figuresOf('ours', turns, 20)).toMatchObject({ cpuMicrosPerPlayerSecond: 1 });
  });

  it('leaves out a round that cannot be believed, and says so', () => {
    const turns = rounds(sample({}), sample({ lostFrames: 720, serverCpuSeconds: 0.0001 }), sample({}));
    const figures = figuresOf('ours', turns, 100);
    expect(figures).toMatchObject({ notes: ['ours: 720 of 1440 frames were left out'] });
    expect('missing' in figures || figures.cpuMicrosPerPlayerSecond).toBeCloseTo(500);
  });

  it('prefers the rounds in which nothing else ran on the core of the server', () => {
    const calm = sample({ serverCpuSeconds: 0.12 });
    const merged = sample({ serverCpuSeconds: 0.06, serverWaitedSeconds: 0.6 });
    const figures = figuresOf('ours', rounds(merged, calm, merged), 100);
    expect('missing' in figures || figures.cpuMicrosPerPlayerSecond).toBeCloseTo(600);
    expect(figures).toMatchObject({ notes: [] });
  });

  it('says so when it was disturbed in all', () => {
    const figures = figuresOf('ours', rounds(sample({ serverWaitedSeconds: 0.6 })), 100);
    expect(figures).toMatchObject({ notes: [expect.stringContaining('waited 30 % of the time')] });
  });

  it('has no figure when most rounds cannot be believed', () => {
    const turns = rounds(sample({}), sample({ closedPlayers: 1 }), sample({ closedPlayers: 1 }));
    expect(figuresOf('ours', turns, 100)).toEqual({ missing: 'ours: 1 players were disconnected' });
  });

  it('has none of who failed, was not there, or never had that many players', () => {
    expect(figuresOf('ours', { kind: 'failed', reason: 'refused' }, 100)).toEqual({ missing: 'ours: refused' });
    expect(figuresOf('ours', undefined, 100)).toEqual({ missing: 'ours was not measured' });
    expect(figuresOf('ours', rounds(sample({})), 600)).toHaveProperty('missing');
  });
});

describe('comparedFigure', () => {
  const figures: StageFigures = {
    cpuMicrosPerPlayerSecond: 5,
    latencyMedianMs: 1,
    leastLatencyMedianMs: 0.3,
    notes: ['ours: busy'],
  };

  it('puts ours beside the peer', () => {
    const peer = { ...figures, cpuMicrosPerPlayerSecond: 10, notes: [] };
    expect(comparedFigure(figures, peer, (one) => one.cpuMicrosPerPlayerSecond)).toEqual({
      value: 5,
      peer: 10,
      notes: ['ours: busy'],
    });
  });

  it('keeps the figure of the one when the other has none, and the reason', () => {
    const pick = (one: StageFigures) => one.latencyMedianMs;
    expect(comparedFigure({ missing: 'it ended' }, figures, pick)).toEqual({
      value: null,
      peer: 1,
      notes: ['not measured: it ended', 'ours: busy'],
    });
    expect(comparedFigure(figures, { missing: 'it ended' }, pick)).toMatchObject({ value: 1, peer: null });
  });
});

describe('rowsOf', () => {
  const head = { name: 'memory', unit: 'MiB', better: 'lower', target: atMost(8) } as const;

  it('gives each row its figure', async () => {
    const rows = await rowsOf([head, { ...head, name: 'time' }], async () => [{ value: 1 }, { value: 2, peer: 3 }]);
    expect(rows).toEqual([
      { ...head, value: 1, peer: null, notes: [] },
      { ...head, name: 'time', value: 2, peer: 3, notes: [] },
    ]);
  });

  it('says in every row why there is none', async () => {
    const rows = await rowsOf([head, head], () => Promise.reject(new Error('the server did not start')));
    expect(rows.map(({ value, notes }) => [value, ...notes])).toEqual([
      [null, 'not measured: the server did not start'],
      [null, 'not measured: the server did not start'],
    ]);
  });
});
