import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProtocolError } from '../../../src/base/errors.ts';
import { unknownColor } from '../../../src/formats/media/video-color.ts';
import {
  avcTrackConfig,
  encodeAvcDecoderConfiguration,
  parseAvcDecoderConfiguration,
} from '../../../src/formats/avc/decoder-configuration.ts';

/** Written by x264 for 1280×720, high profile, level 3.1; 50 ticks a second, but not a fixed rate. */
const sps = Uint8Array.fromHex('6764001facd9405005bb011000000300100000030320f1831960');
const pps = Uint8Array.of(0x68, 0xeb, 0xe3, 0xcb, 0x22, 0xc0);

describe('parseAvcDecoderConfiguration', () => {
  it('gives back the parameter sets that encodeAvcDecoderConfiguration was given', () => {
    expect(parseAvcDecoderConfiguration(encodeAvcDecoderConfiguration([sps], [pps, pps]))).toStrictEqual({
      profileIdc: 100,
      constraintFlags: 0,
      levelIdc: 31,
      nalLengthBytes: 4,
      sps: [sps],
      pps: [pps, pps],
    });
  });

  it('reads NAL unit lengths of one and two bytes, and refuses three', () => {
    const record = encodeAvcDecoderConfiguration([sps], [pps]);
    const withLength = (bytes: number): Uint8Array =>
      Uint8Array.from(record, (byte, at) => (at === 4 ? 0xfc | (bytes - 1) : byte));
    expect(parseAvcDecoderConfiguration(withLength(1)).nalLengthBytes).toBe(1);
    expect(parseAvcDecoderConfiguration(withLength(2)).nalLengthBytes).toBe(2);
    expect(() => parseAvcDecoderConfiguration(withLength(3))).toThrow(/three bytes/);
  });

  it('says that NAL units with start codes are no record', () => {
    expect(() => parseAvcDecoderConfiguration(Uint8Array.of(0, 0, 0, 1, 0x67))).toThrow(/start codes/);
  });

  it('ends in a ProtocolError wherever it is cut off', () => {
    const record = encodeAvcDecoderConfiguration([sps], [pps]);
    // Behind the parameter sets stand four bytes of the high profiles, which may be missing.
    for (let length = 0; length < record.length - 4; length++) {
      expect(() => parseAvcDecoderConfiguration(record.subarray(0, length))).toThrow(ProtocolError);
    }
    expect(parseAvcDecoderConfiguration(record.subarray(0, -4)).pps).toStrictEqual([pps]);
  });

  it('throws nothing but ProtocolError, whatever it is fed', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          avcTrackConfig(Uint8Array.from([1, ...bytes]));
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('avcTrackConfig', () => {
  it('tells what a decoder and a page must know', () => {
    const description = encodeAvcDecoderConfiguration([sps], [pps]);
    expect(avcTrackConfig(description)).toStrictEqual({
      kind: 'video',
      codec: 'avc',
      trackId: 0,
      codecString: 'avc1.64001f',
      description,
      width: 1_280,
      height: 720,
      pixelAspect: { horizontal: 1, vertical: 1 },
      framesPerSecond: undefined,
      color: unknownColor,
    });
  });

  it('keeps a copy of the description', () => {
    const description = encodeAvcDecoderConfiguration([sps], [pps]);
    const { description: kept } = avcTrackConfig(description);
    description.fill(0);
    expect(kept[0]).toBe(1);
  });

  it('refuses a record without a sequence or picture parameter set', () => {
    expect(() => avcTrackConfig(Uint8Array.of(1, 100, 0, 31, 0xff, 0xe0, 0))).toThrow(ProtocolError);
    expect(() => avcTrackConfig(encodeAvcDecoderConfiguration([sps], []))).toThrow(ProtocolError);
  });
});

describe('encodeAvcDecoderConfiguration', () => {
  it('adds chroma format and bit depths for high profiles only', () => {
    expect([...encodeAvcDecoderConfiguration([sps], [pps]).subarray(-4)]).toStrictEqual([0xfd, 0xf8, 0xf8, 0]);
    // The same set said to be of the main profile reads as something else, but ends where its picture sets end.
    const main = Uint8Array.of(0x67, 77, 0, 31, 0xda, 0x01, 0x40, 0x16, 0xe8);
    expect(encodeAvcDecoderConfiguration([main], [pps]).subarray(-pps.length)).toStrictEqual(pps);
  });

  it('refuses to write one without a sequence parameter set', () => {
    expect(() => encodeAvcDecoderConfiguration([], [pps])).toThrow(ProtocolError);
  });
});
