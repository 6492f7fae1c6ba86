import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBrowser } from '../support/browser.ts';
import { eventually } from '../support/condition.ts';
import { HlsPage } from '../support/hls-page.ts';
import { currentTime } from '../support/player-page.ts';
import { type RunningProgram, startProgram } from '../support/program.ts';

let program: RunningProgram;
let browser: BrowserContext;
const publishers = new Set<ChildProcess>();

beforeAll(async () => {
  program = await startProgram({ configuration: { demo: false } });
  browser = await openBrowser();
});

afterAll(async () => {
  for (const publisher of publishers) publisher.kill('SIGKILL');
  await browser.close();
  await program.stop();
});

/** Thirty pictures a second with sound, as they would come from a camera. */
function publish(name: string, keyframeSeconds: number, seconds: number): Promise<unknown> {
  const source = [`testsrc2=size=320x180:rate=30:duration=${seconds}`, `sine=sample_rate=48000:duration=${seconds}`];
  const inputs = source.flatMap((input) => ['-re', '-f', 'lavfi', '-i', input]);
  const keyframes = ['-g', String(30 * keyframeSeconds), '-sc_threshold', '0'];
  const codecs = ['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', ...keyframes, '-c:a', 'aac'];
  const output = ['-f', 'flv', `${program.rtmpUrl}/${name}`];
  const publisher = spawn('ffmpeg', ['-nostdin', '-v', 'error', ...inputs, ...codecs, ...output], { stdio: 'ignore' });
  publishers.add(publisher);
  return once(publisher, 'exit').finally(() => publishers.delete(publisher));
}

/** What the page has asked for and got. */
interface Watched {
  readonly page: Page;
  /** Media playlists. */
  readonly answers: { readonly url: string; readonly status: number; readonly isUpdate: boolean }[];
  /** Addresses of parts of media. */
  readonly parts: string[];
}

/** What hls.js said with `Hls.Events.ERROR`. */
interface Problem {
  readonly details: string;
  readonly fatal: boolean;
  readonly code?: number;
}

async function watch(name: string, settings: object): Promise<Watched> {
  const viewer = await HlsPage.open(browser, program.edgeUrl);
  const { page } = viewer;
  const answers: Watched['answers'] = [];
  const parts: string[] = [];
  page.on('request', (request) => {
    if (/\.\d+\.m4s$/.test(request.url())) parts.push(request.url());
  });
  page.on('response', (response) => {
    if (!/(?:video|audio)\.m3u8/.test(response.url())) return;
    void response.text().then(
      (text) =>
        answers.push({ url: response.url(), status: response.status(), isUpdate: text.includes('#EXT-X-SKIP') }),
      () => {},
    );
  });
  await viewer.play(name, {
    settings: JSON.stringify(settings),
    setUp: `window.problems = [];
      hls.on(Hls.Events.ERROR, (_event, { details, fatal, response }) => window.problems.push({ details, fatal, code: response?.code }));`,
  });
  return { page, answers, parts };
}

async function hasSegments(name: string, count: number): Promise<boolean> {
  const response = await fetch(`${program.edgeUrl}/live/${name}/video.m3u8`);
  return response.ok && ((await response.text()).match(/#EXTINF/g)?.length ?? 0) >= count;
}

const problems = (page: Page) => page.evaluate<Problem[]>('window.problems');

/**
 * hls.js asks for the last part of a segment as the segment begins, and gives up after eight tenths of the target
 * duration, whatever its settings; then it asks again. Whether it does so depends on when in a segment it begins.
 */
const isImpatience = ({ details, fatal }: Problem) => !fatal && /^(?:level|audioTrack)LoadTimeOut$/.test(details);

async function untilPlayed(page: Page, seconds: number): Promise<void> {
  const from = await currentTime(page);
  await eventually(`${seconds} s more are played`, async () => (await currentTime(page)) >= from + seconds, 60_000);
}

describe('hls.js', () => {
  it('joins a stream that has just begun, and plays on with updates over a discontinuity that the updates leave out in the end', async () => {
    const first = publish('updates', 2, 16);
    const { page, answers, parts } = await watch('updates', {});
    await untilPlayed(page, 4);
    // Of a segment with the number 0 it forgets which parts it has.
    expect(parts.filter((part, index) => parts.indexOf(part) !== index)).toEqual([]);
    await first;
    const second = publish('updates', 2, 24);
    await eventually('there are updates', () => answers.filter(({ isUpdate }) => isUpdate).length > 10, 60_000);
    await untilPlayed(page, 14);
    expect((await problems(page)).filter(({ fatal }) => fatal)).toEqual([]);
    expect((await problems(page)).filter(({ details }) => /Parsing/i.test(details))).toEqual([]);
    expect(answers.filter(({ status }) => status === 400 || status === 404)).toEqual([]);
    expect(answers.filter(({ url }) => url.includes('_HLS_skip=v2')).length).toBeGreaterThan(10);
    await page.close();
    for (const publisher of publishers) publisher.kill('SIGKILL');
    await second;
  });

  it('plays segments of four seconds with lowLatencyMode: false, and is refused nothing', async () => {
    const published = publish('patient', 4, 60);
    // Who comes earlier has less to play than HOLD-BACK says, and may stand still for what is not there yet.
    await eventually('there is as much as HOLD-BACK says', () => hasSegments('patient', 3), 40_000);
    const { page, answers } = await watch('patient', { lowLatencyMode: false });
    await untilPlayed(page, 12);
    expect((await problems(page)).filter((problem) => !isImpatience(problem))).toEqual([]);
    // The last part of the running segment is farther ahead than three seconds.
    const parts = answers.map(({ url }) => Number(/_HLS_part=(\d+)/.exec(url)?.[1] ?? 0));
    expect(Math.max(...parts)).toBeGreaterThan(9);
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    await page.close();
    for (const publisher of publishers) publisher.kill('SIGKILL');
    await published;
  });
});
