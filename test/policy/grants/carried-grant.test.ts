import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cannedPolicy, parseAccessPolicy } from '../../../src/policy/grants/access-policy.ts';
import {
  carriedGrantText,
  coversFolder,
  folderAbove,
  folderDepth,
  parseToken,
  policyOfCarried,
  tokenContent,
} from '../../../src/policy/grants/carried-grant.ts';
import { folderOf } from '../../../src/policy/request-target.ts';
import { policyFor } from '../../support/grant-signer.ts';

const anyCarried = fc.record({
  grantId: fc.stringMatching(/^[A-Za-z0-9_-]{22}$/),
  keyPairId: fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/),
  folderDepth: fc.integer({ min: 1, max: 1_295 }),
  expiresSeconds: fc.integer({ min: 0, max: 10 ** 15 }),
  source: fc.option(
    fc.record({ base: fc.integer({ min: 0, max: 2 ** 32 - 1 }), prefixBits: fc.integer({ min: 0, max: 32 }) }),
    { nil: undefined },
  ),
});
const code = 'a'.repeat(22);

describe('the text of a carried grant', () => {
  it('says again what was put into it', () => {
    fc.assert(
      fc.property(anyCarried, (carried) => {
        const claims = carriedGrantText(carried) ?? '';
        expect(parseToken(`${claims}.${code}`)).toEqual({ claims, code, carried });
        expect(claims).toMatch(/^[A-Za-z0-9._-]+$/);
      }),
    );
  });

  it('is not made for a folder that lies too deep', () => {
    const carried = { grantId: 'a', keyPairId: 'K', expiresSeconds: 1, source: undefined };
    expect(carriedGrantText({ ...carried, folderDepth: 1_295 })).toBe('zz.1..a.K');
    expect(carriedGrantText({ ...carried, folderDepth: 1_296 })).toBeUndefined();
  });

  it.each(['', 'x', '1.2.3', `1.2..a.K.${code}x`, `1.2..a.K.${code} `, `1.2.x.a.K.${code}`, `.2..a.K.${code}`])(
    'is not read out of "%s"',
    (token) => {
      expect(parseToken(token)).toBeUndefined();
    },
  );

  it('is proved for one folder of one distribution: no two have the same content', () => {
    const contents = [
      tokenContent('a', '/b/', 'c'),
      tokenContent('a","/b/', '', 'c'),
      tokenContent('a', '/b', '/c'),
      tokenContent('', 'a/b/', 'c'),
    ];
    expect(new Set(contents).size).toBe(contents.length);
  });
});

describe('the folder of a path', () => {
  it('is found again by its depth', () => {
    expect([folderOf('/a/b/c.m3u8'), folderOf('/c.m3u8')]).toEqual(['/a/b/', '/']);
    expect([folderDepth('/a/b/'), folderDepth('/')]).toEqual([3, 1]);
    expect(folderAbove('/a/b/c/d.m4s', 3)).toBe('/a/b/');
    expect(folderAbove('/d.m4s', 1)).toBe('/');
    expect([folderAbove('/a/d.m4s', 3), folderAbove('/a/d.m4s', 0)]).toEqual([undefined, undefined]);
  });

  it('is all that its policy covers', () => {
    const { covers, source } = policyOfCarried(
      { grantId: '', keyPairId: '', folderDepth: 2, expiresSeconds: 1, source: { base: 1, prefixBits: 2 } },
      '/a/',
    );
    expect([covers('/a/b'), covers('/a/'), covers('/ab/'), covers('/b/a/')]).toEqual([true, true, false, false]);
    expect(source).toEqual({ base: 1, prefixBits: 2 });
  });
});

describe('coversFolder', () => {
  const folder = 'http://a.example/live/a/';
  it.each([
    ['http://a.example/live/a/*', true],
    ['http://a.example/live/*', true],
    ['http*://*/live/a/*', true],
    ['*', true],
    ['http://a.example/live/a/', false],
    ['http://a.example/live/a/index.m3u8*', false],
    ['http://a.example/live/b/*', false],
    ['http://a.example/live/a/*.m3u8', false],
    ['http://a.example/live/?/*', true],
    ['https://a.example/live/a/*', false],
  ])('says of %s: %s', (resource, expected) => {
    const policy = parseAccessPolicy(policyFor(resource, 1)) ?? cannedPolicy('', '0');
    expect(coversFolder(policy, folder)).toBe(expected);
    const below = ['x', 'b/c.m4s', 'x?a=1&b=/2', 'ü/../x'].map((rest) => policy.covers(folder + rest));
    expect(below.every(Boolean)).toBe(expected);
  });
});
