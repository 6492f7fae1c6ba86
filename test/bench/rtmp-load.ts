import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { pidsOfTree } from './cpu-time.ts';
import { compileLoadProgram } from './load-program.ts';
import { loadCore, pinned } from './processor.ts';
import type { Clip } from './rtmp-clip.ts';
import type { ServerProcess } from './server-process.ts';

const execute = promisify(execFile);

/** The program gives up by itself; this is for the case that it cannot. */
const deadlineMs = 125_000;

export interface PlayLoad {
  /** What is measured: with several, what they take together. */
  readonly servers: readonly ServerProcess[];
  readonly publishPort: number;
  readonly playPort: number;
  readonly protocol: 'rtmp' | 'http-flv';
  readonly clip: Clip;
  /** Of the application `live`. */
  readonly stream: string;
  /** Numbers of players, growing; each is measured. */
  readonly players: readonly number[];
  readonly joinsPerSecond: number;
  readonly settleSeconds: number;
  /** For each number of players; the last holds for those that follow. */
  readonly measureSeconds: readonly number[];
  /** Players that are read in full. */
  readonly probes: number;
  /** All is measured once more, so many seconds later; one more player may join before that and never read. */
  readonly later?: { readonly seconds: number; readonly stalledPlayer: boolean };
}

/** Players of a stored file, who begin all over it. */
export interface FileLoad {
  readonly server: ServerProcess;
  readonly port: number;
  readonly app: string;
  readonly name: string;
  readonly filmSeconds: number;
  readonly players: readonly number[];
  readonly joinsPerSecond: number;
  readonly settleSeconds: number;
  readonly measureSeconds: number;
}

/** What was measured while the number of players was one. */
export interface StageReport {
  readonly name: string;
  readonly players: number;
  readonly seconds: number;
  readonly closedPlayers: number;
  readonly serverCpuSeconds: number;
  /** Time that the server's threads were ready to run and another program had the core. */
  readonly serverWaitedSeconds: number;
  /** The median while it was measured. */
  readonly serverRssBytes: number;
  readonly loadCpuSeconds: number;
  readonly leastBytesPerSecond: number;
  readonly medianBytesPerSecond: number;
  readonly readsPerSecondAndPlayer: number;
  /** Video frames that the probes got. */
  readonly frames: number;
  /** Since the last stage: frames that a probe should have got between two others and did not. */
  readonly lostFrames: number;
  /** Frames that a probe got and the publisher did not send. */
  readonly unknownFrames: number;
  /** From the publisher sending a frame to a probe having it whole. */
  readonly latencyMs: {
    /** Of the probe whom the server serves first: the least of the probes' own medians. */
    readonly leastMedian: number | null;
    /** Over all probes, which are spread over all players. */
    readonly median: number | null;
    readonly p99: number | null;
    readonly max: number | null;
  };
}

export interface PlayReport {
  readonly stages: readonly StageReport[];
  /** From `play` (or the GET) being sent to the first keyframe having come whole, over the probes. */
  readonly firstFrame: {
    readonly players: number;
    readonly missing: number;
    readonly medianMs: number | null;
    readonly maxMs: number | null;
    /** From the begin of the connection instead. */
    readonly fromConnectMedianMs: number | null;
  };
  /** Whether the server had closed the connection of the player that never reads. */
  readonly stalledWasClosed: boolean;
}

export interface HalfOpenReport {
  readonly connections: number;
  readonly openAtOnce: number;
  readonly closed: number;
  readonly firstClosedAfterSeconds: number;
  readonly lastClosedAfterSeconds: number;
  readonly serverRssBytesBefore: number;
  readonly serverRssBytesMost: number;
}

/** Compiles the load generator when its source has changed; gives the path of the program. */
export function buildRtmpLoadGenerator(): Promise<string> {
  return compileLoadProgram('rtmp-load', 'rtmp-load');
}

/** Publishes a clip and plays it to many. Throws with the generator's reason when a server refuses or does not answer. */
export async function playUnderLoad(generator: string, load: PlayLoad): Promise<PlayReport> {
  const args = generatorArguments('play', load.servers, {
    'publish-port': load.publishPort,
    port: load.playPort,
    file: load.clip.file,
    stream: load.stream,
    players: load.players.join(','),
    rate: load.joinsPerSecond,
    settle: load.settleSeconds,
    measure: load.measureSeconds.join(','),
    probes: load.probes,
    ...(load.later === undefined ? {} : { later: load.later.seconds }),
  });
  if (load.protocol === 'http-flv') args.push('--flv');
  if (load.later?.stalledPlayer === true) args.push('--stalled');
  return (await runGenerator(generator, args)) as PlayReport;
}

/** Plays a stored file to many, each at its own place. Throws as `playUnderLoad` does. */
export async function playFileUnderLoad(generator: string, load: FileLoad): Promise<PlayReport> {
  const args = generatorArguments('file', [load.server], {
    port: load.port,
    app: load.app,
    stream: load.name,
    'film-seconds': load.filmSeconds,
    players: load.players.join(','),
    rate: load.joinsPerSecond,
    settle: load.settleSeconds,
    measure: load.measureSeconds,
    probes: Math.min(...load.players),
  });
  return (await runGenerator(generator, args)) as PlayReport;
}

/** Opens connections that never finish their handshake, and waits for the server to close them. */
export async function leaveHandshakesOpen(
  generator: string,
  server: ServerProcess,
  load: {
    readonly port: number;
    readonly connections: number;
    readonly joinsPerSecond: number;
    readonly seconds: number;
  },
): Promise<HalfOpenReport> {
  const args = generatorArguments('half-open', [server], {
    port: load.port,
    connections: load.connections,
    rate: load.joinsPerSecond,
    seconds: load.seconds,
  });
  return (await runGenerator(generator, args)) as HalfOpenReport;
}

function generatorArguments(
  mode: 'play' | 'file' | 'half-open',
  servers: readonly ServerProcess[],
  options: Readonly<Record<string, string | number>>,
): string[] {
  const pids = servers.flatMap(({ pid }) => pidsOfTree(pid)).flatMap((pid) => ['--server-pid', String(pid)]);
  return [mode, ...Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]), ...pids];
}

async function runGenerator(generator: string, args: readonly string[]): Promise<unknown> {
  const [command, commandArgs] = pinned(loadCore, generator, args);
  try {
    const { stdout } = await execute(command, commandArgs, { timeout: deadlineMs });
    return JSON.parse(stdout);
  } catch (error) {
    const reason = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : '';
    throw new Error(reason === '' ? `the load generator failed: ${String(error)}` : reason, { cause: error });
  }
}
