import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/base/errors.ts';
import { sign, type SignFlags } from '../../src/cli/sign.ts';
import { GrantVerifier } from '../../src/http/grant-verifier.ts';
import { parseAccessPolicy } from '../../src/policy/grants/access-policy.ts';
import { cookieGrant, decodeGrantText, takeQueryGrant } from '../../src/policy/grants/presented-grant.ts';
import { streamResources, takeStreamGrant } from '../../src/policy/grants/stream-grant.ts';
import { createKey, importKey, revokeKey } from '../../src/stores/keys/key-changes.ts';
import { keysFolder, readKeyStore } from '../../src/stores/keys/key-store.ts';
import { grantSigner } from '../support/grant-signer.ts';
import { writtenBy } from './written-by.ts';

let data: string;
let folder: string;
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'streamfront-sign-'));
  folder = keysFolder(data);
});
afterEach(() => {
  rmSync(data, { recursive: true });
});

const written = (url: string | undefined, flags: Partial<SignFlags> = {}) =>
  writtenBy(() => sign(url, { data, hash: 'sha256', ...flags }));

async function findings(url: string | undefined, flags: Partial<SignFlags> = {}): Promise<readonly string[]> {
  try {
    await written(url, flags);
  } catch (error) {
    if (error instanceof ConfigError) return error.findings;
    throw error;
  }
  throw new Error('it was signed');
}

/** Of the keys in the folder. */
function verifier(): GrantVerifier {
  const groups = [...readKeyStore(folder).groups].map(
    ([group, keys]) => [group, new Map(keys.map(({ id, publicKey }) => [id, publicKey]))] as const,
  );
  return new GrantVerifier(new Map(groups));
}

const comer = { nowMs: Date.now(), address: '192.0.2.7' };

/** Whether the verifier of edges lets in who comes with this URL. */
function opens(url: string, asked = url, from = comer): boolean {
  const { presented } = takeQueryGrant(url.slice(url.indexOf('?') + 1));
  const resource = asked.replace(/[?&](?:Expires|Policy)=.*$/, '');
  return verifier().decide(presented, [{ url: resource, alsoReadAs: [] }], ['viewers'], from).kind === 'granted';
}

function policyOf(url: string) {
  const encoded = /Policy=([^&;]+)/.exec(url)?.[1] ?? '';
  return parseAccessPolicy(Buffer.from(decodeGrantText(encoded) ?? []).toString());
}

