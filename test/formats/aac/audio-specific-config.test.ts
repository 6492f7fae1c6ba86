import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProtocolError } from '../../../src/base/errors.ts';
import { aacTrackConfig, parseAudioSpecificConfig } from '../../../src/formats/aac/audio-specific-config.ts';

/** Fields as `[bits, value]`, one after the other, filled up with zeros. */
function fields(...parts: readonly (readonly [bits: number, value: number])[]): Uint8Array {
  const text = parts.map(([bits, value]) => value.toString(2).padStart(bits, '0')).join('');
  const padded = text.padEnd(Math.ceil(text.length / 8) * 8, '0');
  return Uint8Array.from({ length: padded.length / 8 }, (_, i) => Number.parseInt(padded.slice(i * 8, i * 8 + 8), 2));
}

const track = (...bytes: number[]) => {
  const { codecString, sampleRate, channels, samplesPerFrame } = aacTrackConfig(Uint8Array.from(bytes));
  return { codecString, sampleRate, channels, samplesPerFrame };
};

describe('aacTrackConfig', () => {
  it('reads AAC-LC, 44,100 Hz, stereo', () => {
    expect(aacTrackConfig(Uint8Array.of(0x12, 0x10))).toStrictEqual({
      kind: 'audio',
      codec: 'aac',
      trackId: 0,
      codecString: 'mp4a.40.2',
      description: Uint8Array.of(0x12, 0x10),
      sampleRate: 44_100,
      channels: 2,
      samplesPerFrame: 1_024,
    });
  });

  it.each([
    [1, 1],
    [2, 2],
    [3, 3],
    [4, 4],
    [5, 5],
    [6, 6],
    [7, 8],
    [11, 7],
    [12, 8],
    [13, 24],
    [14, 8],
  ])('knows the channels of configuration %d', (configuration, channels) => {
    expect(aacTrackConfig(fields([5, 2], [4, 3], [4, configuration], [3, 0])).channels).toBe(channels);
  });

  it.each([8, 9, 10, 15])('refuses the reserved channel configuration %d', (configuration) => {
    expect(() => aacTrackConfig(fields([5, 2], [4, 3], [4, configuration], [3, 0]))).toThrow(ProtocolError);
  });

  it('reads a sampling frequency that is written out', () => {
    expect(aacTrackConfig(fields([5, 2], [4, 15], [24, 47_952], [4, 2], [3, 0])).sampleRate).toBe(47_952);
    for (const rate of [0, 192_001, 0xff_ff_ff]) {
      expect(() => aacTrackConfig(fields([5, 2], [4, 15], [24, rate], [4, 2], [3, 0]))).toThrow(ProtocolError);
    }
  });

  it('refuses reserved sampling frequency indexes', () => {
    for (const index of [13, 14]) {
      expect(() => aacTrackConfig(fields([5, 2], [4, index], [4, 2], [3, 0]))).toThrow(ProtocolError);
    }
  });

  it('knows frames of 960 samples', () => {
    expect(aacTrackConfig(fields([5, 2], [4, 3], [4, 2], [1, 1], [2, 0])).samplesPerFrame).toBe(960);
    const withSbr = fields([5, 5], [4, 6], [4, 2], [4, 3], [5, 2], [1, 1], [2, 0]);
    expect(aacTrackConfig(withSbr)).toMatchObject({ sampleRate: 48_000, samplesPerFrame: 1_920 });
  });

  it('skips the delay of a core coder', () => {
    const bytes = fields([5, 2], [4, 3], [4, 2], [1, 0], [1, 1], [14, 0x3fff], [1, 0]);
    expect(aacTrackConfig(bytes)).toMatchObject({ sampleRate: 48_000, channels: 2 });
  });

  it('reads HE-AAC, HE-AAC v2 and their backward compatible forms', () => {
    const sbr = { codecString: 'mp4a.40.5', sampleRate: 44_100, channels: 2, samplesPerFrame: 2_048 };
    const ps = { ...sbr, codecString: 'mp4a.40.29' };
    expect(track(0x2b, 0x92, 0x08, 0x00)).toStrictEqual(sbr);
    expect(track(0xeb, 0x8a, 0x08, 0x00)).toStrictEqual(ps);
    expect(track(0x13, 0x90, 0x56, 0xe5, 0xa0)).toStrictEqual(sbr);
    expect(track(0x13, 0x88, 0x56, 0xe5, 0xa5, 0x48, 0x80)).toStrictEqual(ps);
  });

  it('knows SBR that is said to be absent, as encoders of plain AAC-LC write it', () => {
    expect(track(0x12, 0x10, 0x56, 0xe5, 0x00)).toStrictEqual({
      codecString: 'mp4a.40.2',
      sampleRate: 44_100,
      channels: 2,
      samplesPerFrame: 1_024,
    });
  });

  it('knows downsampled SBR', () => {
    expect(aacTrackConfig(fields([5, 5], [4, 3], [4, 2], [4, 3], [5, 2], [3, 0]))).toMatchObject({
      codecString: 'mp4a.40.5',
      sampleRate: 48_000,
      samplesPerFrame: 1_024,
    });
  });

  it('refuses SBR with a rate that is neither the same nor the double', () => {
    expect(() => aacTrackConfig(fields([5, 5], [4, 3], [4, 2], [4, 11], [5, 2], [3, 0]))).toThrow(/SBR from/);
  });

  it('counts the channels of a program config element', () => {
    const element = (front: readonly number[], back: readonly number[], lowFrequency: number) =>
      fields(
        ...([
          [5, 2],
          [4, 3],
          [4, 0],
          [3, 0],
        ] as const),
        ...([
          [4, 0],
          [2, 1],
          [4, 3],
        ] as const),
        ...([
          [4, front.length],
          [4, 0],
          [4, back.length],
          [2, lowFrequency],
          [3, 0],
          [4, 0],
          [3, 0],
        ] as const),
        ...[...front, ...back].flatMap((pair) => [[1, pair] as const, [4, 0] as const]),
        ...Array.from({ length: lowFrequency }, () => [4, 0] as const),
      );
    const withComment = (bytes: Uint8Array) => Uint8Array.from([...bytes, 0]);
    expect(aacTrackConfig(withComment(element([0, 1], [1], 1))).channels).toBe(6);
    expect(aacTrackConfig(withComment(element([1], [], 0))).channels).toBe(2);
    expect(aacTrackConfig(withComment(element([0], [], 0))).channels).toBe(1);
  });

  it('assumes stereo when the program config element is missing or names nothing', () => {
    expect(aacTrackConfig(fields([5, 2], [4, 3], [4, 0], [3, 0])).channels).toBe(2);
    expect(aacTrackConfig(new Uint8Array([0x11, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0])).channels).toBe(2);
  });

  it('refuses object types that are no AAC of ours, by their number', () => {
    for (const type of [0, 6, 17, 23]) {
      expect(() => aacTrackConfig(fields([5, type], [4, 3], [4, 2], [3, 0]))).toThrow(`object type ${type} `);
    }
    // 42, USAC: 31, then 10 in six bits.
    expect(() => aacTrackConfig(fields([5, 31], [6, 10], [4, 3], [4, 2], [3, 0]))).toThrow('object type 42 ');
    expect(() => aacTrackConfig(fields([5, 5], [4, 6], [4, 2], [4, 3], [5, 5], [3, 0]))).toThrow('object type 5 ');
  });

  it('refuses what is cut off', () => {
    for (const bytes of [[], [0x12], [0x2b, 0x92]]) {
      expect(() => aacTrackConfig(Uint8Array.from(bytes))).toThrow(ProtocolError);
    }
  });

  it('keeps a copy of the description', () => {
    const description = Uint8Array.of(0x12, 0x10);
    const config = aacTrackConfig(description);
    description.fill(0);
    expect(config.description).toStrictEqual(Uint8Array.of(0x12, 0x10));
  });
});

describe('parseAudioSpecificConfig', () => {
  it('tells the core from what SBR and PS make of it', () => {
    expect(parseAudioSpecificConfig(Uint8Array.of(0xeb, 0x8a, 0x08, 0x00))).toStrictEqual({
      objectType: 2,
      sampleRate: 22_050,
      channelConfiguration: 1,
      channels: 1,
      samplesPerFrame: 1_024,
      sbrSampleRate: 44_100,
      parametricStereo: true,
    });
  });

  it('throws nothing but ProtocolError, whatever it is fed', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        try {
          const { sampleRate, channels, samplesPerFrame } = aacTrackConfig(bytes);
          expect(sampleRate > 0 && channels > 0 && Number.isInteger(samplesPerFrame)).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }),
      { numRuns: 3_000 },
    );
  });
});
