import fc from 'fast-check';
import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { edgeSchema } from '../../src/edge/settings.ts';
import { exchange } from '../http/test-listener.ts';
import { asCookies, cannedGrant, customGrant, grantSigner, policyFor, trusting } from '../support/grant-signer.ts';
import {
  get,
  gate,
  openGet,
  readAll,
  startTestEdge,
  startTestOrigin,
  type TestEdge,
  type TestOrigin,
} from './test-edge.ts';

const rsa = grantSigner('rsa', 'KRSA');
const ec = grantSigner('ec', 'KEC');
const stranger = grantSigner('rsa', 'KRSA');
const site = 'http://a.example';

async function house(behaviour: object = {}): Promise<{ edge: TestEdge; origin: TestOrigin } & AsyncDisposable> {
  const origin = await startTestOrigin((_request, response) => {
    response.writeHead(200, { 'Cache-Control': 'max-age=60' }).end('the body');
  });
  const edge = await startTestEdge(
    origin.url,
    {},
    {
      ...trusting({ viewers: [rsa, ec], others: [ec] }),
      distributions: [
        {
          name: 'site',
          behaviours: [
            { path: '/open/*', query: 'all' },
            { path: '/others/*', trustedKeyGroups: ['others'] },
            { path: '*', trustedKeyGroups: ['viewers'], query: 'all', ...behaviour },
          ],
        },
      ],
    },
  );
  return {
    edge,
    origin,
    [Symbol.asyncDispose]: async () => {
      await edge.close();
      await origin.stop();
    },
  };
}

const inSeconds = (edge: TestEdge, seconds: number): number => Math.floor(edge.clock.wallMs() / 1_000) + seconds;
const fetch = (edge: TestEdge, target: string, fields: Record<string, string> = {}, method = 'GET') =>
  get(edge.httpPort, target, { host: 'a.example', ...fields }, method);
const signedUrl = (edge: TestEdge, target: string, signer = rsa): string =>
  `${target}${target.includes('?') ? '&' : '?'}${cannedGrant(signer, site + target, inSeconds(edge, 60))}`;

