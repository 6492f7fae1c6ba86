import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ownFieldNames, ownFieldNamesWithCors, plainLines } from '../../src/edge/own-fields.ts';
import { withoutFields } from '../../src/formats/http-fields/field-lines.ts';

const known = [...ownFieldNamesWithCors].flatMap((name) => [name, name.toUpperCase()]);
const name = fc.oneof(
  fc.constantFrom('Content-Type', 'ETag', 'X-A', 'Set-Cookie', ...known),
  fc.stringMatching(/^[a-z-]{1,20}$/),
);
const value = fc.stringMatching(/^[\x20-\x7e\x80-\xff]{0,30}$/);

describe('plainLines', () => {
  it('gives the lines of what viewers get of the origin, with and without CORS, or nothing', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value), { maxLength: 12 }), (pairs) => {
        const fields = pairs.flat();
        const text = plainLines(fields);
        const names = pairs.map(([fieldName]) => fieldName.toLowerCase());
        // What goes on into a field of the edge's, and what depends on CORS.
        const isVarious = names.some(
          (one) =>
            one === 'via' || one === 'cache-status' || (ownFieldNamesWithCors.has(one) && !ownFieldNames.has(one)),
        );
        if (isVarious) {
          expect(text).toBeUndefined();
          return;
        }
        for (const own of [ownFieldNames, ownFieldNamesWithCors]) {
          const kept = withoutFields(fields, own);
          let lines = '';
          for (let i = 0; i < kept.length; i += 2) lines += `${kept[i]}: ${kept[i + 1]}\r\n`;
          expect(text).toBe(lines);
        }
      }),
    );
  });
});
