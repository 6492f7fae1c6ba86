import { setTimeout as sleep } from 'node:timers/promises';
import { isoBoxes, oneBox } from '../support/iso-boxes.ts';
import { ClipSender, ClipSenders, pictureKeyOf, rtmpOutlet, tagsOf } from './live-clip-sender.ts';
import { followRendition, type HeldPart, ViewerConnections } from './live-viewer.ts';
import type { BenchRow } from './report.ts';
import type { Clip } from './rtmp-clip.ts';
import { atMost, type Figure, type RowHead, rowsOf } from './rtmp-rows.ts';
import { startOurEdge, startOurOrigin } from './rtmp-servers.ts';

/** Streams at once, for more parts in the same time; all else than many. */
const streams = 3;

/** From the last picture of a part having been sent to the part, or the playlist that lists it, having come. */
interface PartDelay {
  readonly partMs: number;
  readonly playlistMs: number;
  /** From the picture after it instead: a part waits for that if it cannot know how long its last picture lasts. */
  readonly partAfterNextMs: number;
}

interface LatencyPlan {
  readonly clip: Clip;
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
]);

/**
 * How soon a video part is there for who waits for it: from its last picture having been written to the socket to the
 * answer's last byte having been read. One process publishes and asks, so there is one clock.
 */
export function partLatencyRows({ clip, workFolder, quick }: LatencyPlan): Promise<readonly BenchRow[]> {
  return rowsOf(heads, async () => {
    await using origin = await startOurOrigin(`${workFolder}/latency`);
    await using edge = await startOurEdge(`${workFolder}/latency-edge`, origin);
    const tags = tagsOf(clip);
    await using senders = new ClipSenders();
    const published = new Map<string, ClipSender>();
    for (let n = 0; n < streams; n++) {
      const sender = new ClipSender(tags, await rtmpOutlet(origin.rtmpPort, `s${n}`));
      published.set(`s${n}`, sender);
      senders.add(sender, streams);
    }
    const figures: Figure[] = [];
    for (const port of [origin.httpPort, edge.httpPort]) {
      const delays = await measure(
        `http://127.0.0.1:${port}`,
        published,
        quick ? { warmUp: 3, run: 3 } : { warmUp: 10, run: 30 },
      );
      const notes = [`${delays.length} parts`];
      figures.push(
        {
          value: percentile(
            delays.map(({ partMs }) => partMs),
            0.99,
          ),
          notes,
        },
        {
          value: percentile(
            delays.map(({ partMs }) => partMs),
            0.5,
          ),
        },
        {
          value: percentile(
            delays.map(({ playlistMs }) => playlistMs),
            0.99,
          ),
        },
        {
          value: percentile(
            delays.map(({ partAfterNextMs }) => partAfterNextMs),
            0.99,
          ),
        },
      );
    }
    return figures;
  });
}

async function measure(
  url: string,
  published: ReadonlyMap<string, ClipSender>,
  seconds: { readonly warmUp: number; readonly run: number },
): Promise<readonly PartDelay[]> {
  const leaving = new AbortController();
  using connections = new ViewerConnections(url, published.size * 2);
  const delays: PartDelay[] = [];
  const startMs = performance.now() + seconds.warmUp * 1_000;
  const following = [...published].map(([stream, sender]) =>
    followRendition(connections, { stream, rendition: 'video' }, leaving.signal, (part) => {
      if (part.partAtMs > startMs) delays.push(delayOf(part, sender));
    }),
  );
  const failed = Promise.all(following);
  await Promise.race([sleep((seconds.warmUp + seconds.run) * 1_000), failed]);
  leaving.abort();
  await failed;
  return delays;
}

function delayOf({ bytes, partAtMs, playlistAtMs }: HeldPart, sender: ClipSender): PartDelay {
  const sent = sender.timesOf(lastPictureKeyOf(bytes));
  if (sent === undefined) throw new Error('a part ends with a picture that was not sent');
  return {
    partMs: partAtMs - sent.atMs,
    playlistMs: playlistAtMs - sent.atMs,
    partAfterNextMs: partAtMs - (sent.nextAtMs ?? partAtMs),
  };
}

/** Of the last picture in a part of video. */
export function lastPictureKeyOf(part: Uint8Array): string {
  const { samples } = oneBox(isoBoxes(part), 'trun');
  return pictureKeyOf(part.subarray(part.length - (samples.at(-1)?.sampleSize ?? 0)));
}

export function percentile(values: readonly number[], share: number): number | null {
  return values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? null;
}
