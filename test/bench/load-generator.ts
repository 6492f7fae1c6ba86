import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { cpuSecondsOfTree } from './cpu-time.ts';
import { compileLoadProgram } from './load-program.ts';
import { loadCore, pinned } from './processor.ts';
import type { BenchRow } from './report.ts';
import type { ServerProcess } from './server-process.ts';

const execute = promisify(execFile);

export interface HttpLoad {
  readonly path: string;
  /** A file with a path on each line, which are asked for in turn instead of `path`. */
  readonly paths?: string;
  /** A line of the head of each request, such as `Cookie: a=b`. */
  readonly field?: string;
  readonly connections: number;
  readonly seconds: number;
  /** Requests a second at fixed times; without it each connection asks again as soon as it has its answer. */
  readonly rate?: number;
  /** To the server's TLS port; the generator must be built for it. */
  readonly tls?: boolean;
  /** Must stand in the head of every answer, letter case aside, such as `X-Cache: Hit`. */
  readonly expect?: string;
  /** So many numbers stand in for `{n}` in the path, each once before any comes again. */
  readonly numbers?: number;
  /** It ends after so many answers, if `seconds` have not passed before. */
  readonly requests?: number;
}

/** What one measurement says. */
export interface LoadSample {
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Share of a core that the load generator took itself. */
  readonly loadCpuShare: number;
  /** Share of a core that the server and all its processes took. */
  readonly serverCpuShare: number;
  readonly serverCpuMicrosPerRequest: number;
}

/** Compiles the load generator when its source has changed; gives the path of the program. */
export function buildLoadGenerator(): Promise<string> {
  return compileLoadProgram('http-load', 'http-load.c');
}

/** The same with TLS, which needs the headers of OpenSSL. */
export function buildTlsLoadGenerator(): Promise<string> {
  return compileLoadProgram('http-load-tls', 'http-load.c', ['-DWITH_TLS', '-lssl', '-lcrypto']);
}

/** Puts a server under load from the core for load. Throws when an answer is not what was expected. */
export async function loadServer(generator: string, server: ServerProcess, load: HttpLoad): Promise<LoadSample> {
  const args: (string | number | undefined)[] = [
    '--port',
    load.tls === true ? server.tlsPort : server.port,
    '--path',
    load.path,
    '--connections',
    load.connections,
    '--seconds',
    load.seconds,
  ];
  if (load.rate !== undefined) args.push('--rate', load.rate);
  if (load.tls === true) args.push('--tls');
  if (load.expect !== undefined) args.push('--expect', load.expect);
  if (load.paths !== undefined) args.push('--paths', load.paths);
  if (load.field !== undefined) args.push('--field', load.field);
  if (load.numbers !== undefined) args.push('--numbers', load.numbers);
  if (load.requests !== undefined) args.push('--requests', load.requests);
  const [command, commandArgs] = pinned(loadCore, generator, args.map(String));
  const cpuBefore = cpuSecondsOfTree(server.pid);
  const beganAtMs = performance.now();
  const { stdout } = await execute(command, commandArgs, { timeout: load.seconds * 1_000 + 20_000 });
  const wallSeconds = (performance.now() - beganAtMs) / 1_000;
  const serverCpuSeconds = cpuSecondsOfTree(server.pid) - cpuBefore;
  const result = JSON.parse(stdout) as Record<
    'requests' | 'requestsPerSecond' | 'p50Ms' | 'p99Ms' | 'cpuShare',
    number
  >;
  if (result.requests === 0) throw new Error(`not one answer for ${load.path} on port ${server.port}`);
  return {
    requestsPerSecond: result.requestsPerSecond,
    p50Ms: result.p50Ms,
    p99Ms: result.p99Ms,
    loadCpuShare: result.cpuShare,
    serverCpuShare: serverCpuSeconds / wallSeconds,
    serverCpuMicrosPerRequest: (serverCpuSeconds * 1e6) / result.requests,
  };
}

const busyShare = 0.9;

/**
 * A note when it was not the server that had no time left: its figure is then only a lower bound. Either the load
 * generator was the bottleneck, or something else on the machine took the time of both.
 */
export function bottleneckNote(who: string, sample: LoadSample): BenchRow['notes'] {
  if (sample.serverCpuShare >= busyShare) return [];
  const percent = (share: number) => `${Math.round(share * 100)} %`;
  if (sample.loadCpuShare < busyShare) {
    return [
      `${who} had only ${percent(sample.serverCpuShare)} of its core, and the load generator was not the bottleneck: something else ran on this machine`,
    ];
  }
  return [
    `the load generator was the bottleneck for ${who} (${percent(sample.loadCpuShare)} of its core, the server ${percent(sample.serverCpuShare)}): the figure is a lower bound`,
  ];
}
