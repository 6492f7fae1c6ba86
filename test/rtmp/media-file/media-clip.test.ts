import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfigError } from '../../../src/base/errors.ts';
import { type MediaClip, readMediaClip } from '../../../src/rtmp/media-file/media-clip.ts';
import { makeClip, remux } from '../sample-clip.ts';

const bounds = { maxBytes: 67_108_864, maxSeconds: 600, maxKeyframeSeconds: 2 };
const picture = ['-an', '-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p'];

let folder: string;
let mp4: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'streamfront-media-clip-'));
  mp4 = await makeClip(join(folder, 'clip.mp4'), 3);
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** As many of its access units as last so long. */
function unitsUntil(clip: MediaClip, seconds: number) {
  const units = [];
  for (let index = 0; clip.at(index).decodeMs < seconds * 1_000; index++) units.push(clip.at(index));
  return units;
}

function times(clip: MediaClip, seconds: number, kind: 'video' | 'audio'): number[] {
  return unitsUntil(clip, seconds).flatMap(({ decodeMs, unit }) => (unit.kind === kind ? [decodeMs] : []));
}

async function refusal(path: string, changed: Partial<typeof bounds> = {}): Promise<string> {
  const error: unknown = await readMediaClip(path, { ...bounds, ...changed }).catch((thrown: unknown) => thrown);
  if (!(error instanceof ConfigError)) throw new Error(`${path} was taken`);
  expect(error.message).toContain(path);
  return error.findings.join();
}

describe('readMediaClip', () => {
  it('plays a file over and over: time goes on, and each pass begins with a keyframe, whatever the container', async () => {
    for (const name of ['clip.mp4', 'clip.flv', 'clip.ts', 'clip.mkv']) {
      const path = join(folder, name);
      if (path !== mp4) await remux(mp4, path);
      const clip = await readMediaClip(path, bounds);
      expect(clip.trackConfigs.map(({ codec }) => codec)).toEqual(['avc', 'aac']);
      expect(clip.seconds).toBeGreaterThan(2.95);
      expect(clip.seconds).toBeLessThan(3.1);
      const pictures = times(clip, 9, 'video');
      expect(pictures[0]).toBeLessThan(100);
      const steps = pictures.slice(1).map((ms, index) => ms - (pictures[index] ?? 0));
      expect(Math.min(...steps)).toBeGreaterThan(0);
      expect(Math.max(...steps)).toBeLessThan(150);
      const sound = times(clip, 9, 'audio');
      expect(sound).toEqual(sound.toSorted((a, b) => a - b));
      expect(sound.length).toBeGreaterThan(400);
      const keyframes = unitsUntil(clip, 9).filter(({ unit }) => unit.kind === 'video' && unit.keyframe);
      expect(keyframes).toHaveLength(9);
    }
  });

  it('puts silence beside pictures without sound', async () => {
    const silent = await makeClip(join(folder, 'silent.mp4'), 2, [...picture, '-g', '25']);
    const clip = await readMediaClip(silent, bounds);
    expect(clip.trackConfigs).toMatchObject([{ codec: 'avc' }, { codec: 'aac', sampleRate: 48_000, channels: 2 }]);
    const sound = times(clip, 6, 'audio');
    const steps = sound.slice(1).map((ms, index) => ms - (sound[index] ?? 0));
    expect(Math.min(...steps)).toBeGreaterThan(15);
    expect(Math.max(...steps)).toBeLessThan(45);
  });

  it('cuts timestamps to 32 bits after seven weeks, and goes on', async () => {
    const clip = await readMediaClip(mp4, bounds);
    let passes = 0;
    while (clip.at(passes).decodeMs < clip.seconds * 1_000) passes++;
    const index = Math.ceil(2 ** 32 / (clip.seconds * 1_000)) * passes;
    const { decodeMs, unit } = clip.at(index);
    expect(decodeMs).toBeGreaterThan(2 ** 32);
    expect(unit.timestampMs).toBe(decodeMs - 2 ** 32);
  });

  it('says what is wrong with a file', async () => {
    const rare = await makeClip(join(folder, 'rare.mp4'), 5, [...picture, '-g', '250']);
    expect(await refusal(rare)).toMatch(/keyframes are up to 5 s apart, at most 2 s.*force_key_frames.*\*2\)/);
    const short = await makeClip(join(folder, 'short.mp4'), 0.4, [...picture, '-g', '5']);
    expect(await refusal(short)).toBe('it lasts 0.4 s, at least 1 s is needed');
    const sound = await makeClip(join(folder, 'sound.mp4'), 2, ['-vn', '-c:a', 'aac']);
    expect(await refusal(sound)).toBe('it has no pictures');
    const otherCodec = await makeClip(join(folder, 'other.mp4'), 2, ['-c:v', 'mpeg4', '-c:a', 'aac']);
    expect(await refusal(otherCodec)).toMatch(/^its video is .*, only H.264 is carried/);
    expect(await refusal(mp4, { maxSeconds: 2 })).toBe('it is longer than 2s');
    expect(await refusal(mp4, { maxBytes: 10_000 })).toMatch(/^it has \d+ MiB, at most 1 MiB$/);
    expect(await refusal(join(folder, 'none.mp4'))).toBe('there is no such file');
    const text = join(folder, 'text.mp4');
    writeFileSync(text, 'no film');
    expect(await refusal(text)).toBe('it is no MP4, MOV, MKV, MPEG-TS or FLV file');
  });
});
