import { median, type Turns } from './in-turn.ts';
import type { BenchRow, BenchTarget } from './report.ts';
import type { StageReport } from './rtmp-load.ts';

/** A row before it has been measured. */
export type RowHead = Pick<BenchRow, 'name' | 'unit' | 'better' | 'target'>;

/** What was measured for it. */
export interface Figure {
  readonly value: number | null;
  readonly peer?: number | null;
  readonly notes?: readonly string[];
}

export const atMost = (bound: number): BenchTarget => ({ of: 'value', bound });
export const atMostTimesThePeer = (bound: number): BenchTarget => ({ of: 'ratio', bound });

/** Measures the figures of some rows; where that fails, the rows say why. */
export async function rowsOf(
  heads: readonly RowHead[],
  measure: () => Promise<readonly Figure[]>,
): Promise<readonly BenchRow[]> {
  const figures = await measure().catch((error: unknown) => error);
  if (Array.isArray(figures)) return heads.map((head, index) => rowOf(head, (figures as Figure[])[index]));
  const reason = figures instanceof Error ? figures.message : String(figures);
  return heads.map((head) => rowOf(head, { value: null, notes: [`not measured: ${reason}`] }));
}

function rowOf(head: RowHead, figure: Figure | undefined): BenchRow {
  if (figure === undefined) throw new Error(`no figure for the row "${head.name}"`);
  return { ...head, value: figure.value, peer: figure.peer ?? null, notes: figure.notes ?? [] };
}

/** One stage of one round, as the rows want it. */
export interface StageSample {
  readonly players: number;
  /** Processor time of the server for each second of the stream that a player got. */
  readonly cpuMicrosPerPlayerSecond: number;
  readonly latencyMedianMs: number | null;
  /** To the player whom the server serves first. */
  readonly leastLatencyMedianMs: number | null;
  /** Other programs took so much of the server's core that it may have merged what it would have sent at once. */
  readonly disturbed: boolean;
  /** Why the figures cannot be believed: the players did not get the whole stream. */
  readonly problem: string | undefined;
  readonly notes: readonly string[];
}

/**
 * The processor time is divided by what was delivered, not by the time that passed: a server that sends every 350 ms
 * sends five times or six in two seconds, and one that left frames out would look cheap.
 */
export function stageSample(stage: StageReport, clipBytesPerSecond: number): StageSample {
  // Players get equal bytes within a percent; the median stands for all.
  const playerSeconds = (stage.players * stage.medianBytesPerSecond * stage.seconds) / clipBytesPerSecond;
  return {
    players: stage.players,
    cpuMicrosPerPlayerSecond: (stage.serverCpuSeconds * 1e6) / playerSeconds,
    latencyMedianMs: stage.latencyMs.median,
    leastLatencyMedianMs: stage.latencyMs.leastMedian,
    disturbed: stage.serverWaitedSeconds > stage.seconds * disturbedShare,
    problem: deliveryProblem(stage, clipBytesPerSecond),
    notes: disturbances(stage),
  };
}

/** A server that merges for 350 ms may have sent a third less or more within a second. */
const leastShareOfStream = 0.6;
const leastShareOfMedian = 0.6;

function deliveryProblem(stage: StageReport, clipBytesPerSecond: number): string | undefined {
  if (stage.closedPlayers > 0) return `${stage.closedPlayers} players were disconnected`;
  if (stage.lostFrames > 0) return `${stage.lostFrames} of ${stage.frames + stage.lostFrames} frames were left out`;
  if (stage.frames === 0 || stage.unknownFrames > 0) {
    return `the probes got ${stage.frames} frames of the publisher and ${stage.unknownFrames} that it did not send`;
  }
  const { medianBytesPerSecond: got, leastBytesPerSecond: least } = stage;
  const percent = (share: number) => `${Math.round(share * 100)} %`;
  if (got < clipBytesPerSecond * leastShareOfStream) {
    return `players got ${percent(got / clipBytesPerSecond)} of the stream`;
  }
  if (least < got * leastShareOfMedian) return `one player got ${percent(least / got)} of what others got`;
  return undefined;
}

