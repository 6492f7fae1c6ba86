import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readFile, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBrowser } from '../support/browser.ts';
import { type PacketHashes, packetHashes, run } from '../support/ffmpeg.ts';
import { placedPackets } from '../support/probed-packets.ts';
import { type RunningProgram, startProgram } from '../support/program.ts';
import { playedByName, type PlayedFile } from '../support/stored-player.ts';

const seconds = 4;
const framesPerSecond = 25;
const picture = ['-f', 'lavfi', '-i', `testsrc2=size=320x180:rate=${framesPerSecond}:duration=${seconds}`];
const tone = ['-f', 'lavfi', '-i', `sine=frequency=440:sample_rate=48000:duration=${seconds}`];
const avc = ['-c:v', 'libx264', '-preset', 'ultrafast', '-bf', '2', '-g', '25', '-pix_fmt', 'yuv420p'];
/** Noise, so that a file takes several slices. */
const noisy = ['-vf', 'noise=alls=40:allf=t', '-b:v', '2M'];

let folder: string;
let program: RunningProgram;
/** `rtmp://127.0.0.1:PORT/cfx/st` */
let url: string;
/** What ffmpeg reads from the file itself. */
let whole: PacketHashes;

/** In the library. */
const inLibrary = (name: string) => join(program.dataFolder, 'library', name);

async function ffmpeg(...args: readonly string[]): Promise<void> {
  const { code, standardError } = await run('ffmpeg', ['-nostdin', '-y', '-v', 'error', ...args]);
  if (code !== 0) throw new Error(`ffmpeg ${args.join(' ')}:\n${standardError}`);
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'streamfront-stored-media-'));
  program = await startProgram({ configuration: { edge: { cache: { slice: '64KiB' } } }, flags: ['--no-demo'] });
  url = program.rtmpUrl.replace(/live$/, 'cfx/st');
  await mkdir(inLibrary('dir'), { recursive: true });
  const video = inLibrary('dir/video.mp4');
  await Promise.all([
    ffmpeg(...picture, ...tone, ...avc, ...noisy, '-c:a', 'aac', video),
    ffmpeg(
      ...picture,
      '-c:v',
      'libx265',
      '-preset',
      'ultrafast',
      '-x265-params',
      'log-level=none:keyint=25:bframes=2',
      '-tag:v',
      'hvc1',
      '-pix_fmt',
      'yuv420p',
      inLibrary('hevc.mp4'),
    ),
    ffmpeg(
      ...picture,
      ...tone,
      '-c:v',
      'libaom-av1',
      '-cpu-used',
      '8',
      '-usage',
      'realtime',
      '-g',
      '25',
      '-pix_fmt',
      'yuv420p',
      '-c:a',
      'libopus',
      inLibrary('av1.mp4'),
    ),
    ffmpeg(...tone, '-c:a', 'libmp3lame', inLibrary('dir/song.mp3')),
  ]);
  const remuxed = (name: string, ...options: readonly string[]) =>
    ffmpeg('-i', video, '-c', 'copy', ...options, inLibrary(name));
  await Promise.all([
    remuxed('front.mp4', '-movflags', '+faststart'),
    remuxed('fragmented.mp4', '-movflags', '+frag_keyframe+empty_moov+default_base_moof'),
    remuxed('film.mov'),
    remuxed('media.flv'),
    copyFile(video, inLibrary('cut.mp4')).then(() => truncate(inLibrary('cut.mp4'), 300_000)),
  ]);
  whole = await packetHashes(video);
});

