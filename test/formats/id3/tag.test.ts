import { describe, expect, it } from 'vitest';
import { id3Tag, userTextFrame } from '../../../src/formats/id3/tag.ts';

describe('id3Tag', () => {
  it('writes what the specification says, byte by byte', () => {
    const tag = Buffer.from(id3Tag([userTextFrame('onTextData', 'ü')]));
    expect(tag.toString('latin1')).toBe(
      `ID3\x04\x00\x00\x00\x00\x00\x18TXXX\x00\x00\x00\x0e\x00\x00\x03onTextData\x00${Buffer.from('ü').toString('latin1')}`,
    );
  });

  it('writes sizes of seven bits to a byte', () => {
    const tag = id3Tag([userTextFrame('', 'x'.repeat(1_000))]);
    // 1,002 bytes of text in the frame, 1,012 with its head.
    expect([...tag.subarray(6, 10)]).toEqual([0, 0, 7, 0x74]);
    expect([...tag.subarray(14, 18)]).toEqual([0, 0, 7, 0x6a]);
    expect(tag).toHaveLength(10 + 1_012);
  });

  it('lets no NUL end a text early', () => {
    expect(userTextFrame('a\0b', 'c\0d')).toEqual(userTextFrame('ab', 'cd'));
  });
});
