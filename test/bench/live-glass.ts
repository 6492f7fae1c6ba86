import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../src/cli/system-clock.ts';
import { openMediaFile } from '../../src/rtmp/media-file/media-file.ts';
import { publishRtmp, type PublishItem } from '../../src/rtmp/rtmp-publisher.ts';
import { openBrowser } from '../support/browser.ts';
import { eventually } from '../support/condition.ts';
import { clipFrames, clipFramesPerSecond, frameNumberInPage } from '../support/frame-counter.ts';
import { LogRecorder } from '../support/log-recorder.ts';
import { startProgram } from '../support/program.ts';
import { percentile } from './live-latency.ts';
import type { BenchRow } from './report.ts';
import { atMost, type RowHead, rowsOf } from './rtmp-rows.ts';

const clip = join(import.meta.dirname, '..', '..', 'media', 'demo.mp4');
const boundMs = 1_500;

/** A frame of the clip on the screen; on the wall clock. */
interface ShownFrame {
  readonly frame: number;
  readonly atMs: number;
}

const heads: readonly RowHead[] = [
  { name: 'glass to glass in Chromium, 95 of 100 frames', unit: 'ms', better: 'lower', target: atMost(boundMs) },
  { name: 'glass to glass in Chromium, median', unit: 'ms', better: 'lower', target: null },
  { name: 'the same, stalls of the player', unit: 'stalls', better: 'lower', target: null },
];

/**
 * From a frame having been sent over RTMP, through origin and edge in one process with its default settings, to it being on
 * the screen of the player page: the number in the picture says which frame it is. Publisher and browser run on one
 * machine, so they have one clock.
 */
export function glassRows(quick: boolean): Promise<readonly BenchRow[]> {
  return rowsOf(heads, async () => {
    const program = await startProgram({ configuration: { demo: false } });
    const browser = await openBrowser();
    const stopping = new AbortController();
    const sentAtMs = new Map<number, number>();
    const file = await openMediaFile(clip);
    const publishing = publishRtmp({
      url: `${program.rtmpUrl}/glass`,
      source: noting(file.items({ loop: true }), sentAtMs),
      clock: systemClock,
      log: new LogRecorder(),
      signal: stopping.signal,
      pacing: 'realtime',
    });
    try {
      await eventually('the stream is live', async () => {
        const list = await (await fetch(`${program.edgeUrl}/live/streams.json`)).text();
        return list.includes('"state":"live"');
      });
      const page = await browser.newPage();
      await page.goto(`${program.edgeUrl}/?stream=glass`);
      const player = () =>
        page.evaluate<Readonly<Record<string, string>>>("({ ...document.querySelector('.player')?.dataset })");
      await eventually('it plays', async () => (await player())['state'] === 'playing', 20_000);
      await sleep(quick ? 2_000 : 10_000);
      const shown = await page.evaluate<readonly ShownFrame[]>(`new Promise((resolve) => {
        const video = document.querySelector('video');
        const shown = [];
        const end = performance.now() + ${quick ? 3_000 : 30_000};
        const next = (now, { expectedDisplayTime }) => {
          const frame = ${frameNumberInPage}(video);
          if (frame !== null) shown.push({ frame, atMs: performance.timeOrigin + expectedDisplayTime });
          if (now < end) video.requestVideoFrameCallback(next);
          else resolve(shown);
        };
        video.requestVideoFrameCallback(next);
      })`);
      const delays = shown.map(({ frame, atMs }) => atMs - (sentAtMs.get(frame) ?? Number.NaN));
      const { stalls } = await player();
      return [
        { value: percentile(delays, 0.95), notes: [`${delays.length} frames, 350 ms parts`] },
        { value: percentile(delays, 0.5) },
        { value: Number(stalls) },
      ];
    } finally {
      await browser.close();
      stopping.abort();
      await publishing.catch(() => {});
      await file.close();
      await program.stop();
    }
  });
}

/** Notes when each frame of the clip was sent last. Who sends comes back for more when it has sent. */
async function* noting(items: AsyncIterable<PublishItem>, sentAtMs: Map<number, number>): AsyncGenerator<PublishItem> {
  let firstShownMs: number | undefined;
  for await (const item of items) {
    yield item;
    if (item.kind !== 'unit' || item.unit.kind !== 'video') continue;
    const shownMs = item.unit.timestampMs + item.unit.compositionOffsetMs;
    firstShownMs ??= shownMs;
    const frame = Math.round(((shownMs - firstShownMs) * clipFramesPerSecond) / 1_000) % clipFrames;
    sentAtMs.set(frame, performance.timeOrigin + performance.now());
  }
}
