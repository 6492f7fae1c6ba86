import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { installedDatabase } from '../../src/edge/geo/country-database.ts';
import { edgeSchema } from '../../src/edge/settings.ts';
import { exchange, rawClient } from '../http/test-listener.ts';
import { eventually } from '../support/condition.ts';
import { countryMmdb } from '../support/mmdb-writer.ts';
import { get, startTestEdge, startTestOrigin } from './test-edge.ts';

const networks = { '192.0.2.0/24': 'DE', '198.51.100.0/24': 'FR', '2001:db8::/32': 'DE' };
const from = { DE: '192.0.2.7', FR: '198.51.100.7', nowhere: '203.0.113.7', 'DE over IPv6': '2001:db8::7' };

type EdgeInput = NonNullable<Parameters<typeof startTestEdge>[2]>;
type Distribution = NonNullable<EdgeInput['distributions']>[number];

/** An edge behind a proxy that says from where a viewer comes. */
async function startHouse(distribution: Omit<Distribution, 'name'>, networksIn: Record<string, string> = networks) {
  const folder = mkdtempSync(join(tmpdir(), 'streamfront-geo-'));
  const stack = new AsyncDisposableStack();
  stack.defer(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'countries.mmdb');
  writeFileSync(file, countryMmdb(networksIn));
  const origin = stack.use(
    await startTestOrigin((request, response) => {
      const { url = '', headers } = request;
      if (url.startsWith('/varying')) response.setHeader('Vary', 'CloudFront-Viewer-Country');
      const told = url.startsWith('/told')
        ? `${String(headers['cloudfront-viewer-country'])} ${String(headers['cloudfront-viewer-country-name'])}`
        : `the answer to ${url}`;
      response.writeHead(200, { 'Cache-Control': 'max-age=60', 'Content-Length': told.length }).end(told);
    }),
  );
  const edge = await startTestEdge(
    origin.url,
    {},
    { distributions: [{ name: 'site', ...distribution }], countryDatabase: file, trustedProxies: ['127.0.0.1'] },
  );
  stack.use(edge);
  const ask = (path: string, address: string, fields: Record<string, string> = {}, method = 'GET') =>
    get(edge.httpPort, path, { 'X-Forwarded-For': address, ...fields }, method);
  return { origin, edge, file, ask, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

describe('a web distribution for some countries', () => {
  it.each([
    [{ block: ['de'] }, { DE: 403, FR: 200, nowhere: 200, 'DE over IPv6': 403 }],
    [{ allow: ['DE'] }, { DE: 200, FR: 403, nowhere: 200, 'DE over IPv6': 200 }],
  ])('by %j answers each viewer by where they are', async (geo, statuses) => {
    await using house = await startHouse({ geo, behaviours: [{}] });
    const found: Record<string, number> = {};
    for (const [where, address] of Object.entries(from)) found[where] = (await house.ask('/a', address)).status;
    expect(found).toEqual(statuses);
    // Nobody says where they are themselves.
    await using open = await startTestEdge(
      house.origin.url,
      {},
      {
        distributions: [{ name: 'site', geo, behaviours: [{}] }],
        countryDatabase: house.file,
      },
    );
    expect((await get(open.httpPort, '/a', { 'X-Forwarded-For': from.DE })).status).toBe(200);
  });

  it('answers on the fast path as off it, to one viewer after the other on one connection', async () => {
    await using house = await startHouse({ geo: { block: ['DE'] }, behaviours: [{}] });
    const client = rawClient(house.edge.httpPort);
    const statuses = (): string[] => client.text().match(/(?<=HTTP\/1\.1 )\d+/g) ?? [];
    const viewers = [from.FR, from.FR, from.DE, from.nowhere, from.DE, from['DE over IPv6'], from.FR];
    for (const [i, address] of viewers.entries()) {
      client.socket.write(`GET /a HTTP/1.1\r\nHost: a.example\r\nX-Forwarded-For: ${address}\r\n\r\n`);
      await eventually('an answer', () => statuses().length === i + 1);
    }
    expect(statuses()).toEqual(['200', '200', '403', '200', '403', '403', '200']);
    expect(house.edge.stats().quickHits).toBe(3);
    expect(house.origin.requests).toHaveLength(1);
  });

  it('has a rule of its own for a behaviour, and says why in words that say no more', async () => {
    await using house = await startHouse({
      geo: { block: ['DE'] },
      behaviours: [{ path: '/everybody/*', geo: { block: [] } }, { path: '/only/*', geo: { allow: ['FR'] } }, {}],
    });
    const statuses = async (address: string) =>
      Promise.all(['/everybody/a', '/only/a', '/a'].map(async (path) => (await house.ask(path, address)).status));
    expect(await statuses(from.DE)).toEqual([200, 403, 403]);
    expect(await statuses(from.FR)).toEqual([200, 200, 200]);
    expect(await statuses(from.nowhere)).toEqual([200, 200, 200]);
    const { headers, text } = await house.ask('/a', from.DE);
    expect(text).toMatch(/^403 Not available in your country\nThis content is not available/);
    expect(text).toContain('code COUNTRY_NOT_SERVED');
    expect(headers['x-cache']).toBe('Error from streamfront');
    expect((await house.ask('/a', from.DE, { Accept: 'text/html' })).text).toContain(
      '<h1>Not available in your country',
    );
    expect((await house.ask('/a', from.DE, {}, 'POST')).status).toBe(403);
  });

  it('gives the page of the distribution in place of a refusal, of any refusal of its own', async () => {
    await using house = await startHouse({
      geo: { block: ['DE'] },
      behaviours: [{ path: '/safe/*', viewerProtocol: 'https-only' }, {}],
      errorPages: [
        { status: 403, page: '/errors/403.html' },
        { status: 413, page: '/errors/long.html', respondWith: 400 },
      ],
    });
    const refused = await house.ask('/a', from.DE);
    expect([refused.status, refused.text]).toEqual([403, 'the answer to /errors/403.html']);
    expect((await house.ask('/a', from.DE, {}, 'HEAD')).status).toBe(403);
    expect((await house.ask('/safe/a', from.FR)).text).toBe('the answer to /errors/403.html');
    expect((await get(house.edge.httpPort, '/a', { 'Content-Length': '1' }, 'GET', 'x')).text).toBe(refused.text);
    const long = await house.ask(`/${'a'.repeat(9_000)}`, from.FR);
    expect([long.status, long.text]).toEqual([400, 'the answer to /errors/long.html']);
    // Who asks to change something reads no pages.
    expect((await house.ask('/a', from.DE, {}, 'POST')).text).toContain('COUNTRY_NOT_SERVED');
    expect(house.origin.requests.map(({ url }) => url)).not.toContain('/a');
  });
});

describe('viewerCountry', () => {
  it('tells the origin where a viewer is, and nobody tells it in their place', async () => {
    await using house = await startHouse({
      behaviours: [
        { path: '/told/origin*', viewerCountry: 'origin' },
        { path: '/told/key*', viewerCountry: 'key' },
        { path: '/told/all*', policy: 'standards', methods: 'all' },
        {},
      ],
    });
    const pretended = { 'CloudFront-Viewer-Country': 'XX' };
    const told = async (path: string, address: string, method = 'GET') =>
      (await house.ask(path, address, pretended, method)).text;
    // One answer for all, made for the first.
    expect(await told('/told/origin', from.DE)).toBe('DE Germany');
    expect(await told('/told/origin', from.FR)).toBe('DE Germany');
    // One for each country.
    expect(await told('/told/key', from.DE)).toBe('DE Germany');
    expect(await told('/told/key', from.FR)).toBe('FR France');
    expect(await told('/told/key', from['DE over IPv6'])).toBe('DE Germany');
    expect(await told('/told/key', from.nowhere)).toBe('undefined undefined');
    expect(await told('/told/all', from.DE, 'POST')).toBe('undefined undefined');
    expect(house.origin.requests.filter(({ url }) => url === '/told/key')).toHaveLength(3);
  });

  it('lets an origin vary by it, where the policy listens', async () => {
    await using house = await startHouse({ behaviours: [{ viewerCountry: 'origin', policy: 'standards' }] });
    for (const address of [from.DE, from.FR, from.DE, from.FR]) await house.ask('/varying', address);
    expect(house.origin.requests).toHaveLength(2);
    expect(house.edge.stats().counters.hits).toBe(2);
  });

  it('cannot be forwarded as a field of the viewer', () => {
    const { error } = edgeSchema.safeParse({
      distributions: [{ name: 'a', behaviours: [{ requestFields: ['CloudFront-Viewer-Country'] }] }],
    });
    expect(error?.issues[0]?.message).toContain('the edge says it itself');
  });
});

describe('the country database', () => {
  const blocking = { geo: { block: ['DE'] }, behaviours: [{}] };

  it('is replaced while the edge runs, and stays when what comes is damaged', async () => {
    await using house = await startHouse(blocking);
    const { ask, edge, file } = house;
    const put = (bytes: Buffer): void => {
      writeFileSync(`${file}.new`, bytes);
      renameSync(`${file}.new`, file);
    };
    /** The file is looked at again and again until it holds. */
    const inTime = (what: string, holds: () => boolean | Promise<boolean>) =>
      eventually(what, () => {
        edge.clock.advance(10_000);
        return holds();
      });
    const lines = (code: string) =>
      edge.log.lines.filter(({ fields, message }) => [fields['code'], message].includes(code));
    expect((await ask('/a', from.FR)).status).toBe(200);
    put(countryMmdb({ '198.51.100.0/24': 'DE' }));
    await inTime('the new database', async () => (await ask('/a', from.FR)).status === 403);
    expect((await ask('/a', from.DE)).status).toBe(200);
    const whole = countryMmdb(networks);
    for (const [i, bytes] of [whole.subarray(0, -5), Buffer.alloc(0), Buffer.from('<html>')].entries()) {
      put(bytes);
      await inTime('a warning', () => lines('COUNTRY_DATABASE_UNUSABLE').length === i + 1);
    }
    rmSync(file);
    await inTime('a last warning', () => lines('COUNTRY_DATABASE_UNUSABLE').length === 4);
    expect((await ask('/a', from.FR)).status).toBe(403);
    put(whole);
    await inTime('the old one', async () => (await ask('/a', from.FR)).status === 200);
    expect(lines('The country database was replaced')).toHaveLength(2);
  });

  it('has to be there and to be one, or the edge does not start', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'streamfront-geo-'));
    const file = join(folder, 'a.mmdb');
    const distributions = [{ name: 'site', ...blocking }];
    const failure = (countryDatabase?: string) =>
      startTestEdge('http://127.0.0.1:1', {}, { distributions, ...(countryDatabase && { countryDatabase }) }).then(
        (edge) => edge.close(),
        (error: unknown) => String(error),
      );
    try {
      expect(await failure(file)).toMatch(/edge\.countryDatabase: .*ENOENT/);
      writeFileSync(file, 'PK');
      expect(await failure(file)).toMatch(/edge\.countryDatabase: .*no MMDB/);
      writeFileSync(file, countryMmdb({ '0.0.0.0/0': 'nowhere' }));
      expect(await failure(file)).toContain('it says nothing about countries');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('is the one of the packages where the settings name none', async () => {
    await using origin = await startTestOrigin((_request, response) => void response.end());
    await using edge = await startTestEdge(
      origin.url,
      {},
      { distributions: [{ name: 'site', geo: { block: ['NL'] }, behaviours: [{}] }], trustedProxies: ['127.0.0.1'] },
    );
    const ask = (address: string) =>
      fetch(`http://127.0.0.1:${edge.httpPort}/a`, { headers: { 'x-forwarded-for': address } });
    // RIPE in Amsterdam, and a resolver in the United States.
    expect((await ask('193.0.6.139')).status).toBe(403);
    expect((await ask('2001:67c:2e8::1')).status).toBe(403);
    expect((await ask('8.8.8.8')).status).toBe(200);
  });

  it('says what to do where the packages have none', () => {
    const findNothing = () => {
      throw new Error('not found');
    };
    expect(() => installedDatabase(findNothing)).toThrow(/There is no country database[^]*edge\.countryDatabase/);
  });

  it('is wanted by nobody who asks for no country', async () => {
    await using origin = await startTestOrigin((_request, response) => void response.end());
    await using edge = await startTestEdge(origin.url, {}, { countryDatabase: '/nowhere.mmdb' });
    expect(await exchange(edge.httpPort, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')).toContain('200');
  });
});

describe('the settings of geo', () => {
  it.each([
    [{ allow: ['DE'], block: ['FR'] }, 'needs one of `allow` and `block`'],
    [{}, 'needs one of `allow` and `block`'],
    [{ block: ['UK'] }, '"UK" is no country: write two letters of ISO 3166-1, such as DE; it is GB'],
    [{ block: ['Germany'] }, '"Germany" is no country: write two letters of ISO 3166-1, such as DE'],
    [{ block: ['QX'] }, '"QX" is no country: write two letters of ISO 3166-1, such as DE'],
  ])('do not let %j through', (geo, message) => {
    const { error } = edgeSchema.safeParse({ distributions: [{ name: 'a', behaviours: [{ geo }] }] });
    expect(error?.issues.map((issue) => issue.message)).toEqual([message]);
  });
});
