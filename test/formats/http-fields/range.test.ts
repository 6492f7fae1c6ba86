import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatContentRange, parseContentRange } from '../../../src/formats/http-fields/content-range.ts';
import { parseRange } from '../../../src/formats/http-fields/range.ts';

describe('parseRange (RFC 9110 §14.1.1)', () => {
  it('reads first and last, first alone, and a suffix; the unit has no case, empty members do not count', () => {
    expect(parseRange('BYTES=0-0, ,5-,\t-3,')).toEqual([
      { kind: 'from', first: 0, last: 0 },
      { kind: 'from', first: 5, last: undefined },
      { kind: 'suffix', lengthBytes: 3 },
    ]);
  });

  it.each([
    'bytes',
    'bytes=',
    'bytes=,',
    'bytes=-',
    'bytes=a-b',
    'bytes=1-2-3',
    'bytes=1 - 2',
    'bytes 0-1',
    'bytes=+1-2',
    'bytes=0x1-2',
    'bytes=2-1',
    'bytes=0-1,2-1',
    'bytes="0-1"',
    ' bytes =0-1',
    'lines=0-1',
    '',
  ])('does not read %j', (value) => {
    expect(parseRange(value)).toBeUndefined();
  });

  it('counts positions beyond 2^53 − 1 as that', () => {
    expect(parseRange(`bytes=${'9'.repeat(400)}-`)).toEqual([
      { kind: 'from', first: Number.MAX_SAFE_INTEGER, last: undefined },
    ]);
  });

  it('reads back every set of ranges that the grammar allows, and never throws', () => {
    const spec = fc.oneof(
      fc.tuple(fc.nat(), fc.option(fc.nat(), { nil: undefined })).map(([first, more]) => ({
        kind: 'from' as const,
        first,
        last: more === undefined ? undefined : first + more,
      })),
      fc.nat().map((lengthBytes) => ({ kind: 'suffix' as const, lengthBytes })),
    );
    fc.assert(
      fc.property(fc.array(spec, { minLength: 1, maxLength: 5 }), (specs) => {
        const text = specs.map((one) =>
          one.kind === 'suffix' ? `-${one.lengthBytes}` : `${one.first}-${one.last ?? ''}`,
        );
        expect(parseRange(`bytes=${text.join(', ')}`)).toEqual(specs);
      }),
    );
    fc.assert(
      fc.property(fc.string({ unit: 'binary-ascii' }), (text) => {
        for (const spec of parseRange(`bytes=${text}`) ?? []) {
          if (spec.kind === 'from') expect(spec.first).toBeLessThanOrEqual(spec.last ?? Number.MAX_SAFE_INTEGER);
        }
      }),
    );
  });
});

describe('parseContentRange (RFC 9110 §14.4)', () => {
  it('reads back what formatContentRange writes', () => {
    const part = fc.tuple(fc.nat(), fc.nat(), fc.option(fc.nat(), { nil: undefined })).map(([first, more, rest]) => ({
      kind: 'part' as const,
      first,
      last: first + more,
      completeBytes: rest === undefined ? undefined : first + more + 1 + rest,
    }));
    const unsatisfied = fc.nat().map((completeBytes) => ({ kind: 'unsatisfied' as const, completeBytes }));
    fc.assert(
      fc.property(fc.oneof(part, unsatisfied), (range) => {
        expect(parseContentRange(formatContentRange(range))).toEqual(range);
      }),
    );
  });

  it.each([
    'bytes 5-4/10',
    'bytes 0-10/10',
    'bytes */*',
    'bytes 0-/10',
    'bytes -5/10',
    'bytes=0-1/10',
    'bytes 0-1',
    'bytes 0-1/10, bytes 2-3/10',
    'lines 0-1/10',
    `bytes 0-1/${'9'.repeat(17)}`,
    '',
  ])('does not read %j', (value) => {
    expect(parseContentRange(value)).toBeUndefined();
  });
});
