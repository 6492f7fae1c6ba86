import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseSurrogateControl } from '../../../src/formats/http-fields/surrogate-control.ts';

describe('parseSurrogateControl (Edge Architecture Specification 1.0, §2.2)', () => {
  // Lifetime, extension, no-store.
  it.each<[string, [number | undefined, number | undefined, boolean] | undefined]>([
    ['max-age=60', [60, undefined, false]],
    ['Max-Age=60+30', [60, 30, false]],
    ['max-age=60+0', [60, 0, false]],
    ['content="ESI/1.0", max-age=5', [5, undefined, false]],
    ['max-age=60, max-age=5+7', [5, 7, false]],
    ['max-age', [0, undefined, false]],
    ['max-age=1.5', [0, undefined, false]],
    ['max-age=60+x', [60, 0, false]],
    ['max-age="60"', [0, undefined, false]],
    ['no-store', [undefined, undefined, true]],
    ['no-store-remote, max-age=60', [60, undefined, true]],
    ['max-age=60;abc', undefined],
    ['no-store;abc, max-age=60', [60, undefined, false]],
    ['max-aged=60', undefined],
    ['content="a, no-store"', undefined],
    ['', undefined],
  ])('reads %j', (value, expected) => {
    const read = parseSurrogateControl(value);
    expect(read && [read.maxAgeSeconds, read.staleIfErrorSeconds, read.noStore]).toEqual(expected);
    expect(read?.staleWhileRevalidateSeconds).toBe(expected?.[1]);
  });

  it('never throws, and never makes an age of what is no number', () => {
    const parts = fc.constantFrom('max-age', '=', '60', '+', ',', ';', '"', 'no-store', ' ', '-1', '1e3', 'x');
    fc.assert(
      fc.property(fc.array(parts, { maxLength: 12 }), (pieces) => {
        const text = pieces.join('');
        const seconds = parseSurrogateControl(text)?.maxAgeSeconds ?? 0;
        expect(seconds === 0 || text.includes(`max-age=${seconds}`) || /max-age=0*[1-9]/.test(text)).toBe(true);
      }),
    );
  });
});
