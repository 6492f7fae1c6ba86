import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openBrowser } from '../support/browser.ts';
import { eventually } from '../support/condition.ts';
import { makeFile, run } from '../support/ffmpeg.ts';
import { FfmpegEncoder } from '../support/ffmpeg-encoder.ts';
import { HlsPage } from '../support/hls-page.ts';
import { type ParsedSegment, parsePlaylist } from '../support/parsed-playlist.ts';
import { recordPlaylists } from '../support/playlist-recorder.ts';
import { type RunningProgram, startProgram } from '../support/program.ts';

type Colour = readonly [red: number, green: number, blue: number];

const isRed = ([red, green, blue]: Colour): boolean => red > 180 && green < 70 && blue < 70;

/** A red picture of another size and rate than the publisher's, without sound. */
async function makeSlate(path: string): Promise<void> {
  const source = ['-f', 'lavfi', '-i', 'color=red:s=640x360:r=25', '-t', '5'];
  const codec = ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '50', '-pix_fmt', 'yuv420p'];
  await makeFile([...source, ...codec], path);
}

/** ffmpeg as a player over RTMP: two pictures a second, each as its mean colour. */
function playRtmp(url: string): AsyncDisposable & { readonly colours: () => Colour[] } {
  const output = ['-an', '-vf', 'fps=2,scale=1:1:flags=area', '-f', 'rawvideo', '-pix_fmt', 'rgb24', '-'];
  const child = spawn('ffmpeg', ['-nostdin', '-v', 'error', '-i', url, ...output], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const exited = once(child, 'exit');
  let pixels = Buffer.alloc(0);
  child.stdout.on('data', (bytes: Buffer) => {
    pixels = Buffer.concat([pixels, bytes]);
  });
  return {
    colours: () =>
      Array.from({ length: Math.floor(pixels.length / 3) }, (_, index): Colour => {
        const [red = 0, green = 0, blue = 0] = pixels.subarray(index * 3);
        return [red, green, blue];
      }),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** What a decoder makes of the first picture of a segment. */
async function colourOf(url: string, { uri, initUri }: ParsedSegment, folder: string): Promise<Colour> {
  const file = join(folder, 'segment.mp4');
  const bodies = [initUri ?? '', uri].map(async (path) =>
    Buffer.from(await (await fetch(`${url}/${path}`)).arrayBuffer()),
  );
  writeFileSync(file, Buffer.concat(await Promise.all(bodies)));
  const raw = join(folder, 'picture.rgb');
  const decode = [
    '-i',
    file,
    '-frames:v',
    '1',
    '-vf',
    'scale=1:1:flags=area',
    '-f',
    'rawvideo',
    '-pix_fmt',
    'rgb24',
    raw,
  ];
  const { standardError } = await run('ffmpeg', ['-nostdin', '-y', '-v', 'error', ...decode]);
  if (standardError !== '') throw new Error(standardError);
  const [red = 0, green = 0, blue = 0] = readFileSync(raw);
  return [red, green, blue];
}

/** The program with a slate for every stream, and a folder for files; both go with the stack. */
async function startWithSlate(
  stack: AsyncDisposableStack,
  { reconnectGrace, ...rule }: { readonly reconnectGrace: string; readonly stall?: string },
): Promise<{ readonly program: RunningProgram; readonly folder: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'streamfront-slate-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'slate.mp4');
  await makeSlate(file);
  const live = { reconnectGrace, slate: [{ stream: 'live/*', file, ...rule }] };
  const program = await startProgram({ configuration: { demo: false, origin: { live } } });
  stack.defer(async () => void (await program.stop()));
  return { program, folder };
}

it('hls.js and an RTMP player see the slate when ffmpeg is killed, and the stream again when it is back', async () => {
  await using stack = new AsyncDisposableStack();
  const { program, folder } = await startWithSlate(stack, { reconnectGrace: '25s' });
  const url = `${program.edgeUrl}/live/stage`;
  const publish = () => {
    const encoder = new FfmpegEncoder(`${program.rtmpUrl}/stage`);
    stack.use(encoder);
    return encoder;
  };
  const onAir = async () => {
    const { streams } = (await (await fetch(`${program.originUrl}/live/streams.json`)).json()) as {
      streams: { state: string; publishers: { role: string; state: string }[] }[];
    };
    return streams.map(({ state, publishers: [first] }) => `${state} ${first?.role}`).join();
  };

  const encoder = publish();
  await eventually('there is a playlist', async () => (await fetch(`${url}/index.m3u8`)).ok, 30_000);
  const recorded = recordPlaylists(url, ['video.m3u8', 'audio.m3u8'], 150_000);
  recorded.catch(() => {});
  const player = playRtmp(`${program.rtmpUrl}/stage`);
  stack.use(player);
  const browser = await openBrowser();
  stack.defer(() => browser.close());
  const page = await HlsPage.open(browser, program.edgeUrl);
  await page.play('stage', { settings: '{ lowLatencyMode: true }' });
  await page.untilPlayed(3);

  await encoder.kill();
  await eventually('the slate is on the air', async () => (await onAir()) === 'live slate', 15_000);
  const shown = await eventually(
    'hls.js shows the slate',
    async () => {
      const seen = await page.seen();
      if (seen.fatal.length > 0) throw new Error(seen.fatal.join());
      return seen.frame === null && isRed(await centreOf(page)) && seen;
    },
    30_000,
  );
  await eventually(
    'hls.js plays the slate, its loops too, and the silence beside it',
    async () => {
      const seen = await page.seen();
      return (
        seen.currentTime > shown.currentTime + 7 && seen.audioBytes > shown.audioBytes && isRed(await centreOf(page))
      );
    },
    30_000,
  );
  const slate = parsePlaylist(await (await fetch(`${url}/video.m3u8`)).text()).segments.at(-1);
  if (slate === undefined) throw new Error('there is no segment');
  expect(isRed(await colourOf(url, slate, folder))).toBe(true);

  const again = publish();
  await eventually('the publisher is back', async () => (await onAir()) === 'live primary', 15_000);
  expect((await page.untilPlayed(4)).fatal).toEqual([]);
  const reds = await eventually(
    'the RTMP player has seen the slate',
    () => {
      const seen = player.colours().map(isRed);
      return seen.lastIndexOf(true) > seen.indexOf(true) + 12 && seen;
    },
    30_000,
  );
  await eventually('the RTMP player has the publisher again', () => {
    const colours = player.colours();
    return colours.length > reds.length + 4 && colours.slice(-4).every((colour) => !isRed(colour));
  });

  await again.kill();
  const histories = await recorded;
  const { segments } = parsePlaylist(histories.get('video.m3u8')?.at(-1) ?? '');
  const runs = segments.filter(({ discontinuity }) => discontinuity);
  expect(runs.map(({ initUri }) => initUri?.replace(/^[^/]+/, ''))).toEqual([
    '/video/init-1.mp4',
    '/video/init-2.mp4',
    '/video/init-3.mp4',
  ]);
  expect(segments.some(({ gap }) => gap)).toBe(false);
}, 240_000);

it('a stalled ffmpeg makes way for the slate, and is back on the air without its time running ahead', async () => {
  await using stack = new AsyncDisposableStack();
  const { program, folder } = await startWithSlate(stack, { reconnectGrace: '3s', stall: '2s' });
  const url = `${program.originUrl}/live/stage`;
  const encoder = new FfmpegEncoder(`${program.originRtmpUrl}/stage`);
  stack.use(encoder);
  await eventually('there is a playlist', async () => (await fetch(`${url}/index.m3u8`)).ok, 30_000);
  const recorded = recordPlaylists(url, ['video.m3u8', 'audio.m3u8'], 120_000);
  recorded.catch(() => {});
  const newest = async (runs: number) => {
    const { segments } = parsePlaylist(await (await fetch(`${url}/video.m3u8`)).text());
    return segments.filter(({ discontinuity }) => discontinuity).length === runs ? segments.at(-1) : undefined;
  };

  encoder.stall();
  await eventually('the slate has gone on for a while', async () => ((await newest(1))?.msn ?? 0) > 6, 40_000);
  encoder.resume();
  const back = await eventually('ffmpeg is back', () => newest(2), 20_000);
  const aheadMs = (back.programDateTimeMs ?? 0) + back.durationSeconds * 1_000 - Date.now();
  expect(aheadMs).toBeLessThan(4_000);
  expect(isRed(await colourOf(url, back, folder))).toBe(false);

  await encoder.kill();
  await recorded;
}, 180_000);

function centreOf(page: HlsPage): Promise<Colour> {
  return page.page.evaluate<Colour>(`(() => {
    const video = document.querySelector('video');
    const context = new OffscreenCanvas(1, 1).getContext('2d');
    context.drawImage(video, 0, 0, 1, 1);
    return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
  })()`);
}
