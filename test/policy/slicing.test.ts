import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judgePart, sliceAt, slicingTag } from '../../src/policy/slicing.ts';

describe('sliceAt', () => {
  it('gives slices that cover an object without gap or overlap', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5_000 }), fc.integer({ min: 1, max: 700 }), (lengthBytes, sliceBytes) => {
        let at = 0;
        for (let index = 0; at < lengthBytes; index++) {
          const slice = sliceAt(at, { lengthBytes, sliceBytes });
          expect([slice.index, slice.start]).toEqual([index, at]);
          expect(slice.end - slice.start).toBe(Math.min(sliceBytes, lengthBytes - at));
          expect(sliceAt(slice.end - 1, { lengthBytes, sliceBytes })).toEqual(slice);
          at = slice.end;
        }
        expect(at).toBe(lengthBytes);
      }),
    );
  });
});

describe('slicingTag', () => {
  const large = { status: 200, fields: ['ETag', '"a"'], lengthBytes: 1_000 };
  it.each([
    ['a strong ETag and the length', large, '"a"'],
    ['ranges announced', { ...large, fields: ['ETag', '"a"', 'Accept-Ranges', 'bytes'] }, '"a"'],
    ['ranges refused', { ...large, fields: ['ETag', '"a"', 'Accept-Ranges', 'None'] }, undefined],
    ['a weak ETag', { ...large, fields: ['ETag', 'W/"a"'] }, undefined],
    ['two ETags', { ...large, fields: ['ETag', '"a"', 'ETag', '"a"'] }, undefined],
    ['no ETag', { ...large, fields: [] }, undefined],
    ['too little', { ...large, lengthBytes: 999 }, undefined],
    ['no length', { ...large, lengthBytes: undefined }, undefined],
    ['another status', { ...large, status: 203 }, undefined],
  ])('of a response with %s', (_what, response, tag) => {
    expect(slicingTag(response, 1_000)).toBe(tag);
  });
});

describe('judgePart (RFC 9110 §15.3.7)', () => {
  const wanted = { entityTag: '"a"', lengthBytes: 1_000, contentEncoding: undefined, first: 100, last: 199 };
  const right = ['ETag', '"a"', 'Content-Range', 'bytes 100-199/1000', 'Content-Length', '100'];
  const withField = (name: string, value: string) =>
    right.flatMap((text, i) => (i % 2 === 1 ? [] : [text, text === name ? value : (right[i + 1] ?? '')]));

  it.each([
    ['what was asked for', 206, right, 'part'],
    ['without a length of its own', 206, right.slice(0, 4), 'part'],
    ['without the complete length', 206, withField('Content-Range', 'bytes 100-199/*'), 'part'],
    ['the whole of the same version', 200, ['ETag', '"a"', 'Content-Length', '1000'], 'whole'],
    ['the whole of another version', 200, ['ETag', '"b"', 'Content-Length', '1000'], 'changed'],
    ['a whole of another length', 200, ['ETag', '"a"', 'Content-Length', '999'], 'invalid'],
    ['a part of another version', 206, withField('ETag', '"b"'), 'changed'],
    ['a weak ETag', 206, withField('ETag', 'W/"a"'), 'changed'],
    ['no ETag', 206, right.slice(2), 'invalid'],
    ['another beginning', 206, withField('Content-Range', 'bytes 101-199/1000'), 'invalid'],
    ['another end', 206, withField('Content-Range', 'bytes 100-198/1000'), 'invalid'],
    ['another complete length', 206, withField('Content-Range', 'bytes 100-199/1001'), 'invalid'],
    ['another Content-Length', 206, withField('Content-Length', '99'), 'invalid'],
    ['several ranges', 206, ['ETag', '"a"', 'Content-Type', 'multipart/byteranges; boundary=x'], 'invalid'],
    ['another coding', 206, [...right, 'Content-Encoding', 'gzip'], 'invalid'],
    ['that the condition fails', 412, [], 'changed'],
    ['that there is nothing there', 416, ['Content-Range', 'bytes */50'], 'changed'],
    ['that it is gone', 404, [], 'changed'],
    ['that it is busy', 503, [], 'failed'],
    ['that it is elsewhere', 302, [], 'failed'],
  ])('of an answer with %s', (_what, status, fields, kind) => {
    expect(judgePart(status, fields, wanted).kind).toBe(kind);
  });
});
