import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { isoBoxes, oneBox } from '../support/iso-boxes.ts';
import { frameKeyOf } from './live-clip-sender.ts';
import { loadCore, pinned } from './processor.ts';
import type { BenchRow } from './report.ts';
import type { Clip } from './rtmp-clip.ts';
import { atMost, type Figure, type RowHead, rowsOf } from './rtmp-rows.ts';
import { startOurEdge, startOurOrigin } from './rtmp-servers.ts';

const execute = promisify(execFile);

/** What `live-latency-child.ts` is to measure. */
export interface LatencyOrder {
  /** A stream of each at once, for more parts in the same time; all else than many. */
  readonly clips: readonly Pick<Clip, 'file'>[];
  readonly rtmpPort: number;
  /** Of the servers that are asked for the parts, one after the other. */
  readonly httpPorts: readonly number[];
  readonly warmUpSeconds: number;
  readonly runSeconds: number;
}

/** From the last frame of a part having been sent to the part, or the playlist that lists it, having come. */
export interface PartDelay {
  readonly partMs: number;
  readonly playlistMs: number;
  /** From the frame after it instead: a part waits for that if it cannot know how long its last picture lasts. */
  readonly partAfterNextMs: number;
  /** For so long of `partMs` the process that measures collected its own garbage. */
  readonly pausedMs: number;
}

/** Of one server. */
export interface PartDelays {
  readonly video: readonly PartDelay[];
  readonly audio: readonly PartDelay[];
}

interface LatencyPlan {
  readonly clips: readonly Clip[];
  readonly workFolder: string;
  readonly quick: boolean;
}

const ways = [
  { name: 'at the origin', boundMs: 5 },
  { name: 'through the edge', boundMs: 10 },
];

const heads: readonly RowHead[] = ways.flatMap(({ name, boundMs }) => [
  { name: `part that is waited for, ${name}, p99`, unit: 'ms', better: 'lower', target: atMost(boundMs) },
  { name: `part that is waited for, ${name}, median`, unit: 'ms', better: 'lower', target: null },
  { name: `playlist that is waited for, ${name}, p99`, unit: 'ms', better: 'lower', target: atMost(boundMs) },
  { name: `part, ${name}, from the picture after its last, p99`, unit: 'ms', better: 'lower', target: null },
  { name: `part of sound that is waited for, ${name}, p99`, unit: 'ms', better: 'lower', target: atMost(boundMs) },
]);

/**
 * How soon a part is there for who waits for it: from its last frame having been written to the socket to the answer's
 * last byte having been read. One process, on the core for the load, publishes and asks, so there is one clock.
 */
export function partLatencyRows({ clips, workFolder, quick }: LatencyPlan): Promise<readonly BenchRow[]> {
  return rowsOf(heads, async () => {
    await using origin = await startOurOrigin(`${workFolder}/latency`);
    await using edge = await startOurEdge(`${workFolder}/latency-edge`, origin);
    const order: LatencyOrder = {
      clips,
      rtmpPort: origin.rtmpPort,
      httpPorts: [origin, edge].map(({ httpPort }) => httpPort ?? 0),
      ...(quick ? { warmUpSeconds: 3, runSeconds: 3 } : { warmUpSeconds: 10, runSeconds: 60 }),
    };
    const child = join(import.meta.dirname, 'live-latency-child.ts');
    const [command, args] = pinned(loadCore, process.execPath, [child, JSON.stringify(order)]);
    const { stdout } = await execute(command, args, { timeout: 300_000, maxBuffer: 16 * 1_048_576 });
    return (JSON.parse(stdout) as PartDelays[]).flatMap(({ video, audio }): Figure[] => {
      const share = (delays: readonly PartDelay[], of: 'partMs' | 'playlistMs' | 'partAfterNextMs', part: number) => ({
        value: percentile(
          delays.map((delay) => delay[of]),
          part,
        ),
      });
      return [
        { ...share(video, 'partMs', 0.99), notes: notesOf(video) },
        share(video, 'partMs', 0.5),
        share(video, 'playlistMs', 0.99),
        share(video, 'partAfterNextMs', 0.99),
        { ...share(audio, 'partMs', 0.99), notes: notesOf(audio) },
      ];
    });
  });
}

/** How many there were, and how much of the slowest was the load generator's own doing. */
function notesOf(delays: readonly PartDelay[]): string[] {
  const slowest = delays.toSorted((a, b) => b.partMs - a.partMs).slice(0, Math.ceil(delays.length / 100));
  const paused = slowest.filter(({ partMs, pausedMs }) => pausedMs > partMs / 10).length;
  const notes = [`${delays.length} parts, the slowest ${slowest[0]?.partMs.toFixed(1) ?? 'none'} ms`];
  if (paused > 0) notes.push(`in ${paused} of the slowest ${slowest.length} the load generator collected its garbage`);
  return notes;
}

/** Of the last frame in a part. */
export function lastFrameKeyOf(part: Uint8Array): string {
  const { samples } = oneBox(isoBoxes(part), 'trun');
  return frameKeyOf(part.subarray(part.length - (samples.at(-1)?.sampleSize ?? 0)));
}

export function percentile(values: readonly number[], share: number): number | null {
  return values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? null;
}
