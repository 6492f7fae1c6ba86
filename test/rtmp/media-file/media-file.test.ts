import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfigError } from '../../../src/base/errors.ts';
import { annexBNalUnits, lengthPrefixedNalUnits } from '../../../src/formats/avc/nal-unit.ts';
import type { AccessUnit, VideoAccessUnit } from '../../../src/formats/media/access-unit.ts';
import { openMediaFile } from '../../../src/rtmp/media-file/media-file.ts';
import { run } from '../../support/ffmpeg.ts';
import { memoryInUseMiB } from '../collect-garbage.ts';
import { makeClip, remux } from '../sample-clip.ts';

let folder: string;
let mp4: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'streamfront-media-file-'));
  mp4 = await makeClip(join(folder, 'clip.mp4'), 4);
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** The units of a file, in order: all of one pass, or as many as asked for of a loop. */
async function unitsOf(path: string, looped?: number): Promise<AccessUnit[]> {
  const file = await openMediaFile(path);
  const units: AccessUnit[] = [];
  for await (const item of file.items({ loop: looped !== undefined })) {
    if (item.kind === 'unit') units.push(item.unit);
    if (units.length === looped) break;
  }
  await file.close();
  return units;
}

const isVideo = (unit: AccessUnit): unit is VideoAccessUnit => unit.kind === 'video';

interface ProbedPacket {
  readonly presentationMs: number;
  readonly bytes: number;
  readonly keyframe: boolean;
}

/** What ffprobe reads in the same file: the independent witness. */
async function probe(path: string, track: 'v' | 'a'): Promise<ProbedPacket[]> {
  const entries = 'packet=pts_time,size,flags';
  const result = await run('ffprobe', [
    '-v',
    'error',
    '-select_streams',
    track,
    '-show_entries',
    entries,
    '-of',
    'json',
    path,
  ]);
  const { packets } = JSON.parse(result.standardOutput) as {
    packets: { pts_time: string; size: string; flags: string }[];
  };
  return packets.map(({ pts_time, size, flags }) => ({
    presentationMs: Number(pts_time) * 1_000,
    bytes: Number(size),
    keyframe: flags.startsWith('K'),
  }));
}