describe('sign', () => {
  it.each(['rsa', 'ecdsa'] as const)(
    'makes URLs that the verifier of edges takes, with a key of type %s',
    async (type) => {
      createKey(folder, 'viewers', type);
      for (const hash of ['sha1', 'sha256'] as const) {
        for (const url of ['https://a.example/x', 'http://a.example/dir/a b?z&ü=1', 'wss://a.example/live/stage.flv']) {
          const { standardOutput } = await written(url, { hash });
          expect(standardOutput.split('\n')).toEqual([standardOutput.trim(), '']);
          expect(opens(standardOutput.trim())).toBe(true);
          expect(opens(standardOutput.trim(), 'https://a.example/y')).toBe(false);
          expect(opens(standardOutput.trim(), undefined, { ...comer, nowMs: comer.nowMs + 3_700_000 })).toBe(false);
        }
      }
    },
  );

  it.each([
    ['rtmp://a.example/live/stage', 'live', 'stage'],
    ['rtmp://a.example:1935/cfx/st/mp4:dir/video.mp4', 'cfx/st', 'dir/video.mp4'],
    ['rtmps://a.example/live/my stage?key=secret', 'live', 'my stage'],
  ])('makes names that the verifier takes for %s', async (url, app, name) => {
    createKey(folder, 'viewers', 'ecdsa');
    const { standardOutput } = await written(url);
    const tcUrl = `rtmp://a.example/${app}`;
    const { presented, rest } = takeStreamGrant({ app, tcUrl, streamName: standardOutput.trim() });
    const asked = streamResources({ tcUrl }, app, [name], rest);
    expect(verifier().decide(presented, asked, ['viewers'], comer).kind).toBe('granted');
  });

  it('makes cookies for all that a pattern covers, without a URL', async () => {
    createKey(folder, 'viewers', 'rsa');
    const { standardOutput } = await written(undefined, { cookies: true, resource: 'https://a.example/films/*' });
    const shown = cookieGrant(standardOutput.trim());
    const decide = (url: string) => verifier().decide(shown, [{ url, alsoReadAs: [] }], ['viewers'], comer).kind;
    expect([decide('https://a.example/films/1'), decide('https://a.example/other')]).toEqual(['granted', 'refused']);
  });

  it('says until when it is good for what and who signed, on standard error, and never the private key', async () => {
    const { id } = createKey(folder, 'viewers', 'ecdsa');
    const { standardError } = await written('https://a.example/x', { expires: '2037-01-01T12:00:00Z' });
    expect(standardError).toBe(
      `Good for https://a.example/x until 2037-01-01 12:00:00 UTC; signed with ${id} of key group viewers\n`,
    );
  });

  it('puts begin and addresses into a policy, and reads times from now on and instants', async () => {
    createKey(folder, 'viewers', 'ecdsa');
    const flags = { expires: '2037-01-01T12:00:00+02:00', notBefore: '2036-12-31T00:00Z', ip: '192.0.2.0/24' };
    const { standardOutput } = await written('https://a.example/x', flags);
    expect(policyOf(standardOutput)).toMatchObject({
      resource: 'https://a.example/x',
      expiresSeconds: Date.UTC(2037, 0, 1, 10) / 1_000,
      beginsSeconds: Date.UTC(2036, 11, 31) / 1_000,
      source: { prefixBits: 24 },
    });
    const later = policyOf((await written('https://a.example/x', { expires: '2d', notBefore: '1d' })).standardOutput);
    expect((later?.expiresSeconds ?? 0) - (later?.beginsSeconds ?? 0)).toBe(86_400);
  });

  it('signs a policy from a file, without the spaces in it', async () => {
    createKey(folder, 'viewers', 'ecdsa');
    const policy = {
      Statement: [{ Resource: 'https://a.example/*', Condition: { DateLessThan: { 'AWS:EpochTime': 2_100_000_000 } } }],
    };
    const file = join(data, 'policy.json');
    writeFileSync(file, `${JSON.stringify(policy, undefined, 4)}\n`);
    const { standardOutput } = await written('https://a.example/x', { policy: file });
    const encoded = /Policy=([^&]+)/.exec(standardOutput)?.[1] ?? '';
    expect(Buffer.from(decodeGrantText(encoded) ?? []).toString()).toBe(JSON.stringify(policy));
    expect(opens(standardOutput.trim(), 'https://a.example/another')).toBe(true);
    expect(await findings('https://b.example/x', { policy: file, expires: '1h' })).toEqual([
      expect.stringContaining('--policy says all by itself'),
    ]);
    expect(await findings('https://b.example/x', { policy: file })).toEqual([
      'the policy is for https://a.example/*, which does not cover https://b.example/x',
    ]);
    writeFileSync(file, '{"Statement":[]}');
    expect(await findings('https://a.example/x', { policy: file })).toEqual([
      expect.stringContaining('holds no policy that edges understand'),
    ]);
    expect(await findings('https://a.example/x', { policy: `${file}.none` })).toEqual([
      expect.stringContaining('--policy: ENOENT'),
    ]);
  });

  it.each([
    ['no URL', undefined, {}, ['the address that shall be signed is missing']],
    [
      'no URL for cookies without a pattern',
      undefined,
      { cookies: true },
      ['the address that shall be signed is missing'],
    ],
    ['what is no URL', 'film.mp4', {}, ['"film.mp4" is no address that can be signed']],
    ['a pattern for a URL', 'https://a.example/*', {}, ["--resource 'https://a.example/*'"]],
    [
      'times that are none',
      'https://a.example/x',
      { expires: 'tomorrow', notBefore: '2037-01-01' },
      ['--expires tomorrow', '--not-before 2037-01-01'],
    ],
    [
      'a time that is over',
      'https://a.example/x',
      { expires: '2020-01-01T00:00:00Z' },
      ['it would have expired already'],
    ],
    ['a begin after the end', 'https://a.example/x', { notBefore: '2h' }, ['nobody could use it']],
    ['addresses of another kind', 'https://a.example/x', { ip: '2001:db8::/32' }, ['--ip 2001:db8::/32: write IPv4']],
    ['a resource of another site', 'https://a.example/x', { resource: 'http://a.example/*' }, ['does not cover']],
    ['an empty resource', 'https://a.example/x', { resource: '' }, ['--resource is empty']],
    ['cookies for RTMP', 'rtmp://a.example/live/x', { cookies: true }, ['players of RTMP have no cookies']],
  ] as const)('says what is wrong with %s', async (_what, url, flags, expected) => {
    createKey(folder, 'viewers', 'ecdsa');
    const found = await findings(url, flags);
    expect(found).toHaveLength(expected.length);
    expected.forEach((words, i) => expect(found[i]).toContain(words));
  });

  it.each(['live/*', 'stage', 'rtmp://a.example/live/*', '*'])('takes %s for a name of a stream', async (resource) => {
    createKey(folder, 'viewers', 'ecdsa');
    const { standardOutput } = await written('rtmp://a.example/live/stage', { resource });
    expect(policyOf(standardOutput)?.resource).toBe(resource);
  });
});

