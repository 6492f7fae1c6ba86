import { describe, expect, it } from 'vitest';
import {
  type FlvClientCapabilities,
  legacyFlvClient,
  mpegtsJsClient,
  wireFormOf,
  wireFormOfColorInfo,
} from '../../../src/formats/flv/client-capabilities.ts';
import type { TrackConfig } from '../../../src/formats/media/track.ts';
import { allTrackConfigs, videoTrackConfig } from '../../support/sample-tracks.ts';

const everything: FlvClientCapabilities = {
  ...legacyFlvClient,
  enhancedCodecs: new Set(allTrackConfigs().map(({ codec }) => codec)),
  multitrack: true,
  colorInfo: true,
};

const sent = (configs: readonly TrackConfig[], client: FlvClientCapabilities) =>
  configs.filter((config) => wireFormOf(config, client) === 'send').map(({ codec }) => codec);

describe('wireFormOf', () => {
  it('sends to a client of old the first tracks of H.264, AAC and MP3, and nothing else', () => {
    expect(sent(allTrackConfigs(0), legacyFlvClient).sort()).toEqual(['aac', 'avc', 'mp3']);
    expect(sent(allTrackConfigs(1), legacyFlvClient)).toEqual([]);
  });

  it('sends to mpegts.js what it does not stop at', () => {
    expect(sent(allTrackConfigs(0), mpegtsJsClient).sort()).toEqual([
      'aac',
      'av1',
      'avc',
      'flac',
      'hevc',
      'mp3',
      'opus',
    ]);
    expect(sent(allTrackConfigs(1), mpegtsJsClient)).toEqual([]);
  });

  it('sends everything to a client that takes everything', () => {
    expect(sent(allTrackConfigs(0), everything)).toHaveLength(11);
    expect(sent(allTrackConfigs(9), everything)).toHaveLength(11);
  });

  it('sends further tracks only to clients that know of them and take their FourCC', () => {
    expect(sent(allTrackConfigs(1), { ...everything, multitrack: false })).toEqual([]);
    const onlyHevc = { ...everything, enhancedCodecs: new Set(['hevc'] as const) };
    expect(sent(allTrackConfigs(1), onlyHevc)).toEqual(['hevc']);
  });
});

describe('wireFormOfColorInfo', () => {
  it('sends colours only beside a track that is sent in the enhanced form', () => {
    expect(wireFormOfColorInfo(videoTrackConfig('hevc'), everything)).toBe('send');
    expect(wireFormOfColorInfo(videoTrackConfig('hevc', 2), everything)).toBe('send');
    expect(wireFormOfColorInfo(videoTrackConfig('hevc', 2), { ...everything, multitrack: false })).toBe('drop');
    expect(wireFormOfColorInfo(videoTrackConfig('hevc'), mpegtsJsClient)).toBe('drop');
    expect(wireFormOfColorInfo(videoTrackConfig('avc'), { ...legacyFlvClient, colorInfo: true })).toBe('drop');
  });
});
