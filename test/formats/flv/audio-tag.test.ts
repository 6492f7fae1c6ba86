import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProtocolError } from '../../../src/base/errors.ts';
import { encodeAudioTag, parseAudioTag } from '../../../src/formats/flv/audio-tag.ts';

const fourCc = (text: string): number[] => [...new TextEncoder().encode(text)];
const parse = (...payload: number[]) => parseAudioTag(Uint8Array.from(payload));

describe('parseAudioTag', () => {
  it('gives back what encodeAudioTag was given', () => {
    const description = Uint8Array.of(0x12, 0x10);
    const header = encodeAudioTag({ kind: 'sequence-header', codec: 'aac', description });
    expect(header).toStrictEqual(Uint8Array.of(0xaf, 0, 0x12, 0x10));
    expect(parseAudioTag(header)).toStrictEqual({ kind: 'sequence-header', codec: 'aac', description });
    const data = Uint8Array.of(0x21);
    const frame = encodeAudioTag({ kind: 'frame', codec: 'aac', data });
    expect(frame).toStrictEqual(Uint8Array.of(0xaf, 1, 0x21));
    expect(parseAudioTag(frame)).toStrictEqual({ kind: 'frame', codec: 'aac', data });
  });

  it('believes no rate and no channels of the first byte', () => {
    expect(parse(0xa0, 1, 7)).toStrictEqual({ kind: 'frame', codec: 'aac', data: Uint8Array.of(7) });
  });

  it.each([
    ['an empty message', []],
    ['a sequence header without a body', [0xaf, 0]],
    ['a frame without a body', [0xaf, 1]],
    ['a packet type of the future', [0xaf, 2, 1]],
  ])('ignores %s', (_, payload) => {
    expect(parse(...payload)).toMatchObject({ kind: 'ignored' });
  });

  it.each([
    ['MP3', [0x2f, 1]],
    ['PCM', [0x3f]],
    ['Nellymoser', [0x6f]],
    ['Speex', [0xb6]],
    ['FLV sound format 12', [0xc0]],
    ['Opus', [0x90, ...fourCc('Opus'), 1]],
    ['fLaC', [0x91, ...fourCc('fLaC'), 1]],
    ['ac-3', [0x94, ...fourCc('ac-3'), 1]],
    ['mp4a', [0x95, 0x01, ...fourCc('mp4a'), 1]],
    ['several codecs at once', [0x95, 0x21, 0]],
    ['Opus', [0x97, 0, 0xee, 0x01, ...fourCc('Opus')]],
  ])('names the codec %s, which is not carried', (codec, payload) => {
    expect(parse(...payload)).toStrictEqual({ kind: 'unsupported', codec });
  });

  it('refuses a header that ends early', () => {
    for (const payload of [[0xaf], [0x90], [0x91, 0x4f], [0x97, 3, 0]]) {
      expect(() => parse(...payload)).toThrow(ProtocolError);
    }
  });

  it('throws nothing but ProtocolError, whatever it is fed', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 30 }), (payload) => {
        try {
          expect(parseAudioTag(payload).kind).toBeTypeOf('string');
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
