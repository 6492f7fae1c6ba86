import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProtocolError } from '../../../src/base/errors.ts';
import {
  type AudioTag,
  encodeAudioTag,
  parseAudioTags,
  type WritableAudioTag,
} from '../../../src/formats/flv/audio-tag.ts';
import { audioPacket, enhancedPacket } from '../../support/enhanced-packets.ts';

const fourCc = (text: string): number[] => [...new TextEncoder().encode(text)];
const bytes = (...values: number[]) => Uint8Array.from(values);
const parse = (...payload: number[]) => parseAudioTags(Uint8Array.from(payload));

const codecs = ['aac', 'opus', 'flac', 'ac3', 'eac3', 'mp3'] as const;
const fourCcs = { aac: 'mp4a', opus: 'Opus', flac: 'fLaC', ac3: 'ac-3', eac3: 'ec-3', mp3: '.mp3' } as const;

const body = fc.uint8Array({ minLength: 1, maxLength: 20 });
const writable: fc.Arbitrary<WritableAudioTag> = fc
  .record({ codec: fc.constantFrom(...codecs), trackId: fc.nat(255) }, { noNullPrototype: true })
  .chain((of) =>
    fc.oneof(
      body.map((description) => ({ kind: 'sequence-header', ...of, description }) as const),
      body.map((data) => ({ kind: 'frame', ...of, data }) as const),
      fc.constant({ kind: 'end-of-sequence', ...of } as const),
    ),
  );

