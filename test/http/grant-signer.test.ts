import { getSignedCookies, getSignedUrl } from '@aws-sdk/cloudfront-signer';
import fc from 'fast-check';
import { verify } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { signGrant } from '../../src/http/grant-signer.ts';
import {
  asCookies,
  compactPolicy,
  customGrant,
  signableGrant,
  withGrant,
} from '../../src/policy/grants/grant-to-sign.ts';
import { decodeGrantText } from '../../src/policy/grants/presented-grant.ts';
import { cookieResource, signableUrl } from '../../src/policy/grants/signable-url.ts';
import { grantSigner } from '../support/grant-signer.ts';

const rsa = grantSigner('rsa', 'KRSA');
const ec = grantSigner('ec', 'KEC');
const hashes = ['sha1', 'sha256'] as const;
const expiresSeconds = 1_800_000_000;
const dateLessThan = new Date(expiresSeconds * 1_000);

type Terms = { beginsSeconds?: number; addresses?: string };

function ours(text: string, terms: Terms = {}, hash: (typeof hashes)[number] = 'sha1', signer = rsa): string {
  const url = signableUrl(text);
  if (typeof url === 'string') throw new Error(url);
  const grant = signableGrant({ resource: url.resource, expiresSeconds, ...terms });
  if (grant === undefined) throw new Error(`no grant for ${url.resource}`);
  return withGrant(url.url, signGrant(grant, { ...signer, hash }));
}

function theirs(url: string, terms: Terms = {}, hash: (typeof hashes)[number] = 'sha1', signer = rsa): string {
  return getSignedUrl({
    url,
    keyPairId: signer.id,
    privateKey: signer.privatePem,
    dateLessThan,
    ...(hash === 'sha256' ? { algorithm: 'SHA256' } : {}),
    ...(terms.beginsSeconds === undefined ? {} : { dateGreaterThan: new Date(terms.beginsSeconds * 1_000) }),
    ...(terms.addresses === undefined ? {} : { ipAddress: terms.addresses }),
  });
}

