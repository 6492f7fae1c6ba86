import { PerformanceObserver } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { keepPausesShort } from '../../src/cli/short-pauses.ts';
import { ClipSender, ClipSenders, rtmpOutlet, tagsOf } from './live-clip-sender.ts';
import { lastFrameKeyOf, type LatencyOrder, type PartDelay, type PartDelays } from './live-latency.ts';
import { followRendition, type HeldPart, ViewerConnections } from './live-viewer.ts';

/*
 * `node live-latency-child.ts ORDER` (JSON, a `LatencyOrder`): publishes clips, each as a stream, asks for their parts, and
 * prints how late those were, for each server, as JSON. In a process of its own, whose heap is small: what it collects
 * itself would count as the server's.
 */
keepPausesShort([process.env['NODE_OPTIONS'], ...process.execArgv]);

const order = JSON.parse(process.argv[2] ?? '') as LatencyOrder;

/** Pauses of this process, on the clock of the delays. */
const pauses: { readonly beganMs: number; readonly endMs: number }[] = [];
const observer = new PerformanceObserver((list) => {
  for (const { startTime, duration } of list.getEntries()) {
    pauses.push({ beganMs: startTime, endMs: startTime + duration });
  }
});
observer.observe({ entryTypes: ['gc'] });

await using senders = new ClipSenders();
const published = new Map<string, ClipSender>();
for (const [n, clip] of order.clips.entries()) {
  const sender = new ClipSender(tagsOf(clip), await rtmpOutlet(order.rtmpPort, `s${n}`));
  published.set(`s${n}`, sender);
  senders.add(sender, order.clips.length);
}
const measured: PartDelays[] = [];
for (const port of order.httpPorts) measured.push(await measure(`http://127.0.0.1:${port}`));
process.stdout.write(JSON.stringify(measured));

async function measure(url: string): Promise<PartDelays> {
  const leaving = new AbortController();
  using connections = new ViewerConnections(url, published.size * 4);
  const looking = { video: [] as Promise<PartDelay>[], audio: [] as Promise<PartDelay>[] };
  const startMs = performance.now() + order.warmUpSeconds * 1_000;
  const following = [...published].flatMap(([stream, sender]) =>
    (['video', 'audio'] as const).map((rendition) =>
      followRendition(connections, { stream, rendition }, leaving.signal, (part) => {
        if (part.partAtMs > startMs) looking[rendition].push(whenQuiet(() => delayOf(part, rendition, sender)));
      }),
    ),
  );
  const failed = Promise.all(following);
  await Promise.race([sleep((order.warmUpSeconds + order.runSeconds) * 1_000), failed]);
  leaving.abort();
  await failed;
  return { video: await Promise.all(looking.video), audio: await Promise.all(looking.audio) };
}

/** The parts of all streams come at about the same time: to look into one would make the next one late. */
async function whenQuiet<T>(look: () => T): Promise<T> {
  await sleep(50);
  return look();
}

function delayOf({ bytes, partAtMs, playlistAtMs }: HeldPart, kind: 'video' | 'audio', sender: ClipSender): PartDelay {
  const sent = sender.timesOf(kind, lastFrameKeyOf(bytes));
  if (sent === undefined) throw new Error('a part ends with a frame that was not sent');
  return {
    partMs: partAtMs - sent.atMs,
    playlistMs: playlistAtMs - sent.atMs,
    partAfterNextMs: partAtMs - (sent.nextAtMs ?? partAtMs),
    pausedMs: pausedBetween(sent.atMs, partAtMs),
  };
}

function pausedBetween(fromMs: number, toMs: number): number {
  return pauses.reduce((sum, { beganMs, endMs }) => {
    return sum + Math.max(0, Math.min(endMs, toMs) - Math.max(beganMs, fromMs));
  }, 0);
}
