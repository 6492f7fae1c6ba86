import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProtocolError } from '../../../src/base/errors.ts';
import {
  encodeVideoTag,
  parseVideoTags,
  type VideoTag,
  type WritableVideoTag,
} from '../../../src/formats/flv/video-tag.ts';
import type { ColorInfo } from '../../../src/formats/media/color-info.ts';
import { enhancedPacket, videoPacket, withCompositionOffset } from '../../support/enhanced-packets.ts';

const fourCc = (text: string): number[] => [...new TextEncoder().encode(text)];
const parse = (...payload: number[]) => parseVideoTags(Uint8Array.from(payload));
const bytes = (...values: number[]) => Uint8Array.from(values);

const codecs = ['avc', 'hevc', 'av1', 'vp9', 'vp8'] as const;
const fourCcs = { avc: 'avc1', hevc: 'hvc1', av1: 'av01', vp9: 'vp09', vp8: 'vp08' } as const;
const hasOffset = (codec: string) => codec === 'avc' || codec === 'hevc';

const colorInfo: ColorInfo = {
  colorConfig: { bitDepth: 10, colorPrimaries: 9, transferCharacteristics: 16, matrixCoefficients: 9 },
  hdrCll: { maxFall: 400, maxCll: 1_000 },
  hdrMdcv: {
    redX: 0.708,
    redY: 0.292,
    greenX: 0.17,
    greenY: 0.797,
    blueX: 0.131,
    blueY: 0.046,
    whitePointX: 0.3127,
    whitePointY: 0.329,
    maxLuminance: 1_000,
    minLuminance: 0.0001,
  },
};

const body = fc.uint8Array({ minLength: 1, maxLength: 20 });
const track = fc.record({ codec: fc.constantFrom(...codecs), trackId: fc.nat(255) }, { noNullPrototype: true });
const writable: fc.Arbitrary<WritableVideoTag> = track.chain((of) =>
  fc.oneof(
    body.map((description) => ({ kind: 'sequence-header', ...of, description }) as const),
    fc.constant({ kind: 'end-of-sequence', ...of } as const),
    fc.constantFrom(colorInfo, undefined).map((value) => ({ kind: 'color-info', ...of, colorInfo: value }) as const),
    fc.tuple(fc.boolean(), fc.integer({ min: -0x80_00_00, max: 0x7f_ff_ff }), body).map(([keyframe, offset, data]) => {
      const compositionOffsetMs = hasOffset(of.codec) ? offset : 0;
      return { kind: 'frame', ...of, keyframe, compositionOffsetMs, data } as const;
    }),
  ),
);

