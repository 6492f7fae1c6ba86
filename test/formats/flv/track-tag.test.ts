import { describe, expect, it } from 'vitest';
import { FlvTrackReader } from '../../../src/formats/flv/track-reader.ts';
import {
  encodeAccessUnitTag,
  encodeColorInfoTag,
  encodeTrackConfigTag,
  metadataCodecId,
} from '../../../src/formats/flv/track-tag.ts';
import type { AccessUnit } from '../../../src/formats/media/access-unit.ts';
import type { TrackConfig } from '../../../src/formats/media/track.ts';
import {
  allTrackConfigs,
  audioTrackConfig,
  sampleAudios,
  sampleVideos,
  videoTrackConfig,
} from '../../support/sample-tracks.ts';

const hasOffset = (codec: string) => codec === 'avc' || codec === 'hevc';

function unitsOf(config: TrackConfig): AccessUnit[] {
  const { trackId } = config;
  if (config.kind === 'audio') {
    return [{ kind: 'audio', trackId, timestampMs: 40, data: sampleAudios[config.codec].frame }];
  }
  const { keyframe, interFrame } = sampleVideos[config.codec];
  return [keyframe, interFrame].map((data, index) => ({
    kind: 'video',
    trackId,
    timestampMs: 40,
    keyframe: index === 0,
    compositionOffsetMs: hasOffset(config.codec) ? -33 : 0,
    data,
  }));
}

describe('the tags of a track', () => {
  it.each(
    [0, 1, 255].flatMap((trackId) =>
      allTrackConfigs(trackId).map((config) => [config.codec, trackId, config] as const),
    ),
  )('of %s with id %i give back its configuration and its access units', (_, __, config) => {
    const reader = new FlvTrackReader();
    const read = (payload: Uint8Array) =>
      config.kind === 'video' ? reader.readVideo(payload, 40) : reader.readAudio(payload, 40);
    const header = encodeTrackConfigTag(config);
    expect(header === undefined).toBe(config.description === undefined);
    const units = unitsOf(config);
    const payloads = [
      ...(header === undefined ? [] : [header]),
      ...units.map((unit) => encodeAccessUnitTag(config, unit)),
    ];
    const events = payloads.flatMap(read);
    expect(events).toEqual([{ kind: 'config', config }, ...units.map((unit) => ({ kind: 'unit', unit }))]);
  });

  it('are those of old for the first track of H.264, AAC and MP3, and for no other', () => {
    const isOfOld = (payload: Uint8Array) => {
      const [first = 0] = payload;
      return [0x17, 0xaf, 0x2f].includes(first);
    };
    for (const trackId of [0, 1]) {
      for (const config of allTrackConfigs(trackId)) {
        const [unit] = unitsOf(config);
        if (unit === undefined) throw new Error('no unit');
        const expected = trackId === 0 && ['avc', 'aac', 'mp3'].includes(config.codec);
        expect([config.codec, isOfOld(encodeAccessUnitTag(config, unit))]).toEqual([config.codec, expected]);
      }
    }
  });

  it('hold the colours in a command frame, where ffmpeg looks for them; of a further track in no such frame', () => {
    const colorInfo = { colorConfig: undefined, hdrCll: { maxFall: 1, maxCll: 2 }, hdrMdcv: undefined };
    for (const trackId of [0, 1]) {
      const payload = encodeColorInfoTag(videoTrackConfig('hevc', trackId), colorInfo);
      expect(payload[0]).toBe(trackId === 0 ? 0xd4 : 0x96);
      expect(new FlvTrackReader().readVideo(payload, 0)).toEqual([{ kind: 'color-info', trackId, colorInfo }]);
    }
  });

  it('hold the FLAC header as mpegts.js reads it when asked to', () => {
    const config = audioTrackConfig('flac');
    const standard = encodeTrackConfigTag(config);
    const forMpegtsJs = encodeTrackConfigTag(config, 'mpegts.js');
    expect(standard?.length).toBe(5 + 4 + 4 + 34);
    expect(forMpegtsJs?.length).toBe(5 + 4 + 34);
    const reader = new FlvTrackReader();
    if (forMpegtsJs !== undefined) expect(reader.readAudio(forMpegtsJs, 0)).toEqual([{ kind: 'config', config }]);
    // Nothing else is different.
    for (const other of allTrackConfigs().filter(({ codec }) => codec !== 'flac')) {
      expect(encodeTrackConfigTag(other, 'mpegts.js')).toEqual(encodeTrackConfigTag(other));
    }
  });

  it('cannot be written for a unit of the other kind', () => {
    const [unit] = unitsOf(audioTrackConfig('aac'));
    if (unit === undefined) throw new Error('no unit');
    expect(() => encodeAccessUnitTag(videoTrackConfig('avc'), unit)).toThrow(TypeError);
  });
});

describe('metadataCodecId', () => {
  it('is the number of old, or the FourCC as one', () => {
    expect(metadataCodecId(videoTrackConfig('avc'))).toBe(7);
    expect(metadataCodecId(audioTrackConfig('aac'))).toBe(10);
    expect(metadataCodecId(audioTrackConfig('mp3'))).toBe(2);
    // From the examples of the specification.
    expect(metadataCodecId(videoTrackConfig('av1'))).toBe(1_635_135_537);
    expect(metadataCodecId(audioTrackConfig('opus'))).toBe(1_332_770_163);
  });
});