describe('openMediaFile', () => {
  it.each(['mp4', 'mov', 'mkv', 'flv'])(
    'reads %s: units, order and times are those that ffprobe sees',
    async (container) => {
      const path = container === 'mp4' ? mp4 : await remux(mp4, join(folder, `clip.${container}`));
      const units = await unitsOf(path);
      const probedVideo = await probe(path, 'v');
      const probedAudio = await probe(path, 'a');
      const video = units.filter(isVideo);
      const audio = units.filter((unit) => !isVideo(unit));
      expect(video).toHaveLength(100);
      expect(video.map((unit) => unit.data.length)).toEqual(probedVideo.map((packet) => packet.bytes));
      expect(audio.map((unit) => unit.data.length)).toEqual(probedAudio.map((packet) => packet.bytes));
      expect(video.map((unit) => unit.keyframe)).toEqual(probedVideo.map((packet) => packet.keyframe));
      // Ours begin at 0 with the first unit in decode order; ffprobe's first audio frame says where that is.
      const shiftMs = (probedAudio[0]?.presentationMs ?? 0) - (audio[0]?.timestampMs ?? 0);
      for (const [index, unit] of video.entries()) {
        const presentationMs = unit.timestampMs + unit.compositionOffsetMs + shiftMs;
        expect(Math.abs(presentationMs - (probedVideo[index]?.presentationMs ?? 0))).toBeLessThanOrEqual(2);
        expect(unit.compositionOffsetMs).toBeGreaterThanOrEqual(0);
        // One frame every 40 ms: the file is of a constant rate.
        expect(unit.timestampMs - (video[0]?.timestampMs ?? 0)).toBe(index * 40);
      }
      for (const [index, unit] of audio.entries()) {
        expect(Math.abs(unit.timestampMs + shiftMs - (probedAudio[index]?.presentationMs ?? 0))).toBeLessThanOrEqual(2);
      }
      expect(units[0]?.timestampMs).toBe(0);
      // Interleaved: decode times never go back.
      const times = units.map((unit) => unit.timestampMs);
      expect(times).toEqual([...times].sort((a, b) => a - b));
    },
  );

  it('reads MPEG-TS: NAL units get lengths instead of start codes, AAC frames lose their ADTS headers', async () => {
    const path = await remux(mp4, join(folder, 'clip.ts'));
    const fromTs = await unitsOf(path);
    const fromMp4 = await unitsOf(mp4);
    const audioOf = (units: AccessUnit[]) => units.filter((unit) => !isVideo(unit)).map((unit) => unit.data);
    expect(audioOf(fromTs)).toEqual(audioOf(fromMp4));
    const slicesOf = (units: AccessUnit[]) =>
      units
        .filter(isVideo)
        .map((unit) =>
          [...lengthPrefixedNalUnits(unit.data, 4)]
            .filter((nalUnit) => [1, 5].includes((nalUnit[0] ?? 0) & 0x1f))
            .map((nalUnit) => Buffer.from(nalUnit).toString('base64')),
        );
    expect(slicesOf(fromTs)).toEqual(slicesOf(fromMp4));
    expect([...annexBNalUnits(fromTs.find(isVideo)?.data ?? new Uint8Array(0))]).toEqual([]);
  });

  it('tells the tracks before anything is read, video first', async () => {
    const flv = await remux(mp4, join(folder, 'tracks.flv'));
    for (const path of [mp4, flv]) {
      const file = await openMediaFile(path);
      expect(file.trackConfigs).toMatchObject([
        { kind: 'video', codec: 'avc', width: 320, height: 180 },
        { kind: 'audio', codec: 'aac', sampleRate: 48_000 },
      ]);
      await file.close();
    }
  });

  it.each(['mp4', 'flv'])('loops %s: times go on without a jump, and the tracks stay together', async (container) => {
    const path = container === 'mp4' ? mp4 : await remux(mp4, join(folder, 'loop.flv'));
    const once = await unitsOf(path);
    const passes = 50;
    const units = await unitsOf(path, once.length * passes);
    // The same units again and again, each moved by the same time in both tracks.
    const frame = 1_024 / 48;
    const audioMs = once.filter((unit) => !isVideo(unit)).length * frame;
    const passMs = Math.max(audioMs, 4_000);
    for (const kind of ['video', 'audio'] as const) {
      const first = once.filter((unit) => unit.kind === kind);
      const all = units.filter((unit) => unit.kind === kind);
      expect(all).toHaveLength(first.length * passes);
      for (const [index, unit] of all.entries()) {
        const original = first[index % first.length];
        const pass = Math.floor(index / first.length);
        expect(unit.data).toEqual(original?.data);
        // FLV knows whole milliseconds only: half a one may add up in each pass.
        const allowedMs = container === 'flv' ? 1 + pass : 1;
        expect(Math.abs(unit.timestampMs - (original?.timestampMs ?? 0) - pass * passMs)).toBeLessThanOrEqual(
          allowedMs,
        );
      }
      const steps = all.slice(1).map((unit, index) => unit.timestampMs - (all[index]?.timestampMs ?? 0));
      expect(Math.min(...steps)).toBeGreaterThan(0);
      expect(Math.max(...steps)).toBeLessThanOrEqual(
        kind === 'video' ? 40 + (passMs - 4_000) + 1 : Math.ceil(frame) + 1,
      );
    }
  });

  it('reads video alone and audio alone', async () => {
    const silent = join(folder, 'silent.mp4');
    await run('ffmpeg', ['-nostdin', '-y', '-v', 'error', '-i', mp4, '-an', '-c', 'copy', silent]);
    const dark = join(folder, 'dark.m4a');
    await run('ffmpeg', ['-nostdin', '-y', '-v', 'error', '-i', mp4, '-vn', '-c', 'copy', dark]);
    expect(new Set((await unitsOf(silent)).map((unit) => unit.kind))).toEqual(new Set(['video']));
    expect(new Set((await unitsOf(dark)).map((unit) => unit.kind))).toEqual(new Set(['audio']));
  });

  it.each([
    ['HEVC', 'hevc.mp4', ['-c:v', 'libx265', '-x265-params', 'log-level=none', '-c:a', 'aac'], /its video is hevc/],
    ['Opus', 'opus.mkv', ['-c:v', 'libx264', '-preset', 'ultrafast', '-c:a', 'libopus'], /its audio is opus/],
    [
      'MP3',
      'mp3.flv',
      ['-c:v', 'libx264', '-preset', 'ultrafast', '-ar', '44100', '-c:a', 'libmp3lame'],
      /its audio is mp3/,
    ],
    ['Sorenson', 'sorenson.flv', ['-c:v', 'flv1', '-an'], /its video is Sorenson H\.263/],
  ])('refuses %s and names it', async (_, name, options, words) => {
    const path = await makeClip(join(folder, name), 1, options);
    const failed = openMediaFile(path);
    await expect(failed).rejects.toThrow(ConfigError);
    await expect(failed).rejects.toThrow(words);
  });

  it('refuses what is no media file, what is empty and what is not there', async () => {
    const text = join(folder, 'text.mp4');
    writeFileSync(text, 'this is no video');
    await expect(openMediaFile(text)).rejects.toThrow(/no MP4, MOV, MKV, MPEG-TS or FLV file/);
    const empty = join(folder, 'empty.flv');
    writeFileSync(empty, Buffer.from('464c5601050000000900000000', 'hex'));
    await expect(openMediaFile(empty)).rejects.toThrow(/neither H\.264 nor AAC/);
    await expect(openMediaFile(join(folder, 'nowhere.mp4'))).rejects.toThrow(/there is no such file/);
    await expect(openMediaFile(folder)).rejects.toThrow(/cannot be read/);
  });

  it('holds a bounded part of a long file', async () => {
    // Noise does not compress.
    const long = join(folder, 'long.mp4');
    const noise = ['-f', 'lavfi', '-i', 'nullsrc=s=640x360:r=25,geq=random(1)*255:128:128'];
    const codecs = ['-c:v', 'libx264', '-preset', 'ultrafast', '-qp', '1', '-g', '25', '-pix_fmt', 'yuv420p'];
    const made = await run('ffmpeg', ['-nostdin', '-y', '-v', 'error', ...noise, '-t', '6', ...codecs, long]);
    expect(made.standardError).toBe('');
    const file = await openMediaFile(long);
    let units = 0;
    let bytes = 0;
    let mostMiB = 0;
    const beforeMiB = memoryInUseMiB();
    for await (const item of file.items({ loop: false })) {
      if (item.kind !== 'unit') continue;
      bytes += item.unit.data.length;
      if (++units % 10 === 0) mostMiB = Math.max(mostMiB, memoryInUseMiB() - beforeMiB);
    }
    await file.close();
    expect(bytes).toBeGreaterThan(55_000_000);
    expect(mostMiB).toBeLessThan(40);
  });
});
