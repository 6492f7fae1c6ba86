import fc from 'fast-check';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { GrantTokens, type TokenSecrets } from '../../src/http/grant-tokens.ts';
import type { VerifiedGrant } from '../../src/http/grant-verifier.ts';
import { OwnTokenSecrets } from '../../src/http/own-token-secrets.ts';
import { SharedTokenSecrets } from '../../src/http/shared-token-secrets.ts';
import { cannedPolicy } from '../../src/policy/grants/access-policy.ts';
import { parseToken } from '../../src/policy/grants/carried-grant.ts';
import { LogRecorder } from '../support/log-recorder.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const grant: VerifiedGrant = {
  keyPairId: 'K1',
  id: 'abcdefghijklmnopqrstuv',
  policy: { ...cannedPolicy('http://a/live/a/index.m3u8', '5000'), source: { base: 0x7f00_0000, prefixBits: 8 } },
};
const place = { distribution: 'site', folder: '/live/a/' };

/** Of which the first signs. */
function secrets(...list: Buffer[]): TokenSecrets {
  return {
    signing: (_nowMs, expiresSeconds) => ({ secret: list[0] ?? Buffer.alloc(0), expiresSeconds }),
    accepted: () => list,
  };
}

describe('a grant token', () => {
  const secret = randomBytes(32);
  const token = new GrantTokens(secrets(secret)).issue(grant, place, 0) ?? '';

  it('opens what lies in its folder and below, at every edge that has the secret, as far as its grant does', () => {
    const elsewhere = new GrantTokens(secrets(randomBytes(32), secret));
    for (const path of ['/live/a/video.m3u8', '/live/a/e1/video/5.m4s', '/live/a/']) {
      const opened = elsewhere.open(token, 'site', path, 0);
      expect(opened).toMatchObject({ folder: '/live/a/', grant: { keyPairId: 'K1', id: grant.id } });
      expect(opened?.grant.policy).toMatchObject({ expiresSeconds: 5_000, source: grant.policy.source });
    }
    expect(token.length).toBeLessThan(80);
  });

  it('opens nothing in another folder, of another distribution, or with another secret', () => {
    const tokens = new GrantTokens(secrets(secret));
    const others = ['/live/b/video.m3u8', '/live/ab/x', '/live/a', '/live/', '/vod/a/x', '/LIVE/a/x'];
    for (const path of others) expect(tokens.open(token, 'site', path, 0)).toBeUndefined();
    expect(tokens.open(token, 'site', '/live/a/x', 0)).toBeDefined();
    // Known by now, which must not open more.
    for (const path of others) expect(tokens.open(token, 'site', path, 0)).toBeUndefined();
    expect(tokens.open(token, 'other', '/live/a/x', 0)).toBeUndefined();
    expect(new GrantTokens(secrets(randomBytes(32))).open(token, 'site', '/live/a/x', 0)).toBeUndefined();
  });

  it('is void when one character of it is another, or one more or less is there', () => {
    const tokens = new GrantTokens(secrets(secret));
    const chars = fc.constantFrom(...'0189abyzABYZ_-.~=%'.split(''));
    fc.assert(
      fc.property(fc.nat({ max: token.length - 1 }), chars, fc.constantFrom(0, 1), (at, char, replaced) => {
        const changed = token.slice(0, at) + char + token.slice(at + replaced);
        fc.pre(changed !== token);
        expect(tokens.open(changed, 'site', '/live/a/x', 0)).toBeUndefined();
      }),
      { numRuns: 500 },
    );
    expect(tokens.open(token.slice(0, -1), 'site', '/live/a/x', 0)).toBeUndefined();
  });

  it('stays the same for a grant and a folder, and is void once its secret counts no more', () => {
    const list = [secret];
    const tokens = new GrantTokens({ ...secrets(secret), accepted: () => list });
    expect([tokens.issue(grant, place, 0), tokens.issue({ ...grant }, place, 9)]).toEqual([token, token]);
    expect(tokens.issue(grant, { ...place, folder: '/live/b/' }, 0)).not.toBe(token);
    expect(tokens.open(token, 'site', '/live/a/x', 0)).toBeDefined();
    list.pop();
    expect(tokens.open(token, 'site', '/live/a/x', 0)).toBeUndefined();
  });
});

