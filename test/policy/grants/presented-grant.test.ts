import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { signedCookies, tokenCookies } from '../../../src/policy/grants/grant-cookies.ts';
import {
  cookieGrant,
  cookieTokens,
  decodeGrantText,
  encodeGrantText,
  takeQueryGrant,
  withoutGrantCookies,
} from '../../../src/policy/grants/presented-grant.ts';

const grant = { keyPairId: 'K1', signature: 'a-~_', hash: 'sha1', policy: { kind: 'canned', expires: '1' } };

describe('takeQueryGrant', () => {
  it('takes the parameters of a grant out of wherever they stand and leaves the others as they are', () => {
    const { rest, presented } = takeQueryGrant('b=%7e&Expires=1&&Signature=a-~_&a&Key-Pair-Id=K1&b=');
    expect(rest).toBe('b=%7e&&a&b=');
    expect(presented).toEqual(grant);
  });

  it('reads what was escaped on the way', () => {
    expect(takeQueryGrant('Expires=1&Signature=a-%7E_&Key-Pair-Id=K1').presented).toEqual(grant);
  });

  it.each(['', 'a=1', 'signature=a', 'X-Expires=1', '%53ignature=a'])('finds no grant in "%s"', (query) => {
    expect(takeQueryGrant(query)).toEqual({ rest: query, presented: 'absent' });
  });

  it.each([
    'Signature=aaaa',
    'Expires=1&Signature=aaaa',
    'Expires=1&Key-Pair-Id=K1',
    'Expires=1&Signature=a+a&Key-Pair-Id=K1',
    'Expires=&Signature=aaaa&Key-Pair-Id=K1',
    'Expires=1e3&Signature=aaaa&Key-Pair-Id=K1',
    'Expires=1&Policy=aaaa&Signature=aaaa&Key-Pair-Id=K1',
    'Expires=1&Expires=1&Signature=aaaa&Key-Pair-Id=K1',
    'Expires=1&Signature=aaaa&Key-Pair-Id=K1&Hash-Algorithm=MD5',
    `Expires=1&Signature=${'a'.repeat(1_025)}&Key-Pair-Id=K1`,
  ])('finds %s malformed', (query) => {
    expect(takeQueryGrant(query).presented).toBe('malformed');
  });
});

describe('cookieGrant', () => {
  it('reads the cookies of a grant among others, of two the first', () => {
    const field =
      'a=b; CloudFront-Expires=1;CloudFront-Signature=a-~_; CloudFront-Key-Pair-Id=K1; CloudFront-Expires=2';
    expect(cookieGrant(field)).toEqual(grant);
    expect(withoutGrantCookies(field)).toBe('a=b');
    expect(withoutGrantCookies('CloudFront-Expires=1')).toBeUndefined();
    expect(withoutGrantCookies('a=b; c')).toBe('a=b; c');
    expect(withoutGrantCookies('a=b; StreamFront-Grant=x; StreamFront-Grants=y')).toBe('a=b; StreamFront-Grants=y');
  });

  it('finds none where there is none', () => {
    expect(cookieGrant(undefined)).toBe('absent');
    expect(cookieGrant('Expires=1; Signature=aaaa; Key-Pair-Id=K1; CloudFront')).toBe('absent');
    expect(cookieGrant('CloudFront-Key-Pair-Id=K1')).toBe('malformed');
  });
});

describe('decodeGrantText', () => {
  it('gives back what was encoded', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1 }), (bytes) => {
        expect(decodeGrantText(encodeGrantText(bytes))).toEqual(bytes);
      }),
    );
  });

  it('knows one spelling of any bytes only', () => {
    expect(decodeGrantText('AA__')).toEqual(new Uint8Array(1));
    for (const other of ['AB__', 'AA', 'AA_', 'AA==', 'A A__', 'AA__\n', 'AA__AAAA']) {
      expect(decodeGrantText(other)).toBeUndefined();
    }
  });
});

describe('the token of a grant', () => {
  it('is taken out of a query, and counts alone', () => {
    expect(takeQueryGrant('a=1&Grant-Token=t.x&b')).toEqual({ rest: 'a=1&b', presented: 'absent', token: 't.x' });
    expect(takeQueryGrant('Grant-Token')).toEqual({ rest: '', presented: 'absent', token: '' });
    const signed = 'Expires=1&Signature=a-~_&Key-Pair-Id=K1';
    for (const query of ['Grant-Token=a&Grant-Token=b', `${signed}&Grant-Token=a`]) {
      expect(takeQueryGrant(query).presented).toBe('malformed');
    }
  });

  it('is found in cookies, a few of them', () => {
    expect(cookieTokens(undefined)).toEqual([]);
    expect(cookieTokens('a=StreamFront-Grant; XStreamFront-Grant=x')).toEqual([]);
    expect(cookieTokens('a=b;StreamFront-Grant=x;  StreamFront-Grant=y=z')).toEqual(['x', 'y=z']);
    expect(cookieTokens('StreamFront-Grant=x;'.repeat(9))).toHaveLength(4);
  });
});

describe('the cookies of a grant', () => {
  const scope = { folder: '/live/a/', secure: true, maxAgeSeconds: 60 };
  const custom = { keyPairId: 'K1', signature: 's', hash: 'sha256', policy: { kind: 'custom', encoded: 'p' } } as const;
  const attributes = '; Path=/live/a/; Max-Age=60; HttpOnly; Secure; SameSite=None';

  it('are those that CloudFront reads, for a custom policy that fits into one', () => {
    expect(signedCookies(custom, scope)).toEqual([
      `CloudFront-Policy=p${attributes}`,
      `CloudFront-Signature=s${attributes}`,
      `CloudFront-Key-Pair-Id=K1${attributes}`,
      `CloudFront-Hash-Algorithm=SHA256${attributes}`,
    ]);
    expect(signedCookies({ ...custom, hash: 'sha1' }, scope)).toHaveLength(3);
    expect(signedCookies({ ...custom, policy: { kind: 'canned', expires: '1' } }, scope)).toBeUndefined();
    const long = { kind: 'custom', encoded: 'p'.repeat(4_000) } as const;
    expect(signedCookies({ ...custom, policy: long }, scope)).toBeUndefined();
  });

  it.each([
    ['/live/a/', '/live/a/'],
    ['/live/a;b/', '/'],
    ['/live/a,b/', '/'],
    ['/live/a b/', '/'],
    ['', '/'],
    ['/caf%C3%A9/', '/caf%C3%A9/'],
  ])('are for the folder %s as far as a cookie can name it: %s', (folder, path) => {
    expect(tokenCookies('t', { ...scope, folder, secure: false })).toEqual([
      `StreamFront-Grant=t; Path=${path}; Max-Age=60; HttpOnly; SameSite=Lax`,
    ]);
  });
});