/** Parts of paths and queries that are spelled in more than one way. */
const part = fc.stringMatching(/^(?:[a-zA-Z0-9 ü'()!:@,;+$&=~^|[\]{}"<>-]|%2F|%2f|%C3%BC|%zz|%)*$/);

const termsOf: [string, Terms][] = [
  ['a canned policy', {}],
  ['a begin', { beginsSeconds: 1_700_000_000 }],
  ['one address', { addresses: '192.0.2.7' }],
  ['begin and addresses', { beginsSeconds: 1_700_000_000, addresses: '192.0.2.0/24' }],
];

describe('signGrant', () => {
  it.each(hashes.flatMap((hash) => termsOf.map(([what, terms]) => [hash, what, terms] as const)))(
    'signs a URL letter by letter as the signer of AWS does: %s, %s',
    (hash, _what, terms) => {
      const url = 'https://a.example/dir/video.m3u8?a=1&z';
      expect(ours(url, terms, hash)).toBe(theirs(url, terms, hash));
    },
  );

  it('writes any path and query as the signer of AWS does', () => {
    fc.assert(
      fc.property(fc.array(part, { maxLength: 3 }), fc.array(part, { maxLength: 3 }), (path, query) => {
        const behind = query.length === 0 ? '' : `?${query.join('=')}`;
        const url = `http://a.example/${path.map((step) => `x${step}`).join('/')}${behind}x`;
        expect(ours(url)).toBe(theirs(url));
      }),
      { numRuns: 300 },
    );
  });

  it.each(hashes)('makes ECDSA signatures of the same text in the same place, with %s', (hash) => {
    const url = 'https://a.example/x?a=1';
    const [mine, aws] = [ours(url, {}, hash, ec), theirs(url, {}, hash, ec)];
    const withoutSignature = (text: string) => text.replace(/Signature=[^&]+/, 'Signature=');
    expect(withoutSignature(mine)).toBe(withoutSignature(aws));
    const signature = decodeGrantText(/Signature=([^&]+)/.exec(mine)?.[1] ?? '') ?? new Uint8Array();
    const policy = `{"Statement":[{"Resource":"${url}","Condition":{"DateLessThan":{"AWS:EpochTime":${expiresSeconds}}}}]}`;
    expect(verify(hash, Buffer.from(policy), ec.publicKey, signature)).toBe(true);
  });

  it.each(['rtmp://a.example/cfx/st/mp4:dir/video.mp4', 'rtmp://a.example:1936/live/my stage?key=a b'])(
    'signs %s as the signer of AWS does, and leaves the address whole',
    (url) => {
      const grant = (text: string) => text.slice(text.search(/Expires=/));
      expect(grant(ours(url))).toBe(grant(theirs(url)));
      expect(ours(url).startsWith(url.replace('a b', 'a%20b'))).toBe(true);
    },
  );

  it.each(hashes.flatMap((hash) => termsOf.map(([what, terms]) => [hash, what, terms] as const)))(
    'makes the cookies of the signer of AWS: %s, %s',
    (hash, _what, terms) => {
      const url = 'https://a.example/dir/video.m3u8?a=1';
      expect(cookieResource(url)).toEqual({ resource: url, url });
      const grant = signableGrant({ resource: url, expiresSeconds, ...terms });
      const cookies = asCookies(signGrant(grant ?? customGrant(''), { ...rsa, hash }));
      const expected = getSignedCookies({
        url,
        keyPairId: rsa.id,
        privateKey: rsa.privatePem,
        dateLessThan: dateLessThan.toISOString(),
        ...(hash === 'sha256' ? { algorithm: 'SHA256' } : {}),
        ...(terms.beginsSeconds === undefined
          ? {}
          : { dateGreaterThan: new Date(terms.beginsSeconds * 1_000).toISOString() }),
        ...(terms.addresses === undefined ? {} : { ipAddress: terms.addresses }),
      });
      const pairs = Object.entries(expected).map(([name, value]) => `${name}=${String(value)}`);
      expect(cookies.split('; ').sort()).toEqual(pairs.sort());
    },
  );

  it('signs a policy of its own as the signer of AWS does', () => {
    const policy = `{"Statement":[{"Resource":"https://a.example/ü/*","Condition":{"DateLessThan":{"AWS:EpochTime":${expiresSeconds}}}}]}`;
    const spaced = JSON.stringify(JSON.parse(policy), undefined, 2);
    const parameters = signGrant(customGrant(compactPolicy(spaced) ?? ''), { ...rsa, hash: 'sha256' });
    const url = 'https://a.example/x';
    expect(withGrant(url, parameters)).toBe(
      getSignedUrl({ url, policy, keyPairId: rsa.id, privateKey: rsa.privatePem, algorithm: 'SHA256' }),
    );
  });
});

describe('signableUrl', () => {
  it.each([
    ['https://Example.ORG:443/a/../b/./c', 'https://example.org/b/c'],
    ['http://example.org:80', 'http://example.org/'],
    ['http://example.org:8080?x', 'http://example.org:8080/?x='],
    ['ws://example.org/live/stage.flv', 'ws://example.org/live/stage.flv'],
  ])('takes %s for what players send of it: %s', (text, resource) => {
    expect(signableUrl(text)).toEqual({ resource, url: resource });
  });

  it.each([
    ['film.mp4', 'write it whole'],
    ['ftp://a.example/x', 'no address that can be signed'],
    ['http://user:word@a.example/x', 'leave it out'],
    ['http://a.example/x#t=10', 'behind # is never sent'],
    ['http://a.example/x?Expires=1&Signature=x&Key-Pair-Id=K', 'signed already'],
    ['rtmp://a.example/live', 'application and name'],
    ['rtmp://a.example', 'application and name'],
  ])('says why %s cannot be signed', (text, reason) => {
    expect(signableUrl(text)).toContain(reason);
  });

  it('leaves cookies the address as browsers send it, and none to players of RTMP', () => {
    const url = 'https://a.example/a:b,c%20%C3%BC?x=:';
    expect(cookieResource('https://A.example/a:b,c ü?x=:')).toEqual({ resource: url, url });
    expect(cookieResource('rtmp://a.example/live/x')).toContain('no cookies');
  });
});
