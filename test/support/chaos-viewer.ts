import type { BrowserContext, Page } from 'playwright-core';
import { maxLatencyDurationCount, watchSettings } from '../../player/src/hls-settings.ts';
import { eventually } from './condition.ts';
import { HlsPage } from './hls-page.ts';

/** Of the instants at which something is killed. */
export const chaosSeed = 20_261_120;

/** hls.js may stand still before a hole until it is ten TARGETDURATIONs behind; then it jumps to the live edge. */
const standstillMs = 45_000;

/** mulberry32: the same instants each time. */
export function randomNumbers(from: number): () => number {
  let state = from;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface Watching {
  readonly currentTime: number;
  readonly fatal: readonly string[];
  readonly stalledMs: number;
  readonly watchedMs: number;
  /** What the media element holds, and the last that hls.js said went wrong. */
  readonly buffered: readonly (readonly [from: number, to: number])[];
  readonly problems: readonly string[];
}

/**
 * hls.js as the player page sets it up, or as it is by itself, in a page that has nothing else and mends nothing. In any case
 * it jumps to the live edge when it is too far behind: by itself it stands before a hole of gaps for good.
 */
export async function watchChaos(browser: BrowserContext, edgeUrl: string, isStock = false): Promise<Page> {
  const viewer = await HlsPage.open(browser, edgeUrl);
  await viewer.play('chaos', {
    ...(isStock ? {} : { settings: JSON.stringify(watchSettings) }),
    setUp: `window.watching = { fatal: [], problems: [], stalledMs: 0, watchedMs: 0 };
      hls.config.liveMaxLatencyDurationCount = ${maxLatencyDurationCount};
      hls.on(Hls.Events.ERROR, (_event, { fatal, type, details, error }) => {
        window.watching.problems = [...window.watching.problems, details + ": " + error?.message].slice(-5);
        if (fatal) window.watching.fatal.push(type + ": " + details + ": " + error?.message);
      });
      let before = { atMs: performance.now(), time: 0 };
      setInterval(() => {
        const now = { atMs: performance.now(), time: video.currentTime };
        window.watching.watchedMs += now.atMs - before.atMs;
        if (now.time === before.time) window.watching.stalledMs += now.atMs - before.atMs;
        before = now;
      }, 100);`,
  });
  return viewer.page;
}

export function stateOf(page: Page): Promise<Watching> {
  return page.evaluate<Watching>(`(() => {
    const { currentTime, buffered } = document.querySelector('video');
    const ranges = Array.from({ length: buffered.length }, (_, i) => [buffered.start(i), buffered.end(i)]);
    return { ...window.watching, currentTime, buffered: ranges };
  })()`);
}

export async function untilPlayed(page: Page, seconds: number): Promise<void> {
  const { currentTime } = await stateOf(page);
  const hasPlayed = async () => (await stateOf(page)).currentTime > currentTime + seconds;
  try {
    await eventually(`${seconds} s more have been played`, hasPlayed, standstillMs);
  } catch (cause) {
    throw new Error(`it stands still: ${JSON.stringify(await stateOf(page))}`, { cause });
  }
}

export async function isLive(edgeUrl: string): Promise<void> {
  await eventually('the stream is live', async () => {
    const list = await (await fetch(`${edgeUrl}/live/streams.json`)).text();
    return list.includes('"state":"live"');
  });
}