describe('parseVideoTags', () => {
  it('gives back what encodeVideoTag was given, of every codec and track', () => {
    fc.assert(
      fc.property(writable, (tag) => {
        expect(parseVideoTags(encodeVideoTag(tag))).toStrictEqual([tag]);
      }),
      { numRuns: 500 },
    );
  });

  it('reads the bytes of the old specification, and writes them for AVC of the first track', () => {
    const header = { kind: 'sequence-header', codec: 'avc', trackId: 0, description: bytes(1, 100) } as const;
    expect(parse(0x17, 0, 0, 0, 0, 1, 100)).toStrictEqual([header]);
    expect([...encodeVideoTag(header)]).toStrictEqual([0x17, 0, 0, 0, 0, 1, 100]);
    const frame: WritableVideoTag = {
      kind: 'frame',
      codec: 'avc',
      trackId: 0,
      keyframe: false,
      compositionOffsetMs: -40,
      data: bytes(9),
    };
    expect(parse(0x27, 1, 0xff, 0xff, 0xd8, 9)).toStrictEqual([frame]);
    expect([...encodeVideoTag(frame)]).toStrictEqual([0x27, 1, 0xff, 0xff, 0xd8, 9]);
    expect(parse(0x17, 1, 0, 0, 80, 9)).toMatchObject([{ kind: 'frame', keyframe: true, compositionOffsetMs: 80 }]);
    expect(parse(0x37, 1, 0, 0, 0, 9)).toMatchObject([{ kind: 'frame', keyframe: false }]);
    expect(parse(0x17, 2, 0, 0, 0)).toStrictEqual([{ kind: 'end-of-sequence', codec: 'avc', trackId: 0 }]);
    expect([...encodeVideoTag({ kind: 'end-of-sequence', codec: 'avc', trackId: 0 })]).toStrictEqual([
      0x17, 2, 0, 0, 0,
    ]);
  });

  it('reads HEVC in the unofficial codec id 12', () => {
    expect(parse(0x1c, 0, 0, 0, 0, 1, 2)).toMatchObject([{ kind: 'sequence-header', codec: 'hevc' }]);
    expect(parse(0x2c, 1, 0, 0, 33, 9)).toMatchObject([
      { kind: 'frame', codec: 'hevc', keyframe: false, compositionOffsetMs: 33 },
    ]);
  });

  it('reads the bytes of the Enhanced RTMP specification', () => {
    expect(parse(0x90, ...fourCc('hvc1'), 1, 2)).toStrictEqual([
      { kind: 'sequence-header', codec: 'hevc', trackId: 0, description: bytes(1, 2) },
    ]);
    expect(parse(0xa1, ...fourCc('hvc1'), 0xff, 0xff, 0xfe, 7)).toStrictEqual([
      { kind: 'frame', codec: 'hevc', trackId: 0, keyframe: false, compositionOffsetMs: -2, data: bytes(7) },
    ]);
    // CodedFramesX: no composition offset.
    expect(parse(0x93, ...fourCc('avc1'), 7, 8)).toStrictEqual([
      { kind: 'frame', codec: 'avc', trackId: 0, keyframe: true, compositionOffsetMs: 0, data: bytes(7, 8) },
    ]);
    // AV1 and VP9 have none in either form.
    for (const first of [0x91, 0x93]) {
      expect(parse(first, ...fourCc('av01'), 0x12, 0)).toMatchObject([{ codec: 'av1', data: bytes(0x12, 0) }]);
    }
    expect(parse(0x92, ...fourCc('vp09'))).toStrictEqual([{ kind: 'end-of-sequence', codec: 'vp9', trackId: 0 }]);
    expect(parse(0x96, 0x01, ...fourCc('avc1'), 3, 0, 0, 40, 5)).toStrictEqual([
      { kind: 'frame', codec: 'avc', trackId: 3, keyframe: true, compositionOffsetMs: 40, data: bytes(5) },
    ]);
  });

  it('reads every track of a multitrack message, of one codec and of several', () => {
    const tracks = fc.array(fc.record({ codec: fc.constantFrom(...codecs), trackId: fc.nat(255), data: body }), {
      minLength: 1,
      maxLength: 6,
    });
    fc.assert(
      fc.property(tracks, fc.boolean(), fc.boolean(), (list, manyCodecs, key) => {
        const first = list[0]?.codec ?? 'avc';
        const sent = manyCodecs ? list : list.map((entry) => ({ ...entry, codec: first }));
        const payload = enhancedPacket({
          media: 'video',
          packetType: videoPacket.codedFrames,
          frameType: key ? 1 : 2,
          multitrack: manyCodecs ? 'many-tracks-many-codecs' : 'many-tracks',
          tracks: sent.map(({ codec, trackId, data }) => ({
            fourCc: fourCcs[codec],
            trackId,
            body: hasOffset(codec) ? withCompositionOffset(-trackId, data) : data,
          })),
        });
        expect(parseVideoTags(payload)).toEqual(
          sent.map(({ codec, trackId, data }) => ({
            kind: 'frame',
            codec,
            trackId,
            keyframe: key,
            compositionOffsetMs: hasOffset(codec) && trackId !== 0 ? -trackId : 0,
            data,
          })),
        );
      }),
    );
  });

  it('reads over modifiers of every type and length', () => {
    const modifier = fc.record({
      type: fc.nat(15),
      data: fc.oneof(
        fc.uint8Array({ minLength: 1, maxLength: 5 }),
        fc.constantFrom(255, 256, 257, 65_536).map((length) => new Uint8Array(length)),
      ),
    });
    fc.assert(
      fc.property(fc.array(modifier, { maxLength: 3 }), fc.boolean(), (modifiers, isMultitrack) => {
        const payload = enhancedPacket({
          media: 'video',
          packetType: videoPacket.sequenceStart,
          modifiers,
          ...(isMultitrack ? { multitrack: 'one-track' as const } : {}),
          tracks: [{ fourCc: 'av01', trackId: 0, body: bytes(0x81, 1) }],
        });
        expect(parseVideoTags(payload)).toEqual([
          { kind: 'sequence-header', codec: 'av1', trackId: 0, description: bytes(0x81, 1) },
        ]);
      }),
    );
  });

  it('takes the colours of an HDR stream, as OBS and ffmpeg flag them', () => {
    const encoded = encodeVideoTag({ kind: 'color-info', codec: 'hevc', trackId: 0, colorInfo });
    for (const frameType of [0, 1, 5]) {
      encoded[0] = 0x84 | (frameType << 4);
      expect(parseVideoTags(encoded)).toStrictEqual([{ kind: 'color-info', codec: 'hevc', trackId: 0, colorInfo }]);
    }
    // [ 'colorInfo', {} ]: back to what the bitstream says.
    const reset = [2, 0, 9, ...fourCc('colorInfo'), 3, 0, 0, 9];
    expect(parse(0xd4, ...fourCc('hvc1'), ...reset)).toStrictEqual([
      { kind: 'color-info', codec: 'hevc', trackId: 0, colorInfo: undefined },
    ]);
    // [ 'colorInfo', { colorConfig: { bitDepth: 10 } } ], and what is no number.
    const some = [2, 0, 9, ...fourCc('colorInfo'), 3, 0, 11, ...fourCc('colorConfig'), 3, 0, 8, ...fourCc('bitDepth')];
    const ten = [0, 0x40, 0x24, 0, 0, 0, 0, 0, 0, 0, 14, ...fourCc('colorPrimaries'), 1, 1, 0, 0, 9, 0, 0, 9];
    expect(parse(0xd4, ...fourCc('hvc1'), ...some, ...ten)).toMatchObject([
      { colorInfo: { colorConfig: { bitDepth: 10, colorPrimaries: undefined }, hdrCll: undefined } },
    ]);
  });

  it.each([
    ['an empty message', []],
    ['a seek command of old Flash servers', [0x57, 0]],
    ['a sequence header without a body', [0x17, 0, 0, 0, 0]],
    ['a frame without a body', [0x27, 1, 0, 0, 0]],
    ['a packet type of the future', [0x17, 3, 0, 0, 0, 1]],
    ['a command in the enhanced form', [0xd0, 0]],
    ['an enhanced sequence header without a body', [0x90, ...fourCc('av01')]],
    ['an enhanced frame without a body', [0x91, ...fourCc('av01')]],
    ['a sequence header in the form of MPEG-2 TS', [0x95, ...fourCc('av01'), 1]],
    ['an enhanced packet type of the future', [0x98, ...fourCc('av01'), 1]],
    ['a multitrack packet of a future kind', [0x96, 0x31, 1, 2, 3]],
    ['metadata of which nothing is known', [0xd4, ...fourCc('hvc1'), 2, 0, 1, 0x61, 5]],
  ])('ignores %s', (_, payload) => {
    expect(parse(...payload)).toMatchObject([{ kind: 'ignored' }]);
  });

  it.each([
    ['Sorenson H.263', 0, [0x12]],
    ['VP6', 0, [0x14, 0, 0]],
    ['FLV video codec id 15', 0, [0x1f]],
    ['vvc1', 0, [0x90, ...fourCc('vvc1'), 1]],
    ['vvc1', 7, [0x96, 0x01, ...fourCc('vvc1'), 7]],
    ['with an unreadable FourCC', 0, [0x91, 0, 10, 0x1b, 0xff]],
  ])('names the codec %s, which is not carried', (codec, trackId, payload) => {
    expect(parse(...payload)).toStrictEqual([{ kind: 'unsupported', codec, trackId }]);
  });

  it.each([
    ['no packet type', [0x17]],
    ['no composition offset', [0x17, 1, 0, 0]],
    ['no FourCC', [0x90]],
    ['half a FourCC', [0x90, 0x68, 0x76, 0x63]],
    ['no composition offset in an enhanced frame', [0x91, ...fourCc('hvc1'), 0, 0]],
    ['no length of a modifier', [0x97]],
    ['half a modifier', [0x97, 5, 1]],
    ['half of the long length of a modifier', [0x97, 255, 1]],
    ['no kind of multitrack', [0x96]],
    ['no track id', [0x96, 0x01, ...fourCc('avc1')]],
    ['no tracks', [0x96, 0x11, ...fourCc('avc1')]],
    ['a track that is cut', [0x96, 0x11, ...fourCc('av01'), 1, 0, 0, 2, 9]],
    ['a second track without a FourCC', [0x96, 0x21, ...fourCc('av01'), 1, 0, 0, 1, 9, 0x61]],
    ['a multitrack packet within another', [0x96, 0x06, ...fourCc('avc1'), 1]],
    ['metadata that is no AMF0', [0xd4, ...fourCc('hvc1'), 2, 0, 9, 0x63]],
  ])('refuses a message with %s, and says where', (_, payload) => {
    let thrown: unknown;
    try {
      parse(...payload);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(ProtocolError);
    expect((thrown as ProtocolError).byteOffset).toBeTypeOf('number');
  });

  it('refuses more tracks in a message than there are track ids', () => {
    const message = (count: number) =>
      enhancedPacket({
        media: 'video',
        packetType: videoPacket.codedFrames,
        multitrack: 'many-tracks',
        tracks: Array.from({ length: count }, (_, trackId) => ({
          fourCc: 'av01',
          trackId: trackId & 0xff,
          body: bytes(1),
        })),
      });
    expect(parseVideoTags(message(256))).toHaveLength(256);
    expect(() => parseVideoTags(message(257))).toThrow(ProtocolError);
  });

  it('reads of a truncated message nothing that was not there', () => {
    fc.assert(
      fc.property(fc.array(writable, { minLength: 1, maxLength: 3 }), fc.boolean(), (tags, isMultitrack) => {
        const [first] = tags;
        if (first === undefined) return;
        const whole = isMultitrack
          ? enhancedPacket({
              media: 'video',
              packetType: videoPacket.codedFramesX,
              multitrack: 'many-tracks-many-codecs',
              tracks: tags.map(({ codec, trackId }) => ({ fourCc: fourCcs[codec], trackId, body: bytes(1, 2, 3) })),
            })
          : encodeVideoTag(first);
        const complete = parseVideoTags(whole);
        for (let length = 0; length < whole.length; length++) {
          for (const [index, tag] of tagsOrNone(whole.subarray(0, length)).entries()) isPrefix(tag, complete[index]);
        }
      }),
    );
  });

  it('throws nothing but ProtocolError, whatever it is fed', () => {
    const start = fc.constantFrom([], [0x96], [0x96, 0x11, ...fourCc('avc1')], [0xd4, ...fourCc('hvc1')], [0x97]);
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 40 }), (beginning, garbage) => {
        for (const tag of tagsOrNone(bytes(...beginning, ...garbage))) expect(tag.kind).toBeTypeOf('string');
      }),
      { numRuns: 3_000 },
    );
  });
});

/** None where it throws, which must be a `ProtocolError`. */
function tagsOrNone(payload: Uint8Array): readonly VideoTag[] {
  try {
    return parseVideoTags(payload);
  } catch (error) {
    expect(error).toBeInstanceOf(ProtocolError);
    return [];
  }
}

/** The same, or cut, or nothing for a decoder. */
function isPrefix(tag: VideoTag, whole: VideoTag | undefined): void {
  if (tag.kind === 'ignored') return;
  expect(tag.kind).toBe(whole?.kind);
  if (tag.kind === 'frame' && whole?.kind === 'frame') {
    expect(tag).toEqual({ ...whole, data: whole.data.subarray(0, tag.data.length) });
  }
  if (tag.kind === 'sequence-header' && whole?.kind === 'sequence-header') {
    expect(tag).toEqual({ ...whole, description: whole.description.subarray(0, tag.description.length) });
  }
}
