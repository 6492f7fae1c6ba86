import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { captionChannels } from '../../../src/formats/captions/caption-channel.ts';
import { userDataReader } from '../../../src/formats/captions/registered-user-data.ts';
import { unknownColor } from '../../../src/formats/media/video-color.ts';
import { captionFiller, captionSei, captionUserData, type CcPair } from '../../support/caption-sei.ts';
import { videoConfig } from '../../support/synthetic-units.ts';

/** A packet of CEA-708 with blocks of so many bytes for each service, as pairs. */
function packet(...services: readonly [number: number, bytes: number][]): CcPair[] {
  const blocks = services.flatMap(([number, bytes]) => [
    ...(number > 6 ? [0xe0 | bytes, number] : [(number << 5) | bytes]),
    ...Array.from({ length: bytes }, () => 0x41),
  ]);
  const bytes = blocks.length % 2 === 0 ? [...blocks, 0] : blocks;
  const all = [(bytes.length + 1) / 2, ...bytes];
  return all.flatMap((byte, index): CcPair[] =>
    index % 2 === 0 ? [[index === 0 ? 3 : 2, byte, all[index + 1] ?? 0]] : [],
  );
}

describe('captionChannels', () => {
  it.each<[string, CcPair, string[]]>([
    ['pop-on captions of the first channel', [0, 0x94, 0x20], ['CC1']],
    ['roll-up captions of two rows of the second', [0, 0x1c, 0x25], ['CC2']],
    ['paint-on captions of the third', [1, 0x15, 0x29], ['CC3']],
    ['the end of a caption of the fourth', [1, 0x9d, 0x2f], ['CC4']],
    ['characters alone', [0, 0x48, 0x49], []],
    ['a text service', [0, 0x14, 0x2b], []],
    ['erasing what is shown', [0, 0x14, 0x2c], []],
    ['filling', captionFiller, []],
  ])('reads of CEA-608: %s', (_, pair, expected) => {
    expect(captionChannels(captionUserData([captionFiller, pair]))).toEqual(expected);
  });

  it('reads the services of a packet of CEA-708, those beyond six among them', () => {
    expect(captionChannels(captionUserData(packet([1, 4], [2, 3], [9, 5])))).toEqual([
      'SERVICE1',
      'SERVICE2',
      'SERVICE9',
    ]);
  });

  it('reads no service of what follows a packet of an earlier picture', () => {
    expect(captionChannels(captionUserData([[2, 0x24, 0x41]]))).toEqual([]);
  });

  it('reads nothing of what is not valid', () => {
    const data = captionUserData([[0, 0x94, 0x20]]);
    expect(captionChannels(data.with(10, 0xf8))).toEqual([]);
  });

  it('reads nothing of other user data', () => {
    const data = captionUserData([[0, 0x94, 0x20]]);
    for (const at of [0, 2, 3, 7]) expect(captionChannels(data.with(at, 0x7f))).toEqual([]);
  });

  it('takes whatever it is given, and what is cut off for nothing', () => {
    const data = captionUserData([...packet([1, 4]), [0, 0x94, 0x20]]);
    for (let length = 0; length < data.length - 1; length++) {
      expect(captionChannels(data.subarray(0, length))).toEqual([]);
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (rest) => {
        for (const channel of captionChannels(Uint8Array.of(...data.subarray(0, 8), ...rest))) {
          expect(channel).toMatch(/^(?:CC[1-4]|SERVICE(?:[1-9]|[1-5]\d|6[0-3]))$/);
        }
      }),
    );
  });
});

describe('userDataReader', () => {
  const pairs: CcPair[] = [[0, 0x94, 0x20], ...packet([1, 4])];
  const expected = Buffer.from(captionUserData(pairs));
  const base = { ...videoConfig, color: unknownColor };

  it('reads it of AVC before the slices, without emulation prevention', () => {
    const zeros: CcPair[] = [
      [0, 0x94, 0x20],
      [3, 0, 0],
      [2, 0, 1],
    ];
    const read = userDataReader(base);
    const slice = [0, 0, 0, 2, 0x65, 1];
    const found = [...(read?.(Uint8Array.of(0, 0, 0, 2, 9, 0xf0, ...captionSei(zeros), ...slice)) ?? [])];
    expect(found.map((data) => Buffer.from(data))).toEqual([Buffer.from(captionUserData(zeros))]);
    expect([...(read?.(Uint8Array.of(...slice, ...captionSei(pairs))) ?? [])]).toEqual([]);
  });

  it('finds all of it that stands before the first slice, whatever stands between, and nothing where there is none', () => {
    const read = userDataReader(base);
    const behindLength = (bytes: readonly number[]) => [0, 0, 0, bytes.length, ...bytes];
    const piece = fc.oneof(
      fc.constant({ bytes: captionSei(pairs), isFound: true }),
      fc
        .array(fc.integer({ min: 0, max: 255 }), { minLength: 3, maxLength: 40 })
        .map((bytes) => ({ bytes: [...behindLength([6, 5, bytes.length, ...bytes, 0x80])], isFound: false })),
      fc
        .constantFrom([], [9, 0xf0], [7, 0xb5, 0xb5], [8, 1])
        .map((bytes) => ({ bytes: behindLength(bytes), isFound: false })),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), fc.array(piece, { maxLength: 2 }), (before, behind) => {
        const slice = behindLength([0x65, 0xb5, 1]);
        const picture = Uint8Array.from([
          ...before.flatMap(({ bytes }) => [...bytes]),
          ...slice,
          ...behind.flatMap(({ bytes }) => [...bytes]),
        ]);
        const found = [...(read?.(picture) ?? [])];
        expect(found.map((data) => Buffer.from(data))).toEqual(
          before.filter(({ isFound }) => isFound).map(() => expected),
        );
      }),
    );
  });

  it('throws where a picture is cut off before its slices, and not where it is all slices', () => {
    const read = userDataReader(base);
    const sei = captionSei(pairs);
    expect(() => read?.(Uint8Array.from(sei.slice(0, -1)))).toThrow(/a NAL unit of/);
    expect(() => read?.(Uint8Array.of(0, 0, 0, 9, 9))).toThrow(/a NAL unit of/);
    expect(() => read?.(Uint8Array.of(0, 0, 0, 9, 0x65))).toThrow(/a NAL unit of/);
    expect(read?.(Uint8Array.of(0, 0, 0, 2, 0x65, 1, 0, 0, 0, 9))).toEqual([]);
  });

  it('reads it of HEVC', () => {
    const description = new Uint8Array(23).fill(0).with(0, 1).with(21, 3);
    const read = userDataReader({ ...base, codec: 'hevc', description });
    const found = [...(read?.(captionSei(pairs, [39 << 1, 1])) ?? [])];
    expect(found.map((data) => Buffer.from(data))).toEqual([expected]);
    expect([...(read?.(captionSei(pairs, [33 << 1, 1])) ?? [])]).toEqual([]);
  });

  it('reads it of AV1 in metadata units', () => {
    const read = userDataReader({ ...base, codec: 'av1' });
    const unit = (type: number) => Uint8Array.of((5 << 3) | 2, expected.length + 1, type, ...expected);
    expect([...(read?.(unit(4)) ?? [])].map((data) => Buffer.from(data))).toEqual([expected]);
    expect([...(read?.(unit(1)) ?? [])]).toEqual([]);
  });

  it('is not there for VP9', () => {
    expect(userDataReader({ ...base, codec: 'vp9' })).toBeUndefined();
  });
});
