import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/cli/system-clock.ts';
import { startEdge } from '../../../src/edge/edge.ts';
import { edgeSchema } from '../../../src/edge/settings.ts';
import { FlvReader } from '../../../src/formats/flv/flv-file.ts';
import { openFlv } from '../../../src/formats/flv-index/flv-media.ts';
import { makeFile } from '../../support/ffmpeg.ts';
import { LogRecorder } from '../../support/log-recorder.ts';
import { probedPackets } from '../../support/probed-packets.ts';
import { StoredBytes } from '../../support/stored-bytes.ts';
import { type Answer, get } from '../test-edge.ts';
import { CountedLibrary } from './stored-edge.ts';

const seconds = 20;
let clips: string;
let library: CountedLibrary;
let edge: Awaited<ReturnType<typeof startEdge>>;
let flash: Buffer;
const log = new LogRecorder();

beforeAll(async () => {
  clips = await mkdtemp(join(tmpdir(), 'streamfront-flv-files-'));
  const make = (name: string, args: readonly string[]) => makeFile(args, join(clips, name));
  const video = ['-f', 'lavfi', '-i', `testsrc2=size=320x180:rate=25:duration=${seconds}`];
  const sound = ['-f', 'lavfi', '-i', `sine=frequency=440:duration=${seconds}`];
  const codecs = ['-c:v', 'libx264', '-preset', 'ultrafast', '-bf', '2', '-g', '50', '-b:v', '800k', '-c:a', 'aac'];
  const film = await make('film.mp4', [...video, ...sound, ...codecs]);
  const copy = ['-i', join(clips, 'film.mp4'), '-c', 'copy'];
  flash = await make('flash.flv', [...copy, '-flvflags', 'add_keyframe_index']);
  library = await CountedLibrary.start();
  await library.put('film.mp4', film);
  await library.put('flash.flv', flash);
  await library.put('flash.mp4', film, 1);
  await library.put('fragments.mp4', await make('fragments.mp4', [...copy, '-movflags', '+frag_keyframe+empty_moov']));
  await library.put(
    'hevc.mp4',
    await make('hevc.mp4', [...video, '-t', '2', '-c:v', 'libx265', '-tag:v', 'hvc1', '-preset', 'ultrafast']),
  );
  await library.put('text.flv', 'this is no film at all');
  await library.put('damaged.mp4', film.subarray(0, 4_000));
  const settings = edgeSchema.parse({
    http: { port: 0 },
    rtmp: { port: 0 },
    origins: { main: { url: library.url } },
    cache: { memory: '64MiB', slice: '64KiB', disk: { keepFree: '0B' } },
  });
  edge = await startEdge(settings, { clock: systemClock, log });
}, 60_000);
afterAll(async () => {
  await edge.close();
  await library[Symbol.asyncDispose]();
  await rm(clips, { recursive: true });
});

const fetched = (path: string, method = 'GET', fields = {}): Promise<Answer> =>
  get(edge.httpPort, `/library/${path}`, fields, method);

async function packetsOf(body: Buffer): Promise<Awaited<ReturnType<typeof probedPackets>>> {
  const path = join(clips, 'fetched.flv');
  await writeFile(path, body);
  return probedPackets(path);
}