afterAll(async () => {
  await program.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Decode times of the pictures of a file, in milliseconds. */
async function pictureTimes(file: string): Promise<number[]> {
  const packets = await placedPackets(file);
  return packets.filter(({ kind }) => kind === 'video').map(({ decodeMs }) => decodeMs);
}

/** Reads as fast as it comes: all of it is asked for as its buffer. */
const atOnce = ['-rtmp_buffer', '600000'];

describe('a file of the library, over RTMP', () => {
  it.each([
    'dir/video.mp4',
    'dir/video',
    'mp4:dir/video.mp4',
    'mp4:dir/video',
    'mp4%3Adir/video.mp4',
    'mp4:dir/video?Expires=1&Signature=a~b',
  ])('is played by ffmpeg as %s, packet by packet', async (name) => {
    expect(await packetHashes(`${url}/${name}`, atOnce)).toEqual(whole);
  });

  it.each([
    ['moov at the front', 'front.mp4'],
    ['fragmented', 'fragmented.mp4'],
    ['MOV', 'mp4:film'],
    ['FLV', 'media.flv'],
  ])('is played by ffmpeg, packet by packet: %s', async (_what, name) => {
    expect(await packetHashes(`${url}/${name}`, atOnce)).toEqual(whole);
  });

  it.each(['mp3:dir/song', 'dir/song.mp3'])('is played by ffmpeg as %s, frame by frame', async (name) => {
    const played = await packetHashes(`${url}/${name}`, atOnce);
    expect(played).toEqual({ video: [], audio: (await packetHashes(inLibrary('dir/song.mp3'))).audio });
  });

  it.each([
    ['-r …/cfx/st/mp4:dir/video.mp4', () => ['-r', `${url}/mp4:dir/video.mp4`]],
    ['-r …/cfx/st/dir/video.mp4', () => ['-r', `${url}/dir/video.mp4`]],
    ['-r …/cfx/st/media.flv', () => ['-r', `${url}/media.flv`]],
    ['--rtmp …/cfx/st --playpath mp4:dir/video', () => ['--rtmp', url, '--playpath', 'mp4:dir/video']],
    ['--rtmp … --app cfx/st --playpath film.mov', () => ['--rtmp', url, '--app', 'cfx/st', '--playpath', 'film.mov']],
  ])('is played by rtmpdump %s, packet by packet', async (form, args) => {
    const file = join(folder, `${form.replaceAll(/\W+/g, '-')}.flv`);
    const { code } = await run('rtmpdump', ['-q', ...args(), '-o', file]);
    // 2: the last frame is more than a thousandth of so short a file, and it looks no farther than to its beginning.
    expect([0, 2]).toContain(code);
    expect(await packetHashes(file)).toEqual(whole);
  });

  it('begins at the keyframe before where rtmpdump --start wants it, in the time of the file', async () => {
    const file = join(folder, 'started.flv');
    const args = ['--rtmp', url, '--playpath', 'mp4:dir/video', '--start', '2.5'];
    // 2: it finds that this is not all of the file.
    expect((await run('rtmpdump', ['-q', ...args, '-o', file])).code).toBe(2);
    expect((await packetHashes(file)).video).toEqual(whole.video.slice(2 * framesPerSecond));
    const inFile = (await pictureTimes(inLibrary('media.flv'))).slice(2 * framesPerSecond);
    // What is before the start is there to be decoded, at once.
    expect(await pictureTimes(file)).toEqual(inFile.map((time) => Math.max(time, 2_500)));
  });

  it.each(['dir/video.mp4', 'fragmented.mp4', 'film.mov', 'media.flv'])(
    'is sought by ffmpeg -ss, in the time of the file: %s',
    async (name) => {
      const file = join(folder, `sought-${name.replaceAll('/', '-')}.flv`);
      await ffmpeg('-copyts', '-ss', '2.5', '-i', `${url}/${name}`, '-c', 'copy', file);
      const played = await packetHashes(file);
      expect(played.video).toEqual(whole.video.slice(2 * framesPerSecond));
      expect(await pictureTimes(file)).toEqual((await pictureTimes(inLibrary('media.flv'))).slice(2 * framesPerSecond));
    },
  );

  it.each([
    ['HEVC', 'hevc.mp4', 'hvc1'],
    ['AV1 with Opus', 'av1.mp4', 'av01'],
  ])('is played to clients of Enhanced RTMP, sample by sample: %s', async (_what, name, fourCc) => {
    const packets = (await placedPackets(inLibrary(name))).filter(({ hidden }) => !hidden);
    const ofFile = (kind: 'video' | 'audio') => packets.filter((packet) => packet.kind === kind);
    const played = await playedByName(url, name, [fourCc, 'Opus']);
    for (const kind of ['video', 'audio'] as const) {
      expect(md5sOf(played, kind)).toEqual(ofFile(kind).map(({ md5 }) => md5));
    }
    const shownAt = played.units.flatMap((unit) =>
      unit.kind === 'video' ? [unit.timestampMs + unit.compositionOffsetMs] : [],
    );
    const inFile = ofFile('video').map(({ presentationMs }) => presentationMs);
    const first = shownAt[0] ?? 0;
    expect(shownAt.map((time) => time - first)).toEqual(inFile.map((time) => time - (inFile[0] ?? 0)));
    expect(played.keyframes).toEqual(ofFile('video').filter(({ keyframe }) => keyframe).length);
  });

  it('that is HEVC is refused to a client that does not take it, and the client is told why', async () => {
    await expect(playedByName(url, 'hevc.mp4', [])).rejects.toThrow(/hevc\.mp4 is hevc video, which this player/);
  });

  it('that was cut off is refused with what is to be done', async () => {
    await expect(playedByName(url, 'mp4:cut', [])).rejects.toThrow(/NetStream\.Play\.Failed: .*(?:cut off|moov)/);
  });

  it('that is not there is StreamNotFound, and a name that leads out of the library InvalidURI', async () => {
    await expect(playedByName(url, 'mp4:nothing', [])).rejects.toThrow(/StreamNotFound/);
    await expect(playedByName(url, 'mp4:../../etc/passwd', [])).rejects.toThrow(/InvalidURI/);
  });
});

describe('a file of the library, over HTTP', () => {
  it('is there by ranges, from the slices that RTMP has fetched', async () => {
    const bytes = await readFile(inLibrary('dir/video.mp4'));
    const answer = await fetch(`${program.edgeUrl}/library/dir/video.mp4`, {
      headers: { range: 'bytes=100000-300000' },
    });
    expect(answer.status).toBe(206);
    expect(answer.headers.get('content-type')).toBe('video/mp4');
    expect(answer.headers.get('content-range')).toBe(`bytes 100000-300000/${bytes.length}`);
    expect(answer.headers.get('x-cache')).toMatch(/^Hit/);
    expect(Buffer.from(await answer.arrayBuffer()).equals(bytes.subarray(100_000, 300_001))).toBe(true);
  });

  it.each(['dir/video.flv', 'media.flv'])('is FLV of a known length, and from any keyframe: %s', async (name) => {
    const address = `${program.edgeUrl}/library/${name}`;
    const answer = await fetch(address);
    const bytes = Buffer.from(await answer.arrayBuffer());
    expect(answer.headers.get('content-length')).toBe(String(bytes.length));
    expect(await packetHashes(address)).toEqual(whole);
    const start = keyframeFrom(bytes, 2_000);
    const rest = await packetHashes(`${address}?start=${start}`);
    expect(rest.video).toEqual(whole.video.slice(2 * framesPerSecond));
    expect(rest.audio).toEqual(whole.audio.slice(-rest.audio.length));
  });

  it('plays in Chromium from where it is sought', async () => {
    const browser = await openBrowser();
    try {
      const page = await browser.newPage();
      await page.goto(`${program.edgeUrl}/library/dir/video.mp4`);
      // As text: these tests are not compiled for a browser.
      const shown = await page.evaluate<Shown>(`(async () => {
        const video = document.querySelector('video');
        const once = (event) => new Promise((resolve) => video.addEventListener(event, resolve, { once: true }));
        if (video.readyState < 1) await once('loadedmetadata');
        video.muted = true;
        const sought = once('seeked');
        video.currentTime = 3;
        await sought;
        const { currentTime } = video;
        const ended = once('ended');
        await video.play();
        await ended;
        return { currentTime, duration: video.duration, height: video.videoHeight, error: video.error };
      })()`);
      expect(shown).toMatchObject({ height: 180, error: null });
      expect(shown.currentTime).toBeCloseTo(3, 1);
      expect(shown.duration).toBeCloseTo(seconds, 0);
    } finally {
      await browser.close();
    }
  });
});

/** Where the tag of the first keyframe from a time on begins in an FLV file (FLV 10.1, E.4). */
function keyframeFrom(bytes: Buffer, fromMs: number): number {
  const videoTag = 9;
  for (let at = 13; at < bytes.length; at += 11 + bytes.readUIntBE(at + 1, 3) + 4) {
    const isKeyframe = bytes[at] === videoTag && (bytes[at + 11] ?? 0) >> 4 === 1 && bytes[at + 12] === 1;
    if (isKeyframe && bytes.readUIntBE(at + 4, 3) >= fromMs) return at;
  }
  throw new Error(`there is no keyframe from ${fromMs} ms on`);
}

/** What a browser says of the video that it plays. */
interface Shown {
  readonly currentTime: number;
  readonly duration: number;
  readonly height: number;
  readonly error: unknown;
}

function md5sOf({ units }: PlayedFile, kind: 'video' | 'audio'): string[] {
  return units.filter((unit) => unit.kind === kind).map(({ data }) => createHash('md5').update(data).digest('hex'));
}
