import { describe, expect, it } from 'vitest';
import {
  encodeAvcDecoderConfiguration,
  parseAvcDecoderConfiguration,
} from '../../../src/formats/avc/decoder-configuration.ts';
import { avcTrackConfig } from '../../../src/formats/avc/decoder-configuration.ts';
import { hevcTrackConfig, parseHevcDecoderConfiguration } from '../../../src/formats/hevc/decoder-configuration.ts';
import type { StoredItem } from '../../../src/formats/media/stored-media.ts';
import { openMp4 } from '../../../src/formats/mp4-index/mp4-media.ts';
import { sampleVideos } from '../../support/sample-tracks.ts';
import { StoredBytes } from '../../support/stored-bytes.ts';
import { fragmentedMp4, joined, syntheticMp4, u32, videoEntry } from '../../support/synthetic-mp4.ts';

function prefixed(units: readonly Uint8Array[]): Uint8Array {
  return joined(units.flatMap((unit) => [u32(unit.length), unit]));
}

const sample = (sync: boolean, data: Uint8Array) => ({ durationTicks: 40, compositionOffsetTicks: 0, sync, data });

const { avc, hevc, vp9 } = sampleVideos;
const avcSets = parseAvcDecoderConfiguration(avc.record);
/** The same with another level. */
const otherSps = avcSets.sps.map((set) => set.map((byte, at) => (at === 3 ? byte + 1 : byte)));
const avcKeyframe = (sps: readonly Uint8Array[]) => joined([prefixed([...sps, ...avcSets.pps]), avc.keyframe]);
const bareAvc = Uint8Array.of(...avc.record.subarray(0, 5), 0xe0, 0);

const hevcSets = parseHevcDecoderConfiguration(hevc.record).nalUnits;
const bareHevc = Uint8Array.of(...hevc.record.subarray(0, 22), 0);

function opened(entry: Uint8Array, samples: ReturnType<typeof sample>[], isFragmented: boolean) {
  const track = { handler: 'vide', timescale: 1_000, entries: [entry], samples } as const;
  const fragments = samples.map((one) => ({ runs: [{ track: 0, samples: [one] }] }));
  const file = new StoredBytes(isFragmented ? fragmentedMp4([track], fragments) : syntheticMp4([track]));
  return { file, media: file.read(openMp4(file.bytes.length)) };
}

function told(items: Iterable<StoredItem>): string[] {
  return [...items].map((item) => (item.kind === 'config' ? item.config.codecString : item.kind));
}

describe.each([
  ['a file with a table', false],
  ['a file of fragments', true],
])('openMp4 and parameter sets among the samples of %s', (_name, isFragmented) => {
  it('takes the configuration of avc3 from the first keyframe, and tells it anew where a keyframe brings another', () => {
    const samples = [
      sample(true, avcKeyframe(avcSets.sps)),
      sample(false, avc.interFrame),
      sample(true, avcKeyframe(avcSets.sps)),
      sample(true, avcKeyframe(otherSps)),
      sample(false, avc.interFrame),
      sample(true, avc.keyframe),
    ];
    const { file, media } = opened(videoEntry('avc3', 'avcC', bareAvc), samples, isFragmented);
    const record = encodeAvcDecoderConfiguration(avcSets.sps, avcSets.pps);
    expect(media.trackConfigs).toEqual([avcTrackConfig(record)]);
    const other = avcTrackConfig(encodeAvcDecoderConfiguration(otherSps, avcSets.pps));
    expect(told(file.items(file.read(media.cursorAt(0))))).toEqual([
      'unit',
      'unit',
      'unit',
      other.codecString,
      'unit',
      'unit',
      'unit',
    ]);
    expect(told(file.items(file.read(media.cursorAt(120))))).toEqual([other.codecString, 'unit', 'unit', 'unit']);
  });

  it('takes the configuration of hev1 from the first keyframe, and not the one that it repeats', () => {
    const keyframe = joined([prefixed(hevcSets), hevc.keyframe]);
    const samples = [sample(true, keyframe), sample(false, hevc.interFrame), sample(true, keyframe)];
    for (const record of [bareHevc, hevc.record]) {
      const { file, media } = opened(videoEntry('hev1', 'hvcC', record), samples, isFragmented);
      const [config] = media.trackConfigs;
      const { description: _ours, ...found } = config ?? { description: undefined };
      const { description: _theirs, ...expected } = hevcTrackConfig(hevc.record);
      expect(found).toEqual(expected);
      expect(parseHevcDecoderConfiguration(config?.description ?? bareHevc).nalUnits).toEqual(hevcSets);
      expect(told(file.items(file.read(media.cursorAt(0))))).toEqual(['unit', 'unit', 'unit']);
    }
  });

  it('takes the size of VP9 from the first keyframe', () => {
    const samples = [sample(true, vp9.keyframe), sample(false, vp9.interFrame), sample(true, vp9.keyframe)];
    const { file, media } = opened(
      videoEntry('vp09', 'vpcC', joined([[1, 0, 0, 0], vp9.record])),
      samples,
      isFragmented,
    );
    expect(media.trackConfigs).toMatchObject([{ codec: 'vp9', width: vp9.width, height: vp9.height }]);
    expect(told(file.items(file.read(media.cursorAt(0))))).toEqual(['unit', 'unit', 'unit']);
  });

  it('refuses avc3 without parameter sets anywhere', () => {
    const samples = [sample(true, avc.keyframe)];
    expect(() => opened(videoEntry('avc3', 'avcC', bareAvc), samples, isFragmented)).toThrow(
      /MP4_SAMPLE_DESCRIPTION: moov\/trak\[1\]\/mdia\/minf\/stbl\/stsd\/avc3 cannot be played: AVC_CONFIGURATION/,
    );
  });
});