describe('parseAudioTags', () => {
  it('gives back what encodeAudioTag was given, of every codec and track', () => {
    fc.assert(
      fc.property(writable, (tag) => {
        expect(parseAudioTags(encodeAudioTag(tag))).toStrictEqual([tag]);
      }),
      { numRuns: 500 },
    );
  });

  it('reads and writes the bytes of the old specification for AAC and MP3 of the first track', () => {
    const header = { kind: 'sequence-header', codec: 'aac', trackId: 0, description: bytes(0x12, 0x10) } as const;
    expect([...encodeAudioTag(header)]).toStrictEqual([0xaf, 0, 0x12, 0x10]);
    expect(parse(0xaf, 0, 0x12, 0x10)).toStrictEqual([header]);
    expect(parse(0xaf, 1, 0x21)).toStrictEqual([{ kind: 'frame', codec: 'aac', trackId: 0, data: bytes(0x21) }]);
    const mp3 = { kind: 'frame', codec: 'mp3', trackId: 0, data: bytes(0xff, 0xfb) } as const;
    expect([...encodeAudioTag(mp3)]).toStrictEqual([0x2f, 0xff, 0xfb]);
    // 44 kHz stereo, and the format of its own that MP3 at 8 kHz has.
    for (const first of [0x2f, 0xee]) expect(parse(first, 0xff, 0xfb)).toStrictEqual([mp3]);
  });

  it('reads the bytes of the Enhanced RTMP specification', () => {
    expect(parse(0x90, ...fourCc('Opus'), 1, 2)).toStrictEqual([
      { kind: 'sequence-header', codec: 'opus', trackId: 0, description: bytes(1, 2) },
    ]);
    // Empty for codecs without a header; ffmpeg writes it for AC-3.
    expect(parse(0x90, ...fourCc('ac-3'))).toMatchObject([{ kind: 'sequence-header', codec: 'ac3' }]);
    expect(parse(0x91, ...fourCc('ec-3'), 7)).toStrictEqual([
      { kind: 'frame', codec: 'eac3', trackId: 0, data: bytes(7) },
    ]);
    expect(parse(0x92, ...fourCc('fLaC'))).toStrictEqual([{ kind: 'end-of-sequence', codec: 'flac', trackId: 0 }]);
    expect(parse(0x95, 0x01, ...fourCc('mp4a'), 2, 9)).toStrictEqual([
      { kind: 'frame', codec: 'aac', trackId: 2, data: bytes(9) },
    ]);
  });

  it('reads every track of a multitrack message, behind modifiers of any length', () => {
    const tracks = fc.array(fc.record({ codec: fc.constantFrom(...codecs), trackId: fc.nat(255), data: body }), {
      minLength: 1,
      maxLength: 6,
    });
    const modifiers = fc.array(fc.record({ type: fc.nat(15), data: fc.uint8Array({ minLength: 1, maxLength: 300 }) }), {
      maxLength: 2,
    });
    fc.assert(
      fc.property(tracks, modifiers, (list, before) => {
        const payload = enhancedPacket({
          media: 'audio',
          packetType: audioPacket.codedFrames,
          modifiers: before,
          multitrack: 'many-tracks-many-codecs',
          tracks: list.map(({ codec, trackId, data }) => ({ fourCc: fourCcs[codec], trackId, body: data })),
        });
        expect(parseAudioTags(payload)).toEqual(list.map((entry) => ({ kind: 'frame', ...entry })));
      }),
    );
  });

  it('believes no rate and no channels of the first byte', () => {
    expect(parse(0xa0, 1, 7)).toStrictEqual([{ kind: 'frame', codec: 'aac', trackId: 0, data: bytes(7) }]);
  });

  it.each([
    ['an empty message', []],
    ['a sequence header without a body', [0xaf, 0]],
    ['a frame without a body', [0xaf, 1]],
    ['a packet type of the future', [0xaf, 2, 1]],
    ['an MP3 frame without a body', [0x2f]],
    ['an enhanced frame without a body', [0x91, ...fourCc('Opus')]],
    ['speakers in no order', [0x94, ...fourCc('ac-3'), 0, 6]],
    ['speakers in the usual order', [0x94, ...fourCc('ac-3'), 1, 6, 0, 0, 0, 0x3f]],
    ['speakers in an order of their own', [0x94, ...fourCc('Opus'), 2, 2, 0, 1]],
    ['an enhanced packet type of the future', [0x96, ...fourCc('Opus'), 1]],
    ['a multitrack packet of a future kind', [0x95, 0x31, 1, 2, 3]],
  ])('ignores %s', (_, payload) => {
    expect(parse(...payload)).toMatchObject([{ kind: 'ignored' }]);
  });

  it.each([
    ['PCM', 0, [0x3f]],
    ['Nellymoser', 0, [0x6f]],
    ['Speex', 0, [0xb6]],
    ['FLV sound format 12', 0, [0xc0]],
    ['alac', 0, [0x90, ...fourCc('alac'), 1]],
    ['alac', 9, [0x95, 0x01, ...fourCc('alac'), 9]],
  ])('names the codec %s, which is not carried', (codec, trackId, payload) => {
    expect(parse(...payload)).toStrictEqual([{ kind: 'unsupported', codec, trackId }]);
  });

  it.each([
    ['no packet type', [0xaf]],
    ['no FourCC', [0x90]],
    ['half a FourCC', [0x91, 0x4f]],
    ['half a modifier', [0x97, 3, 0]],
    ['a multitrack packet within another', [0x95, 0x05, ...fourCc('mp4a'), 1]],
    ['half of the speakers', [0x94, ...fourCc('Opus'), 2, 6, 0, 1]],
    ['a track that is cut', [0x95, 0x11, ...fourCc('mp4a'), 1, 0, 0, 2, 9]],
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

  it('reads of a truncated message nothing that was not there', () => {
    fc.assert(
      fc.property(writable, (tag) => {
        const whole = encodeAudioTag(tag);
        for (let length = 0; length < whole.length; length++) {
          for (const cut of tagsOrNone(whole.subarray(0, length))) {
            if (cut.kind === 'ignored') continue;
            expect(cut.kind).toBe(tag.kind);
            if (cut.kind === 'frame' && tag.kind === 'frame') {
              expect(cut).toEqual({ ...tag, data: tag.data.subarray(0, cut.data.length) });
            }
          }
        }
      }),
    );
  });

  it('throws nothing but ProtocolError, whatever it is fed', () => {
    const start = fc.constantFrom([], [0x95], [0x95, 0x11, ...fourCc('mp4a')], [0x94, ...fourCc('Opus')], [0x97]);
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 40 }), (beginning, garbage) => {
        for (const tag of tagsOrNone(bytes(...beginning, ...garbage))) expect(tag.kind).toBeTypeOf('string');
      }),
      { numRuns: 3_000 },
    );
  });
});

/** None where it throws, which must be a `ProtocolError`. */
function tagsOrNone(payload: Uint8Array): readonly AudioTag[] {
  try {
    return parseAudioTags(payload);
  } catch (error) {
    expect(error).toBeInstanceOf(ProtocolError);
    return [];
  }
}