describe('a behaviour with trusted key groups', () => {
  it.each([
    ['RSA', rsa],
    ['ECDSA', ec],
  ])('lets in who has a URL signed by %s, and nobody else', async (_kind, signer) => {
    await using h = await house();
    const { edge, origin } = h;
    const url = signedUrl(edge, '/x?a=1', signer);
    expect((await fetch(edge, url)).text).toBe('the body');
    expect(origin.requests.map((request) => request.url)).toEqual(['/x?a=1']);
    const refused = await fetch(edge, '/x?a=1');
    expect(refused.status).toBe(403);
    expect(refused.text).toBe(
      '<?xml version="1.0" encoding="UTF-8"?><Error><Code>MissingKey</Code><Message>Missing Key-Pair-Id query parameter or cookie value</Message></Error>',
    );
    expect(refused.headers['content-type']).toBe('text/xml');
    expect((await fetch(edge, '/open/x')).status).toBe(200);
  });

  it('answers all who have a grant from one object, whatever their grants', async () => {
    await using h = await house();
    const { edge, origin } = h;
    for (const signer of [rsa, ec]) expect((await fetch(edge, signedUrl(edge, '/x', signer))).status).toBe(200);
    const cookies = asCookies(customGrant(rsa, policyFor(`${site}/*`, inSeconds(edge, 60))));
    expect((await fetch(edge, '/x', { cookie: cookies })).headers['x-cache']).toBe('Hit from streamfront');
    expect(origin.requests).toHaveLength(1);
  });

  it.each([
    ['a parameter added behind it', (url: string) => `${url}&b=2`],
    ['a parameter added before it', (url: string) => url.replace('?', '?b=2&')],
    ['another path', (url: string) => url.replace('/x', '/y')],
    ['its path written in another way', (url: string) => url.replace('/x', '/./x')],
    ['its path escaped', (url: string) => url.replace('/x', '/%78')],
    ['a later end', (url: string) => url.replace(/Expires=(\d+)/, (_all, at) => `Expires=${Number(at) + 1}`)],
    ['no end', (url: string) => url.replace(/Expires=\d+&/, '')],
    ['another key', (url: string) => url.replace('KRSA', 'KEC')],
    ['an unknown key', (url: string) => url.replace('KRSA', 'KNONE')],
    ['another hash', (url: string) => `${url}&Hash-Algorithm=SHA256`],
  ])('refuses a signed URL with %s', async (_what, change) => {
    await using h = await house();
    const url = signedUrl(h.edge, '/x?a=1');
    expect((await fetch(h.edge, change(url))).status).toBe(403);
    expect((await fetch(h.edge, url)).status).toBe(200);
  });

  it('refuses a URL of another host, of who signs with a key of the same id, and of a key of another group', async () => {
    await using h = await house();
    const { edge } = h;
    expect((await fetch(edge, signedUrl(edge, '/x'), { host: 'b.example' })).status).toBe(403);
    expect((await fetch(edge, signedUrl(edge, '/x', stranger))).text).toContain('<Code>AccessDenied</Code>');
    expect((await fetch(edge, signedUrl(edge, '/others/x'))).text).toContain('<Code>InvalidKey</Code>');
    expect((await fetch(edge, signedUrl(edge, '/others/x', ec))).status).toBe(200);
  });

  it('refuses any URL of which one byte was changed', async () => {
    await using h = await house();
    const { edge } = h;
    const custom = customGrant(ec, policyFor(`${site}/x?a=1`, inSeconds(edge, 60)));
    for (const url of [signedUrl(edge, '/x?a=1'), signedUrl(edge, '/x?a=1', ec), `/x?a=1&${custom}`]) {
      expect((await fetch(edge, url)).status).toBe(200);
      await fc.assert(
        fc.asyncProperty(
          fc.nat({ max: url.length - 1 }),
          fc.constantFrom(...'abyzABYZ0189-_~&=?./%'.split('')),
          async (at, char) => {
            fc.pre(url[at] !== char);
            const { status } = await fetch(edge, url.slice(0, at) + char + url.slice(at + 1));
            expect([400, 403]).toContain(status);
          },
        ),
        { numRuns: 150 },
      );
    }
  });

  it('lets a signed URL beat cookies', async () => {
    await using h = await house();
    const { edge } = h;
    const cookie = asCookies(customGrant(rsa, policyFor('*', inSeconds(edge, 60))));
    expect((await fetch(edge, '/x', { cookie })).status).toBe(200);
    expect((await fetch(edge, signedUrl(edge, '/y').replace('/y', '/x'), { cookie })).status).toBe(403);
    expect((await fetch(edge, '/x?Expires=1', { cookie })).status).toBe(403);
  });

  it('takes canned cookies for their URL only', async () => {
    await using h = await house();
    const { edge } = h;
    const cookie = asCookies(cannedGrant(rsa, `${site}/x?a=1`, inSeconds(edge, 60)));
    expect((await fetch(edge, '/x?a=1', { cookie })).status).toBe(200);
    expect((await fetch(edge, '/x?a=2', { cookie })).status).toBe(403);
  });

  it.each([
    '/free/../paid/x',
    '/free/%2e%2e/paid/x',
    '/free/..%2Fpaid/x',
    '/free/.%2E%5Cpaid/x',
    '/free//../../paid/x',
  ])('does not let %s in with a pattern for what it only begins with', async (target) => {
    await using h = await house();
    const { edge } = h;
    const grant = customGrant(rsa, policyFor(`${site}/free/*`, inSeconds(edge, 60)));
    expect((await fetch(edge, `${target}?${grant}`)).status).toBe(403);
    expect((await fetch(edge, `/free/x?${grant}`)).status).toBe(200);
  });

  it('looks at address and begin of a custom policy', async () => {
    await using h = await house();
    const { edge } = h;
    const ask = async (conditions: object): Promise<number> =>
      (await fetch(edge, `/x?${customGrant(rsa, policyFor(undefined, inSeconds(edge, 60), conditions))}`)).status;
    expect(await ask({ IpAddress: { 'AWS:SourceIp': '127.0.0.0/8' } })).toBe(200);
    expect(await ask({ IpAddress: { 'AWS:SourceIp': '192.0.2.0/24' } })).toBe(403);
    expect(await ask({ DateGreaterThan: { 'AWS:EpochTime': inSeconds(edge, 0) } })).toBe(200);
    expect(await ask({ DateGreaterThan: { 'AWS:EpochTime': inSeconds(edge, 1) } })).toBe(403);
  });

  it('asks when a request begins: what runs goes on, the next one is refused', async () => {
    await using h = await house();
    const { edge, origin } = h;
    const half = gate();
    origin.answer = async (_request, response) => {
      response.writeHead(200, { 'Cache-Control': 'max-age=60' }).write('one ');
      await half.opened;
      response.end('two');
    };
    const url = signedUrl(edge, '/x');
    const running = await openGet(edge.httpPort, url, { host: 'a.example' });
    edge.clock.advance(60_000);
    expect((await fetch(edge, url)).status).toBe(403);
    half.open();
    expect((await readAll(running)).toString()).toBe('one two');
  });

  it('gives HTML to who asks for it, and other sites may read the refusal', async () => {
    await using h = await house();
    const { headers, text } = await fetch(h.edge, '/x', { accept: 'text/html' });
    expect([headers['content-type'], headers['cache-control'], headers['access-control-allow-origin']]).toEqual([
      'text/html; charset=utf-8',
      'no-store',
      '*',
    ]);
    expect(text).toContain('MissingKey');
  });

  it('answers what browsers ask before they ask, passes other methods on with a grant only, without it', async () => {
    await using h = await house({ methods: 'all', requestFields: ['cookie'] });
    const { edge, origin } = h;
    const preflight = { 'access-control-request-method': 'GET', origin: 'http://b.example' };
    expect((await fetch(edge, '/x', preflight, 'OPTIONS')).status).toBe(204);
    expect((await fetch(edge, '/x', {}, 'POST')).status).toBe(403);
    expect(origin.requests).toEqual([]);
    const grant = customGrant(rsa, policyFor('*', inSeconds(edge, 60)));
    expect((await fetch(edge, `/x?b=1&${grant}`, {}, 'POST')).status).toBe(200);
    for (const method of ['POST', 'GET']) await fetch(edge, '/x', { cookie: `a=b; ${asCookies(grant)}; c=d` }, method);
    expect(origin.requests.map(({ url, headers }) => [url, headers.cookie])).toEqual([
      ['/x?b=1', undefined],
      ['/x', 'a=b; c=d'],
      ['/x', 'a=b; c=d'],
    ]);
  });

  it('says nothing of a grant in its log', async () => {
    await using h = await house();
    const { edge, origin } = h;
    await origin.stop();
    await fetch(edge, signedUrl(edge, '/x'));
    expect(edge.log.text).toMatch(/ORIGIN|UPSTREAM/);
    expect(edge.log.text).not.toMatch(/Signature|Policy|Expires/);
  });
});

