import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProtocolError } from '../../../src/base/errors.ts';
import { adtsAudioSpecificConfig, parseAdtsHeader } from '../../../src/formats/aac/adts.ts';
import { parseAudioSpecificConfig } from '../../../src/formats/aac/audio-specific-config.ts';

// LC, 44,100 Hz, stereo, 371 bytes with the header: as ffmpeg writes it.
const header = [0xff, 0xf1, 0x50, 0x80, 0x2e, 0x7f, 0xfc];

describe('parseAdtsHeader', () => {
  it('reads a header, also in the middle of a file', () => {
    const expected = {
      objectType: 2,
      sampleRate: 44_100,
      channelConfiguration: 2,
      headerBytes: 7,
      frameBytes: 371,
      rawDataBlocks: 1,
    };
    expect(parseAdtsHeader(Uint8Array.from(header))).toStrictEqual(expected);
    expect(parseAdtsHeader(Uint8Array.from([1, 2, 3, ...header, 4]), 3)).toStrictEqual(expected);
  });

  it('knows the longer header with a checksum', () => {
    expect(parseAdtsHeader(Uint8Array.from([0xff, 0xf0, ...header.slice(2), 0, 0])).headerBytes).toBe(9);
  });

  it('refuses what is no header, MP3 for one', () => {
    const changed = (at: number, byte: number) => Uint8Array.from(header, (was, index) => (index === at ? byte : was));
    for (const bytes of [
      changed(0, 0xfe),
      changed(1, 0xe1),
      changed(1, 0xfb),
      changed(2, 0x74), // sampling frequency index 13
      Uint8Array.from([...header.slice(0, 4), 0, 0xff, 0xfc]), // 7 bytes: nothing behind the header
      Uint8Array.from(header.slice(0, 6)),
    ]) {
      expect(() => parseAdtsHeader(bytes)).toThrow(ProtocolError);
    }
  });

  it('throws nothing but ProtocolError, whatever it is fed', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => {
        try {
          const { frameBytes, headerBytes } = parseAdtsHeader(Uint8Array.from([0xff, 0xf1, ...bytes]));
          expect(frameBytes).toBeGreaterThan(headerBytes);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }),
    );
  });
});

describe('adtsAudioSpecificConfig', () => {
  it('says the same as the header', () => {
    const parsed = parseAdtsHeader(Uint8Array.from(header));
    expect(adtsAudioSpecificConfig(parsed)).toStrictEqual(Uint8Array.of(0x12, 0x10));
    expect(parseAudioSpecificConfig(adtsAudioSpecificConfig(parsed))).toMatchObject({
      objectType: 2,
      sampleRate: 44_100,
      channels: 2,
    });
  });
});
