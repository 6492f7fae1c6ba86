import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  avcTrackConfig,
  encodeAvcDecoderConfiguration,
  parseAvcDecoderConfiguration,
} from '../../../src/formats/avc/decoder-configuration.ts';
import {
  annexBNalUnits,
  annexBToLengthPrefixed,
  containsIdrSlice,
  lengthPrefixedNalUnits,
  typeOfNalUnit,
} from '../../../src/formats/avc/nal-unit.ts';
import { parseSps } from '../../../src/formats/avc/sps.ts';
import { mediaOfFlv } from '../../support/encoded-media.ts';
import { run } from '../../support/ffmpeg.ts';

interface Probed {
  readonly profile: string;
  readonly width: number;
  readonly height: number;
  readonly level: number;
  readonly sample_aspect_ratio: string;
  readonly field_order: string;
  readonly bits_per_raw_sample: string;
}

/** Encodes a few frames to FLV, and to a byte stream from the same packets; asks ffprobe what they are. */
async function encode(source: string, options: string) {
  const folder = await mkdtemp(join(tmpdir(), 'streamfront-avc-'));
  try {
    const flv = join(folder, 'clip.flv');
    const annexB = join(folder, 'clip.h264');
    const quiet = ['-nostdin', '-y', '-v', 'error'];
    const input = ['-f', 'lavfi', '-i', source, '-frames:v', '6', '-c:v', 'libx264', '-preset', 'ultrafast'];
    const encoded = await run('ffmpeg', [...quiet, ...input, ...options.split(' '), flv]);
    expect(encoded.standardError).toBe('');
    const copied = await run('ffmpeg', [...quiet, '-i', flv, '-c', 'copy', annexB]);
    expect(copied.standardError).toBe('');
    const probe = await run('ffprobe', ['-v', 'error', '-show_streams', '-of', 'json', flv]);
    const { streams } = JSON.parse(probe.standardOutput) as { streams: Probed[] };
    const [probed] = streams;
    const media = mediaOfFlv(await readFile(flv));
    const [config] = media.configs;
    if (probed === undefined || config?.kind !== 'video') throw new Error('ffmpeg wrote no video');
    return { config, probed, units: media.units, byteStream: new Uint8Array(await readFile(annexB)) };
  } finally {
    await rm(folder, { recursive: true });
  }
}

const profileNumbers: Readonly<Record<string, number>> = {
  'Constrained Baseline': 66,
  Main: 77,
  High: 100,
  'High 10': 110,
  'High 4:2:2': 122,
  'High 4:4:4 Predictive': 244,
};

function chromaOf(options: string): number {
  if (options.includes('gray')) return 0;
  return options.includes('yuv444') ? 3 : options.includes('yuv422') ? 2 : 1;
}

describe('avcTrackConfig and ffprobe', () => {
  it.each([
    ['testsrc2=s=1920x1080:r=30', '-profile:v high -pix_fmt yuv420p'],
    ['testsrc2=s=426x240:r=25', '-profile:v baseline -pix_fmt yuv420p'],
    ['testsrc2=s=640x360:r=30', '-profile:v main -pix_fmt yuv420p -level 3.0'],
    ['testsrc2=s=720x576:r=25,setsar=16/11', '-profile:v main -pix_fmt yuv420p -flags +ilme+ildct -x264-params tff=1'],
    ['testsrc2=s=1920x1080:r=25', '-profile:v high -pix_fmt yuv420p -flags +ilme+ildct -x264-params tff=1'],
    ['testsrc2=s=320x180:r=25,setsar=64/45', '-pix_fmt yuv420p10le -profile:v high10'],
    ['testsrc2=s=322x182:r=25', '-pix_fmt yuv422p10le -profile:v high422'],
    ['testsrc2=s=323x181:r=25', '-pix_fmt yuv444p -profile:v high444'],
    ['testsrc2=s=200x150:r=25', '-pix_fmt gray -profile:v high'],
    ['testsrc2=s=1280x720:r=60', '-pix_fmt yuv420p -x264-params cqm=jvt:level=4.2'],
    ['testsrc2=s=3840x2160:r=25', '-pix_fmt yuv420p -threads 2'],
  ])('agree on %s %s', async (source, options) => {
    const { config, probed } = await encode(source, options);
    const [sps] = parseAvcDecoderConfiguration(config.description).sps;
    const parsed = parseSps(sps ?? new Uint8Array(0));
    const [horizontal, vertical] = probed.sample_aspect_ratio.split(':').map(Number);
    expect({
      width: config.width,
      height: config.height,
      pixelAspect: config.pixelAspect,
      profile: Number.parseInt(config.codecString.slice(5, 7), 16),
      level: Number.parseInt(config.codecString.slice(9, 11), 16),
      interlaced: parsed.interlaced,
      bitDepth: parsed.bitDepthLuma,
      chroma: parsed.chromaFormatIdc,
    }).toStrictEqual({
      width: probed.width,
      height: probed.height,
      pixelAspect: { horizontal, vertical },
      profile: profileNumbers[probed.profile],
      level: probed.level,
      interlaced: probed.field_order !== 'progressive',
      bitDepth: Number(probed.bits_per_raw_sample),
      // ffprobe calls monochrome pictures 4:2:0, as the decoder hands them out.
      chroma: chromaOf(options),
    });
    expect(config.codecString).toMatch(/^avc1\.[0-9a-f]{6}$/);
  });

  it('agree on a fixed frame rate', async () => {
    const { config } = await encode('testsrc2=s=320x180:r=30000/1001', '-pix_fmt yuv420p -x264-params force-cfr=1');
    expect(config.framesPerSecond).toBe(30_000 / 1_001);
  });
});

describe('NAL units of ffmpeg', () => {
  it('are the same read from a byte stream with start codes and from lengths', async () => {
    const { config, units, byteStream } = await encode('testsrc2=s=640x360:r=25', '-pix_fmt yuv420p -g 3');
    const parameterSets = (type: number) =>
      [...annexBNalUnits(byteStream)].filter((unit) => typeOfNalUnit(unit) === type);
    const [sps] = parameterSets(7);
    const [pps] = parameterSets(8);
    if (sps === undefined || pps === undefined) throw new Error('no parameter sets in the byte stream');
    // ffmpeg writes the same record from the same parameter sets.
    expect(encodeAvcDecoderConfiguration([sps], [pps])).toStrictEqual(config.description);
    expect(avcTrackConfig(encodeAvcDecoderConfiguration([sps], [pps]))).toStrictEqual(config);

    const isSlice = (unit: Uint8Array) => [1, 5].includes(typeOfNalUnit(unit));
    const fromLengths = units.flatMap(({ data }) => [...lengthPrefixedNalUnits(data, 4)]).filter(isSlice);
    const converted = [...lengthPrefixedNalUnits(annexBToLengthPrefixed(byteStream), 4)].filter(isSlice);
    expect(converted.map((unit) => Buffer.from(unit).toString('hex'))).toStrictEqual(
      fromLengths.map((unit) => Buffer.from(unit).toString('hex')),
    );
    expect(converted.length).toBeGreaterThanOrEqual(6);
  });

  it('make a keyframe exactly where the container says so', async () => {
    const { units } = await encode('testsrc2=s=320x180:r=25', '-pix_fmt yuv420p -g 3');
    const flags = units.map((unit) => unit.kind === 'video' && unit.keyframe);
    expect(flags).toStrictEqual([true, false, false, true, false, false]);
    expect(units.map(({ data }) => containsIdrSlice(data, 4))).toStrictEqual(flags);
  });
});
