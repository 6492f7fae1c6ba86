import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  cookieGrant,
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
