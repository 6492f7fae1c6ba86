import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/cli/system-clock.ts';
import { type Edge, startEdge } from '../../../src/edge/edge.ts';
import { edgeSchema } from '../../../src/edge/settings.ts';
import { type Origin, startOrigin } from '../../../src/origin/origin.ts';
import { originSchema } from '../../../src/origin/settings.ts';
import { eventually } from '../../support/condition.ts';
import { makeFile, run } from '../../support/ffmpeg.ts';
import { LogRecorder } from '../../support/log-recorder.ts';
import { get } from '../test-edge.ts';

let data: string;
let film: Buffer;
let origin: Origin;
let edge: Edge;
const log = new LogRecorder();

beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'streamfront-over-rtmp-'));
  const common = { clock: systemClock, log };
  origin = await startOrigin(originSchema.parse({ http: { port: 0 }, rtmp: { port: 0 } }), {
    ...common,
    siteDirectory: undefined,
    dataFolder: data,
  });
  const settings = edgeSchema.parse({
    http: { port: 0 },
    rtmp: { port: 0 },
    cache: { slice: '64KiB' },
    origins: {
      main: { url: `http://127.0.0.1:${origin.httpPort}`, rtmp: `rtmp://127.0.0.1:${origin.rtmpPort}` },
    },
  });
  edge = await startEdge(settings, common);
  const sources = ['testsrc2=size=320x180:rate=25:duration=20', 'sine=frequency=440:duration=20'];
  const inputs = sources.flatMap((source) => ['-f', 'lavfi', '-i', source]);
  const codecs = ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '50', '-b:v', '800k', '-c:a', 'aac'];
  const file = join(data, 'library', 'film.mp4');
  film = await makeFile([...inputs, ...codecs], file);
  const longAgo = new Date('2025-03-01T12:00:00Z');
  await utimes(file, longAgo, longAgo);
});
afterAll(async () => {
  await edge.close();
  await origin.close();
  await rm(data, { recursive: true });
});

const urlOf = (name: string) => `rtmp://127.0.0.1:${edge.rtmpPort}/${name}`;
const packets = ['-show_entries', 'packet=stream_index,data_hash', '-show_data_hash', 'md5', '-of', 'csv=p=0'];

/** Hashes of the samples of each kind, in order. */
async function hashes(input: string): Promise<{ readonly video: string[]; readonly audio: string[] }> {
  const read = async (kind: 'v' | 'a') => {
    const { standardOutput } = await run('ffprobe', ['-v', 'error', '-select_streams', kind, ...packets, input]);
    return standardOutput.split('\n').flatMap((line) => /CRC32:\w+|MD5:\w+/i.exec(line)?.[0] ?? []);
  };
  return { video: await read('v'), audio: await read('a') };
}

describe('a file that lies in the library, with no configuration', () => {
  it('plays over RTMP and over HTTP, from one fetch of it', async () => {
    const out = join(data, 'out.flv');
    const dumped = await run('rtmpdump', ['-q', '-r', urlOf('cfx/st/mp4:film.mp4'), '-o', out]);
    expect(dumped.code).toBe(0);
    const [sent, original] = [await hashes(out), await hashes(join(data, 'library', 'film.mp4'))];
    expect(original.video).toHaveLength(500);
    expect(sent).toEqual(original);
    const asked = edge.stats().counters.originRequests;
    const { status, body, headers } = await get(edge.httpPort, '/library/film.mp4');
    expect(status).toBe(200);
    expect(body.equals(film)).toBe(true);
    expect(headers['x-cache']).toBe('Hit from streamfront');
    const part = await get(edge.httpPort, '/library/film.mp4', { Range: 'bytes=1000000-1000099' });
    expect(part.body.equals(film.subarray(1_000_000, 1_000_100))).toBe(true);
    expect(edge.stats().counters.originRequests).toBe(asked);
    await eventually('nobody plays', () => edge.stats().live.stored.players === 0);
    const line = log.lines.find(({ fields }) => fields['file'] === 'film.mp4');
    expect(line?.message).toBe('Player started');
  });

  it.each([
    ['cfx/st/mp4:nothing', 'there is no file cfx/st/nothing'],
    ['cfx/st/mp4:../film.mp4', 'InvalidURI: '],
    ['other/film', 'InvalidInstance: '],
  ])('says what is wrong with %s', async (name, sentence) => {
    const { code, standardError } = await run('ffprobe', ['-v', 'error', urlOf(name)]);
    expect(code).not.toBe(0);
    expect(standardError).toContain(sentence);
  });

  it('says that a damaged file is damaged, and goes on serving', async () => {
    await writeFile(join(data, 'library', 'half.mp4'), film.subarray(0, film.length / 2));
    const longAgo = new Date('2025-03-01T12:00:00Z');
    await utimes(join(data, 'library', 'half.mp4'), longAgo, longAgo);
    const { code, standardError } = await run('ffprobe', ['-v', 'error', urlOf('cfx/st/mp4:half.mp4')]);
    expect(code).not.toBe(0);
    expect(standardError).toContain('MP4_TRUNCATED');
    expect(edge.stats().live.refused['PLAY_FILE_UNREADABLE']).toBeGreaterThan(0);
    expect((await get(edge.httpPort, '/library/half.mp4')).status).toBe(200);
  });
});