describe('secrets that edges have in common', () => {
  it('are followed in their files: the first makes tokens, all are accepted', async () => {
    const [clock, log] = [new VirtualClock(), new LogRecorder()];
    const folder = mkdtempSync(join(tmpdir(), 'token-secrets-'));
    const write = (name: string, text: string) => writeFileSync(join(folder, name), `${text}\n`, { mode: 0o600 });
    write('a', 'a'.repeat(32));
    write('b', 'b'.repeat(32));
    const options = { setting: 'edge.grantSecrets', environment: {}, clock, log };
    const edge = (...names: string[]) =>
      new SharedTokenSecrets({ ...options, secrets: names.map((name) => ({ file: join(folder, name) })) });
    const [first, second] = [edge('a', 'b'), edge('b', 'a')];
    const [one, other] = [new GrantTokens(first), new GrantTokens(second)];
    const [token, otherToken] = [one.issue(grant, place, 0) ?? '', other.issue(grant, place, 0) ?? ''];
    expect(token).not.toBe(otherToken);
    expect(parseToken(token)?.carried.expiresSeconds).toBe(5_000);
    for (const tokens of [one, other]) {
      for (const text of [token, otherToken]) expect(tokens.open(text, 'site', '/live/a/x', 0)).toBeDefined();
    }
    write('a', 'c'.repeat(32));
    clock.advance(10_000);
    expect(one.open(token, 'site', '/live/a/x', 0)).toBeUndefined();
    expect(one.open(otherToken, 'site', '/live/a/x', 0)).toBeDefined();
    expect(one.issue(grant, place, 0)).not.toBe(token);
    expect(log.text).not.toMatch(/aaa|ccc/);
    first.close();
    second.close();
  });
});

describe('the secrets that an edge makes for itself', () => {
  const dayMs = 86_400_000;
  const later = 10 ** 9;
  const file = () => join(mkdtempSync(join(tmpdir(), 'token-secrets-')), 'grant-tokens.json');

  it('are new after a month, and accepted for a month more, which no token outlives', () => {
    const own = new OwnTokenSecrets(undefined, new LogRecorder());
    expect(own.accepted(0)).toEqual([]);
    const first = own.signing(0, later).secret;
    expect(own.signing(29 * dayMs, later)).toEqual({ secret: first, expiresSeconds: 60 * 86_400 });
    expect(own.signing(29 * dayMs, 5)).toEqual({ secret: first, expiresSeconds: 5 });
    const second = own.signing(30 * dayMs, later).secret;
    expect(second).not.toEqual(first);
    expect(own.accepted(59 * dayMs)).toEqual([second, first]);
    expect(own.accepted(60 * dayMs)).toEqual([second]);
    expect(own.accepted(90 * dayMs)).toEqual([]);
  });

  it('outlive the process in a file for its owner only, and are in no log', () => {
    const [at, log] = [file(), new LogRecorder()];
    const { secret } = new OwnTokenSecrets(at, log).signing(0, later);
    expect(statSync(at).mode & 0o777).toBe(0o600);
    expect(new OwnTokenSecrets(at, log).signing(dayMs, later).secret).toEqual(secret);
    expect(log.text).toBe('');
  });

  it('are made anew, with a warning, where the file is damaged or cannot be written', () => {
    const [at, log] = [file(), new LogRecorder()];
    writeFileSync(at, '[{"madeMs":0,"secret":"short"}]', { mode: 0o644 });
    const { secret } = new OwnTokenSecrets(at, log).signing(0, later);
    expect(secret).toHaveLength(32);
    expect(readFileSync(at, 'utf8')).toContain(secret.toString('base64'));
    expect(statSync(at).mode & 0o777).toBe(0o600);
    expect(log.text).toContain('cannot be read');
    expect(new OwnTokenSecrets(join(at, 'none'), log).signing(0, later).secret).toHaveLength(32);
    expect(log.text).toContain('cannot be kept');
    expect(log.text).not.toContain('short');
  });
});