describe('GET of a file of the library as FLV', () => {
  it('gives an MP4 as FLV, as long as it says, with the samples that ffprobe sees in it', async () => {
    const answer = await fetched('film.flv');
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject({ 'content-type': 'video/x-flv', 'accept-ranges': 'none' });
    expect(answer.headers['content-length']).toBe(String(answer.body.length));
    const sent = await packetsOf(answer.body);
    const stored = await probedPackets(join(clips, 'film.mp4'));
    for (const kind of ['video', 'audio'] as const) {
      const hashes = (packets: typeof sent) => packets.filter((packet) => packet.kind === kind).map(({ md5 }) => md5);
      expect(hashes(sent)).toEqual(hashes(stored));
    }
  });

  it('says the same to HEAD, without a body', async () => {
    const [head, whole] = [await fetched('film.flv', 'HEAD'), await fetched('film.flv')];
    expect(head.body).toHaveLength(0);
    expect(head.headers['content-length']).toBe(whole.headers['content-length']);
  });

  it('does not let Range change the answer', async () => {
    const whole = await fetched('film.flv');
    const ranged = await fetched('film.flv', 'GET', { Range: 'bytes=0-99' });
    expect(ranged.status).toBe(200);
    expect(ranged.body.equals(whole.body)).toBe(true);
  });

  it.each(['film.flv', 'flash.flv'])(
    'begins %s at the keyframe at or before ?start=, as its metadata has them',
    async (name) => {
      const whole = (await fetched(name)).body;
      const { keyframes } = new StoredBytes(whole).read(openFlv(whole.length));
      expect(keyframes.offsets).toHaveLength(10);
      for (const index of [1, 4, 9]) {
        const [offset = 0, timeMs = 0] = [keyframes.offsets[index], keyframes.timesMs[index]];
        for (const start of [offset, offset + 1_000]) {
          const answer = await fetched(`${name}?start=${start}`);
          expect(answer.status).toBe(200);
          expect(answer.headers['content-length']).toBe(String(answer.body.length));
          const rest = whole.subarray(offset);
          expect(answer.body.subarray(-rest.length).equals(rest)).toBe(true);
          const tags = new FlvReader({ maxTagBytes: 1_000_000 }).push(answer.body);
          // What sets up H.264 and AAC, then the keyframe.
          expect(tags.slice(0, 3).map(({ typeId, timestampMs }) => [typeId, timestampMs])).toEqual([
            [9, timeMs],
            [8, timeMs],
            [9, timeMs],
          ]);
          expect(tags[2]?.payload[0]).toBe(0x17);
        }
      }
    },
  );

  it.each(['film.flv?start=0', 'film.flv?start=20', 'film.flv?start=-1', 'film.flv?start=1e9x', 'film.flv?start='])(
    'gives all of it for %s',
    async (path) => {
      expect((await fetched(path)).body.equals((await fetched('film.flv')).body)).toBe(true);
    },
  );

  it('plays from the middle in ffmpeg', async () => {
    const whole = (await fetched('film.flv')).body;
    const { keyframes } = new StoredBytes(whole).read(openFlv(whole.length));
    const sent = await packetsOf((await fetched(`film.flv?start=${keyframes.offsets[5]}`)).body);
    expect(sent[0]).toMatchObject({ kind: 'video', keyframe: true, decodeMs: keyframes.timesMs[5] });
  });

  it('gives a stored FLV as it is, with ranges', async () => {
    expect((await fetched('flash.flv')).body.equals(flash)).toBe(true);
    const part = await fetched('flash.flv', 'GET', { Range: 'bytes=1000-1999' });
    expect(part.status).toBe(206);
    expect(part.body.equals(flash.subarray(1_000, 2_000))).toBe(true);
  });

  it('gives a file of this name whatever it holds, without opening it', async () => {
    expect((await fetched('text.flv')).text).toBe('this is no film at all');
    expect((await fetched('text.flv', 'HEAD')).status).toBe(200);
    expect(log.lines.filter(({ fields }) => String(fields['cacheKey']).endsWith('text.flv'))).toEqual([]);
    expect((await fetched('text.flv?start=5')).text).toBe('this is no film at all');
    expect(log.lines.filter(({ fields }) => String(fields['cacheKey']).endsWith('text.flv'))).toHaveLength(1);
  });

  it('gives fragments without saying how long they are', async () => {
    const answer = await fetched('fragments.flv');
    expect(answer.status).toBe(200);
    expect(answer.headers['content-length']).toBeUndefined();
    expect((await packetsOf(answer.body)).filter(({ kind }) => kind === 'video')).toHaveLength(seconds * 25);
  });

  it('leaves the origin to say that there is neither', async () => {
    expect((await fetched('nothing.flv')).status).toBe(404);
  });

  it('tells a player that cannot take the codec, and gives it to one that can', async () => {
    const refused = await fetched('hevc.flv');
    expect(refused.status).toBe(406);
    expect(refused.text).toContain('hevc');
    const given = await fetched('hevc.flv', 'GET', { 'User-Agent': 'Lavf/62.1.100' });
    expect(given.status).toBe(200);
    expect(given.headers['content-length']).toBe(String(given.body.length));
  });

  it('says of a damaged file that it is', async () => {
    const answer = await fetched('damaged.flv');
    expect(answer.status).toBe(502);
    expect(answer.headers['cache-status']).toContain('PLAY_FILE_UNREADABLE');
  });
});
