import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProtocolError } from '../../../src/base/errors.ts';
import { encodeVideoTag, parseVideoTag, type WritableVideoTag } from '../../../src/formats/flv/video-tag.ts';

const fourCc = (text: string): number[] => [...new TextEncoder().encode(text)];
const parse = (...payload: number[]) => parseVideoTag(Uint8Array.from(payload));

describe('parseVideoTag', () => {
  it('gives back what encodeVideoTag was given', () => {
    const body = fc.uint8Array({ minLength: 1, maxLength: 20 });
    const tag: fc.Arbitrary<WritableVideoTag> = fc.oneof(
      body.map((description) => ({ kind: 'sequence-header', codec: 'avc', description }) as const),
      fc.constant({ kind: 'end-of-sequence', codec: 'avc' } as const),
      fc
        .tuple(fc.boolean(), fc.integer({ min: -0x80_00_00, max: 0x7f_ff_ff }), body)
        .map(
          ([keyframe, compositionOffsetMs, data]) =>
            ({ kind: 'frame', codec: 'avc', keyframe, compositionOffsetMs, data }) as const,
        ),
    );
    fc.assert(
      fc.property(tag, (value) => {
        expect(parseVideoTag(encodeVideoTag(value))).toStrictEqual(value);
      }),
    );
  });

  it('reads the bytes of the specification', () => {
    expect(parse(0x17, 0, 0, 0, 0, 1, 100)).toStrictEqual({
      kind: 'sequence-header',
      codec: 'avc',
      description: Uint8Array.of(1, 100),
    });
    expect(parse(0x27, 1, 0xff, 0xff, 0xd8, 9)).toStrictEqual({
      kind: 'frame',
      codec: 'avc',
      keyframe: false,
      compositionOffsetMs: -40,
      data: Uint8Array.of(9),
    });
    expect(parse(0x17, 1, 0, 0, 80, 9)).toMatchObject({ kind: 'frame', keyframe: true, compositionOffsetMs: 80 });
    expect(parse(0x37, 1, 0, 0, 0, 9)).toMatchObject({ kind: 'frame', keyframe: false });
    expect(parse(0x17, 2, 0, 0, 0)).toStrictEqual({ kind: 'end-of-sequence', codec: 'avc' });
  });

  it.each([
    ['an empty message', []],
    ['a seek command of old Flash servers', [0x57, 0]],
    ['a sequence header without a body', [0x17, 0, 0, 0, 0]],
    ['a frame without a body', [0x27, 1, 0, 0, 0]],
    ['a packet type of the future', [0x17, 3, 0, 0, 0, 1]],
    ['the colours of an HDR stream, which OBS sends first', [0x94, ...fourCc('hvc1'), 2, 0]],
    ['a command in the enhanced form', [0xd0, 0]],
  ])('ignores %s', (_, payload) => {
    expect(parse(...payload)).toMatchObject({ kind: 'ignored' });
  });

  it.each([
    ['Sorenson H.263', [0x12]],
    ['VP6', [0x14, 0, 0]],
    ['HEVC in the unofficial codec id 12', [0x1c, 1, 0, 0, 0, 9]],
    ['FLV video codec id 15', [0x1f]],
    ['hvc1', [0x90, ...fourCc('hvc1'), 1]],
    ['av01', [0xa1, ...fourCc('av01'), 1]],
    ['vp09', [0xa3, ...fourCc('vp09')]],
    // A modifier with one byte of data before the packet type and the FourCC.
    ['hvc1', [0x97, 0, 0xee, 0x01, ...fourCc('hvc1')]],
    // Two modifiers, the first with its length in the long form: 255, then 2 for three bytes.
    ['avc1', [0x97, 255, 0, 2, 1, 2, 3, 0x07, 0, 0xee, 0x01, ...fourCc('avc1')]],
    ['avc1', [0x96, 0x01, ...fourCc('avc1'), 1]],
    ['several codecs at once', [0x96, 0x21, 0]],
    ['with an unreadable FourCC', [0x91, 0, 10, 0x1b, 0xff]],
  ])('names the codec %s, which is not carried', (codec, payload) => {
    expect(parse(...payload)).toStrictEqual({ kind: 'unsupported', codec });
  });

  it('refuses a header that ends early', () => {
    for (const payload of [[0x17], [0x17, 1], [0x17, 1, 0, 0], [0x90], [0x90, 0x68, 0x76, 0x63], [0x97], [0x97, 5]]) {
      expect(() => parse(...payload)).toThrow(ProtocolError);
    }
  });

  it('throws nothing but ProtocolError, whatever it is fed', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 30 }), (payload) => {
        try {
          expect(parseVideoTag(payload).kind).toBeTypeOf('string');
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
