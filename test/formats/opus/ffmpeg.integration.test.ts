import { describe, expect, it } from 'vitest';
import { opusTrackConfig } from '../../../src/formats/opus/identification-header.ts';
import { encodeTrack } from '../../support/encoded-tracks.ts';

describe('opusTrackConfig and ffprobe', () => {
  it.each(['-ac 1', '-ac 2', '-ac 6 -mapping_family 1', '-ac 8 -mapping_family 1', '-ac 2 -application lowdelay'])(
    'agree on %s',
    async (options) => {
      const { probed, description } = await encodeTrack('sine=r=48000:d=0.2', `-c:a libopus ${options}`, 'webm');
      if (description === undefined) throw new Error('no identification header');
      expect(opusTrackConfig(description, 3)).toStrictEqual({
        kind: 'audio',
        codec: 'opus',
        trackId: 3,
        codecString: 'Opus',
        description,
        sampleRate: Number(probed.sample_rate),
        channels: probed.channels,
        samplesPerFrame: undefined,
      });
    },
  );
});
