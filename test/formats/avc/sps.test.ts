import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProtocolError } from '../../../src/base/errors.ts';
import { parseSps } from '../../../src/formats/avc/sps.ts';
import { unspecifiedColors } from '../../../src/formats/media/video-color.ts';

/** Writes bits as an encoder does, so that each field can be set to what no encoder would write. */
class BitWriter {
  #bits = '';

  u(count: number, value: number): this {
    this.#bits += value.toString(2).padStart(count, '0').slice(-count);
    return this;
  }

  ue(value: number): this {
    const code = (value + 1).toString(2);
    this.#bits += '0'.repeat(code.length - 1) + code;
    return this;
  }

  se(value: number): this {
    return this.ue(value > 0 ? value * 2 - 1 : -value * 2);
  }

  nalUnit(): Uint8Array {
    const bits = `${this.#bits}1`.padEnd(Math.ceil((this.#bits.length + 1) / 8) * 8, '0');
    const bytes = [0x67];
    for (let at = 0; at < bits.length; at += 8) {
      const byte = Number.parseInt(bits.slice(at, at + 8), 2);
      if (byte <= 3 && bytes.at(-1) === 0 && bytes.at(-2) === 0) bytes.push(3);
      bytes.push(byte);
    }
    return Uint8Array.from(bytes);
  }
}

interface SpsFields {
  readonly profile?: number;
  readonly chroma?: (writer: BitWriter) => void;
  readonly pictureOrder?: (writer: BitWriter) => void;
  readonly size?: readonly [width: number, height: number];
  readonly fields?: boolean;
  readonly crop?: readonly [left: number, right: number, top: number, bottom: number];
  readonly vui?: (writer: BitWriter) => void;
}

function sps(options: SpsFields): Uint8Array {
  const { profile = 77, size = [120, 68], fields = false, crop } = options;
  const writer = new BitWriter().u(8, profile).u(8, 0).u(8, 31).ue(0);
  options.chroma?.(writer);
  writer.ue(0);
  if (options.pictureOrder === undefined) writer.ue(0).ue(0);
  else options.pictureOrder(writer);
  writer
    .ue(1)
    .u(1, 0)
    .ue(size[0] - 1)
    .ue(size[1] - 1)
    .u(1, fields ? 0 : 1);
  if (fields) writer.u(1, 1);
  writer.u(1, 1).u(1, crop === undefined ? 0 : 1);
  for (const side of crop ?? []) writer.ue(side);
  writer.u(1, options.vui === undefined ? 0 : 1);
  options.vui?.(writer);
  return writer.nalUnit();
}

/** Chroma format, 8 bits each, no scaling matrix. */
const chroma = (format: number) => (writer: BitWriter) => {
  writer.ue(format);
  if (format === 3) writer.u(1, 0);
  writer.ue(0).ue(0).u(1, 0).u(1, 0);
};

describe('parseSps', () => {
  it('reads a parameter set of the main profile', () => {
    expect(parseSps(sps({ crop: [0, 0, 0, 4] }))).toStrictEqual({
      profileIdc: 77,
      constraintFlags: 0,
      levelIdc: 31,
      chromaFormatIdc: 1,
      bitDepthLuma: 8,
      bitDepthChroma: 8,
      width: 1_920,
      height: 1_080,
      interlaced: false,
      colors: unspecifiedColors,
      pixelAspect: { horizontal: 1, vertical: 1 },
      framesPerSecond: undefined,
    });
  });

  it.each([
    ['monochrome', 0, 1, 1],
    ['4:2:0', 1, 2, 2],
    ['4:2:2', 2, 2, 1],
    ['4:4:4', 3, 1, 1],
  ])('counts cropping in samples of %s', (_, format, unitX, unitY) => {
    const crop = [1, 2, 3, 4] as const;
    const parsed = parseSps(sps({ profile: 244, chroma: chroma(format), size: [10, 10], crop }));
    expect(parsed).toMatchObject({ width: 160 - 3 * unitX, height: 160 - 7 * unitY, chromaFormatIdc: format });
  });

  it('doubles the height and the cropping of a stream with fields', () => {
    expect(parseSps(sps({ size: [45, 18], fields: true }))).toMatchObject({
      width: 720,
      height: 576,
      interlaced: true,
    });
    expect(parseSps(sps({ size: [120, 34], fields: true, crop: [0, 0, 0, 2] }))).toMatchObject({ height: 1_080 });
  });

  it('crops separate colour planes like monochrome', () => {
    const separate = (writer: BitWriter) => void writer.ue(3).u(1, 1).ue(0).ue(0).u(1, 0).u(1, 0);
    expect(parseSps(sps({ profile: 244, chroma: separate, size: [2, 2], crop: [1, 0, 0, 0] }))).toMatchObject({
      width: 31,
    });
  });

  it('finds its way through scaling matrices and picture order counts', () => {
    const matrices = (writer: BitWriter) => {
      writer.ue(1).ue(2).ue(2).u(1, 0).u(1, 1);
      // A whole list, one that ends at its first value, one that is left out, one that ends later.
      writer.u(1, 1);
      for (let i = 0; i < 16; i++) writer.se(i % 2 === 0 ? 5 : -5);
      writer.u(1, 1).se(-8).u(1, 0).u(1, 1).se(1).se(2).se(-11).u(4, 0);
    };
    const pictureOrder = (writer: BitWriter) => void writer.ue(1).u(1, 0).se(-3).se(9).ue(3).se(1).se(-1).se(0);
    const parsed = parseSps(sps({ profile: 110, chroma: matrices, pictureOrder, size: [20, 10] }));
    expect(parsed).toMatchObject({ width: 320, height: 160, bitDepthLuma: 10, bitDepthChroma: 10 });
  });

  it('reads pixel aspect and a fixed frame rate', () => {
    const withRate = (fixed: number) => (writer: BitWriter) => {
      writer.u(1, 1).u(8, 255).u(16, 64).u(16, 45);
      writer.u(1, 1).u(1, 0).u(1, 1).u(4, 0).u(1, 1).u(24, 0x010101).u(1, 1).ue(0).ue(0);
      writer.u(1, 1).u(32, 1_001).u(32, 60_000).u(1, fixed);
    };
    expect(parseSps(sps({ vui: withRate(1) }))).toMatchObject({
      pixelAspect: { horizontal: 64, vertical: 45 },
      framesPerSecond: 30_000 / 1_001,
    });
    expect(parseSps(sps({ vui: withRate(0) })).framesPerSecond).toBeUndefined();
  });

  it.each([
    [0, 1, 1],
    [1, 1, 1],
    [2, 12, 11],
    [14, 4, 3],
    [16, 2, 1],
    [17, 1, 1],
  ])('knows the pixel aspect with the number %d', (index, horizontal, vertical) => {
    const vui = (writer: BitWriter) => void writer.u(1, 1).u(8, index).u(16, 0);
    expect(parseSps(sps({ vui })).pixelAspect).toStrictEqual({ horizontal, vertical });
  });

  it('takes a pixel aspect or frame rate with a 0 in it as not said', () => {
    const vui = (writer: BitWriter) => {
      writer.u(1, 1).u(8, 255).u(16, 0).u(16, 45).u(3, 0);
      writer.u(1, 1).u(32, 0).u(32, 50).u(1, 1);
    };
    expect(parseSps(sps({ vui }))).toMatchObject({
      pixelAspect: { horizontal: 1, vertical: 1 },
      framesPerSecond: undefined,
    });
  });

  it('does without the rest of a VUI that is cut short', () => {
    const vui = (writer: BitWriter) => void writer.u(1, 1).u(8, 2).u(3, 0).u(1, 1).u(32, 1);
    expect(parseSps(sps({ vui }))).toMatchObject({
      width: 1_920,
      pixelAspect: { horizontal: 12, vertical: 11 },
      framesPerSecond: undefined,
    });
  });

  it.each([
    ['a picture wider than 16,384', { size: [1_025, 1] }],
    ['a picture higher than 16,384', { size: [1, 1_025] }],
    ['fields that make it higher than 16,384', { size: [1, 513], fields: true }],
    ['a width of 2^32', { size: [2 ** 32, 1] }],
    ['cropping that leaves nothing', { size: [1, 1], crop: [4, 4, 0, 0] }],
    ['cropping by 2^32', { size: [1, 1], crop: [0, 0, 2 ** 32 - 1, 0] }],
    ['a chroma format of 4', { profile: 100, chroma: chroma(4) }],
    ['picture order count type 3', { pictureOrder: (writer) => void writer.ue(3) }],
    ['a cycle of 256 reference frames', { pictureOrder: (writer) => void writer.ue(1).u(1, 0).se(0).se(0).ue(256) }],
  ] satisfies [string, SpsFields][])('refuses %s', (_, fields) => {
    expect(() => parseSps(sps(fields))).toThrow(ProtocolError);
  });

  it('refuses another NAL unit and one without a byte', () => {
    expect(() => parseSps(Uint8Array.of(0x68, 1, 2, 3))).toThrow(ProtocolError);
    expect(() => parseSps(new Uint8Array(0))).toThrow(ProtocolError);
  });

  it('ends in a ProtocolError wherever it is cut off before the VUI', () => {
    const whole = sps({ crop: [0, 0, 0, 4] });
    // The last byte holds no more than the end of the cropping and the stop bit.
    for (let length = 1; length < whole.length - 1; length++) {
      expect(() => parseSps(whole.subarray(0, length))).toThrow(ProtocolError);
    }
  });

  it('throws nothing but ProtocolError, whatever it is fed', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.constantFrom(66, 77, 100, 244), (bytes, profile) => {
        try {
          const { width, height } = parseSps(Uint8Array.from([0x67, profile, ...bytes]));
          expect(width > 0 && width <= 16_384 && height > 0 && height <= 16_384).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }),
      { numRuns: 3_000 },
    );
  });
});