describe('a signed request on the quick path', () => {
  const raw = async (edge: TestEdge, target: string, fields = ''): Promise<string> => {
    const text = await exchange(
      edge.httpPort,
      `GET ${target} HTTP/1.1\r\nHost: a.example\r\n${fields}\r\nGET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`,
    );
    return text.slice(0, text.indexOf('HTTP/1.1', 1)).replace(/(?<=\r\nX-Request-Id: )[^\r]+/, '…');
  };

  it('is answered as on the slow way, byte by byte, by its URL and by its cookies', async () => {
    await using h = await house();
    const { edge } = h;
    const policy = policyFor(`${site}/*`, inSeconds(edge, 60), { IpAddress: { 'AWS:SourceIp': '127.0.0.1' } });
    const cookie = `Cookie: ${asCookies(customGrant(rsa, policy))}\r\n`;
    for (const [target, fields] of [
      [signedUrl(edge, '/x'), ''],
      [`/x?${customGrant(ec, policy)}`, ''],
      ['/x', cookie],
      ['/y', ''],
    ] as const) {
      await raw(edge, target, fields);
      const slow = await raw(edge, target, `${fields}X-Unknown: 1\r\n`);
      const before = edge.stats().quickHits;
      for (let i = 0; i < 3; i++) expect(await raw(edge, target, fields)).toBe(slow);
      expect(edge.stats().quickHits - before).toBe(target === '/y' ? 0 : 3);
    }
  });

  it('is refused once its grant has expired, and when it shows none or another', async () => {
    await using h = await house();
    const { edge } = h;
    const url = signedUrl(edge, '/x');
    const cookie = (seconds: number) =>
      `Cookie: ${asCookies(customGrant(rsa, policyFor('*', inSeconds(edge, seconds))))}\r\n`;
    const [good, over] = [cookie(30), cookie(-1)];
    const statuses = async (): Promise<string[]> => {
      const answers = [];
      for (const [target, fields] of [
        [url, ''],
        ['/x', good],
        ['/x', ''],
        ['/x', over],
        ['/x', good],
      ] as const) {
        answers.push((await raw(edge, target, fields)).slice(9, 12));
      }
      return answers;
    };
    for (let i = 0; i < 3; i++) expect(await statuses()).toEqual(['200', '200', '403', '403', '200']);
    expect(edge.stats().quickHits).toBeGreaterThan(6);
    edge.clock.advance(30_000);
    expect(await statuses()).toEqual(['200', '403', '403', '403', '403']);
    edge.clock.advance(30_000);
    expect(await statuses()).toEqual(['403', '403', '403', '403', '403']);
  });

  it('waits with others for one answer, if it has a grant', async () => {
    await using h = await house();
    const { edge, origin } = h;
    const arrived = gate();
    origin.answer = async (_request, response) => {
      await arrived.opened;
      response.writeHead(200, { 'Cache-Control': 'max-age=60' }).end('late');
    };
    const asking = [rsa, ec, rsa].map((signer) => raw(edge, signedUrl(edge, '/x', signer)));
    const refused = await raw(edge, '/x');
    expect(refused.slice(9, 12)).toBe('403');
    arrived.open();
    for (const answer of await Promise.all(asking)) expect(answer).toMatch(/\r\n\r\n(?:4\r\n)?late/);
    expect(origin.requests).toHaveLength(1);
    expect(edge.stats().quickJoins).toBe(2);
  });
});