describe('the key that signs', () => {
  const keyOf = async (flags: Partial<SignFlags> = {}) =>
    /Key-Pair-Id=([^&]+)/.exec((await written('https://a.example/x', flags)).standardOutput)?.[1];

  it('is the newest that can, or the one that is named', async () => {
    const first = createKey(folder, 'viewers', 'ecdsa');
    const second = createKey(folder, 'viewers', 'ecdsa');
    importKey(folder, 'viewers', grantSigner('ec', 'K').publicFile, 'KELSEWHERE');
    expect(await keyOf()).toBe(second.id);
    expect(await keyOf({ key: first.id })).toBe(first.id);
    expect(await findings('https://a.example/x', { key: 'KELSEWHERE' })).toEqual([
      'its private key is not here: it signs where it was made',
    ]);
    expect(await findings('https://a.example/x', { key: 'KNONE' })).toEqual([expect.stringContaining(first.id)]);
  });

  it('has to be made first, and its group to be said where there are several', async () => {
    expect(await findings('https://a.example/x')).toEqual([
      expect.stringContaining('"streamfront keys create" makes one'),
    ]);
    const viewers = createKey(folder, 'viewers', 'ecdsa');
    const encoders = createKey(folder, 'encoders', 'ecdsa');
    expect(await findings('https://a.example/x')).toEqual([
      'say for which one this is signed: --group encoders or --group viewers',
    ]);
    expect([await keyOf({ group: 'viewers' }), await keyOf({ group: 'encoders' })]).toEqual([viewers.id, encoders.id]);
    revokeKey(folder, viewers.id);
    expect(await findings('https://a.example/x')).toHaveLength(1);
    expect(await findings('https://a.example/x', { group: 'nobody' })).toEqual([
      expect.stringContaining('"streamfront keys create --group nobody"'),
    ]);
  });

  it('is not used when others can read it', async () => {
    const { privateFile } = createKey(folder, 'viewers', 'ecdsa');
    chmodSync(privateFile ?? '', 0o644);
    await expect(written('https://a.example/x')).rejects.toThrow(/^KEY_READABLE_BY_OTHERS: .*mode 644.*"chmod 600 /);
  });
});
