import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { adtsAudioSpecificConfig, parseAdtsHeader } from '../../../src/formats/aac/adts.ts';
import { aacTrackConfig } from '../../../src/formats/aac/audio-specific-config.ts';
import { encodeAudioTag } from '../../../src/formats/flv/audio-tag.ts';
import { encodeFlvHeader, encodeFlvTag } from '../../../src/formats/flv/flv-file.ts';
import { mediaOfFlv } from '../../support/encoded-media.ts';
import { run } from '../../support/ffmpeg.ts';

interface Probed {
  readonly codec_name: string;
  readonly sample_rate: string;
  readonly channels: number;
}

async function inFolder<T>(action: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'streamfront-aac-'));
  try {
    return await action(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function ffmpeg(...args: readonly string[]): Promise<void> {
  const { standardError } = await run('ffmpeg', ['-nostdin', '-y', '-v', 'error', ...args]);
  expect(standardError).toBe('');
}

async function probe(file: string): Promise<Probed> {
  const { standardOutput } = await run('ffprobe', ['-v', 'error', '-show_streams', '-of', 'json', file]);
  const { streams } = JSON.parse(standardOutput) as { streams: Probed[] };
  const [first] = streams;
  if (first === undefined) throw new Error(`ffprobe finds no stream in ${file}`);
  return first;
}

describe('aacTrackConfig and ffprobe', () => {
  it.each([
    ['mono', 8_000],
    ['mono', 48_000],
    ['stereo', 7_350],
    ['stereo', 44_100],
    ['stereo', 96_000],
    ['3.0', 48_000],
    ['4.0', 48_000],
    ['5.0', 48_000],
    ['5.1', 48_000],
    ['7.1(wide)', 48_000],
    // These have no channel configuration: a program config element counts them.
    ['quad', 48_000],
    ['6.1', 44_100],
    ['7.1', 48_000],
  ])('agree on %s at %d Hz, as ffmpeg encodes it', async (layout, rate) => {
    await inFolder(async (folder) => {
      const flv = join(folder, 'clip.flv');
      const source = `anullsrc=cl=${layout}:r=${rate}:d=0.2`;
      await ffmpeg('-f', 'lavfi', '-i', source, '-c:a', 'aac', flv);
      const { configs, units } = mediaOfFlv(await readFile(flv));
      const probed = await probe(flv);
      expect(configs[0]).toMatchObject({
        codecString: 'mp4a.40.2',
        sampleRate: Number(probed.sample_rate),
        channels: probed.channels,
        samplesPerFrame: 1_024,
      });
      expect(units.length).toBeGreaterThan(0);
    });
  });

  it.each([
    ['HE-AAC', '2b920800'],
    ['HE-AAC, backward compatible', '139056e5a0'],
    ['AAC-LC of 24,000 Hz', '1310'],
    ['AAC Main', '0a10'],
  ])('agree on a sequence header of %s', async (_, hex) => {
    await inFolder(async (folder) => {
      const description = Uint8Array.fromHex(hex);
      const flv = join(folder, 'header.flv');
      // ffprobe takes a file of a few tags for something else.
      const frame = encodeAudioTag({
        kind: 'frame',
        codec: 'aac',
        trackId: 0,
        data: Uint8Array.fromHex('211004608c1c'),
      });
      const frames = Array.from({ length: 50 }, () => frame);
      const tags = [encodeAudioTag({ kind: 'sequence-header', codec: 'aac', trackId: 0, description }), ...frames];
      const bytes = tags.map((payload, index) => encodeFlvTag({ typeId: 8, timestampMs: index * 23, payload }));
      await writeFile(flv, Buffer.concat([encodeFlvHeader({ audio: true, video: false }), ...bytes]));
      const probed = await probe(flv);
      expect(probed.codec_name).toBe('aac');
      expect(aacTrackConfig(description)).toMatchObject({
        sampleRate: Number(probed.sample_rate),
        channels: probed.channels,
      });
    });
  });
});

describe('parseAdtsHeader and ffmpeg', () => {
  it('find the same frames and the same configuration as in FLV', async () => {
    await inFolder(async (folder) => {
      const flv = join(folder, 'clip.flv');
      const adts = join(folder, 'clip.aac');
      await ffmpeg('-f', 'lavfi', '-i', 'sine=r=44100:d=0.5', '-ac', '2', '-c:a', 'aac', flv);
      await ffmpeg('-i', flv, '-c', 'copy', adts);
      const { configs, units } = mediaOfFlv(await readFile(flv));
      const bytes = new Uint8Array(await readFile(adts));
      const frames: Uint8Array[] = [];
      for (let at = 0; at < bytes.length; ) {
        const header = parseAdtsHeader(bytes, at);
        expect(aacTrackConfig(adtsAudioSpecificConfig(header))).toMatchObject({
          sampleRate: configs[0]?.kind === 'audio' ? configs[0].sampleRate : undefined,
          channels: 2,
        });
        frames.push(bytes.slice(at + header.headerBytes, at + header.frameBytes));
        at += header.frameBytes;
      }
      expect(frames).toStrictEqual(units.map(({ data }) => new Uint8Array(data)));
      expect(frames.length).toBeGreaterThan(20);
    });
  });
});