describe('settings of key groups', () => {
  const findings = (edge: object): string[] => {
    const { error } = edgeSchema.safeParse({ http: { port: 0 }, rtmp: { port: 0 }, ...edge });
    return error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? [];
  };

  it('must name what is there', () => {
    expect(
      findings({
        publicKeys: { K1: 'a.pem' },
        keyGroups: { viewers: { keys: ['K1', 'K2'] } },
        distributions: [{ name: 'site', behaviours: [{ carryGrants: 'query' }] }],
      }),
    ).toEqual([
      'keyGroups.viewers.keys.1: there is no key "K2" in edge.publicKeys (there: K1)',
      'distributions.0.behaviours.0.carryGrants: there are no grants to be carried on: the behaviour has no trustedKeyGroups',
    ]);
  });

  it('must name public keys that can be used', async () => {
    const start = (publicFile: string) =>
      startTestEdge('http://127.0.0.1:1', {}, trusting({ viewers: [{ ...rsa, publicFile }] }));
    writeFileSync(`${rsa.publicFile}.private`, rsa.privatePem);
    writeFileSync(`${rsa.publicFile}.text`, 'no key');
    await expect(start(`${rsa.publicFile}.none`)).rejects.toThrow('edge.publicKeys.KRSA: there is no file');
    await expect(start(`${rsa.publicFile}.private`)).rejects.toThrow('holds a private key');
    await expect(start(`${rsa.publicFile}.text`)).rejects.toThrow('holds no public key');
  });
});