const disturbedShare = 0.1;
const busyShare = 0.9;

function disturbances(stage: StageReport): string[] {
  const percent = (seconds: number) => `${Math.round((seconds / stage.seconds) * 100)} %`;
  const notes: string[] = [];
  if (stage.loadCpuSeconds > stage.seconds * busyShare) {
    notes.push(`the load generator was the bottleneck (${percent(stage.loadCpuSeconds)} of its core)`);
  }
  if (stage.serverCpuSeconds > stage.seconds * busyShare) {
    notes.push(`the server had no time left (${percent(stage.serverCpuSeconds)} of its core)`);
  } else if (stage.serverWaitedSeconds > stage.seconds * disturbedShare) {
    notes.push(`the server waited ${percent(stage.serverWaitedSeconds)} of the time for its core: others ran on it`);
  }
  return notes;
}

/**
 * The medians over all rounds that can be believed, if most can: of those in which the server was not disturbed, if
 * there are any, for a server that has to wait for its core writes seldom and looks cheap.
 */
export interface StageFigures {
  readonly cpuMicrosPerPlayerSecond: number;
  readonly latencyMedianMs: number | null;
  /** To the player whom the server serves first. */
  readonly leastLatencyMedianMs: number | null;
  readonly notes: readonly string[];
}

/** The figures of one contender with this many players, or why there are none. */
export function figuresOf(
  who: string,
  turns: Turns<readonly StageSample[]> | undefined,
  players: number,
): StageFigures | { readonly missing: string } {
  if (turns === undefined) return { missing: `${who} was not measured` };
  if (turns.kind === 'failed') return { missing: `${who}: ${turns.reason}` };
  const samples = turns.samples.flatMap((stages) => stages.filter((stage) => stage.players === players));
  const believed = samples.filter(({ problem }) => problem === undefined);
  const problems = samples.flatMap(({ problem }) => (problem === undefined ? [] : [`${who}: ${problem}`]));
  if (believed.length * 2 < samples.length || believed.length === 0) {
    return { missing: problems[0] ?? `${who} was not measured with ${players} players` };
  }
  const calm = believed.filter(({ disturbed }) => !disturbed);
  const counted = calm.length > 0 ? calm : believed;
  const notes = counted.flatMap((sample) => sample.notes.map((note) => `${who}: ${note}`));
  return {
    cpuMicrosPerPlayerSecond: median(counted.map((sample) => sample.cpuMicrosPerPlayerSecond)),
    latencyMedianMs: medianOf(counted.map((sample) => sample.latencyMedianMs)),
    leastLatencyMedianMs: medianOf(counted.map((sample) => sample.leastLatencyMedianMs)),
    // One of each will do: the rounds are alike.
    notes: [...problems.slice(0, 1), ...notes.slice(0, 1)],
  };
}

function medianOf(values: readonly (number | null)[]): number | null {
  const numbers = values.filter((value) => value !== null);
  return numbers.length === 0 ? null : median(numbers);
}

/** One figure of ours beside one of the peer's, from the same number of players. */
export function comparedFigure(
  ours: ReturnType<typeof figuresOf>,
  peer: ReturnType<typeof figuresOf>,
  pick: (figures: StageFigures) => number | null,
): Figure {
  const peerFigure = 'missing' in peer ? null : pick(peer);
  const peerNotes = 'missing' in peer ? [`the peer: ${peer.missing}`] : peer.notes;
  if ('missing' in ours)
    return { value: null, peer: peerFigure, notes: [`not measured: ${ours.missing}`, ...peerNotes] };
  return { value: pick(ours), peer: peerFigure, notes: [...ours.notes, ...peerNotes] };
}
