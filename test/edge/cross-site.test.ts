import { describe, expect, it } from 'vitest';
import { edgeSchema } from '../../src/edge/settings.ts';
import { get, startTestEdge, startTestOrigin } from './test-edge.ts';

const player = 'https://player.example';

describe('a behaviour with sites whose pages may send cookies', () => {
  it('names the site that asks, if it is one of them, and no other; hits on the fast path and on the slow one alike', async () => {
    await using origin = await startTestOrigin((_request, response) => {
      const fields = { 'Cache-Control': 'max-age=60', Vary: 'Accept-Encoding', 'Access-Control-Allow-Origin': 'x' };
      response.writeHead(200, fields).end('the body');
    });
    await using edge = await startTestEdge(origin.url, { credentialSites: [player, 'http://b.example:81'] });
    const said = async (site: string | undefined, more: Record<string, string> = {}, method = 'GET') => {
      const fields = { host: 'a.example', ...(site === undefined ? {} : { origin: site }), ...more };
      const { headers } = await get(edge.httpPort, '/x', fields, method);
      const [allowed, credentials] = ['origin', 'credentials'].map((name) => headers[`access-control-allow-${name}`]);
      return [allowed, credentials, headers.vary];
    };
    await said(player);
    const before = edge.stats().quickHits;
    for (const more of [{ connection: 'keep-alive' }, { 'x-unknown': '1' }]) {
      for (let times = 0; times < 3; times++) {
        expect(await said(player, more)).toEqual([player, 'true', 'Accept-Encoding, Origin']);
        expect(await said('http://b.example:81', more)).toEqual([
          'http://b.example:81',
          'true',
          'Accept-Encoding, Origin',
        ]);
        for (const other of [
          'http://player.example',
          'https://evil.example',
          `${player}.evil.example`,
          'null',
          undefined,
        ]) {
          expect(await said(other, more)).toEqual(['*', undefined, 'Accept-Encoding, Origin']);
        }
      }
    }
    expect(edge.stats().quickHits).toBeGreaterThan(before + 15);
    const preflight = { 'access-control-request-method': 'GET' };
    expect(await said(player, preflight, 'OPTIONS')).toEqual([player, 'true', 'Origin']);
    expect(await said('https://evil.example', preflight, 'OPTIONS')).toEqual(['*', undefined, 'Origin']);
  });

  it('must name them as browsers do, and where the edge has a say', () => {
    const findings = (behaviour: object): string[] =>
      edgeSchema
        .safeParse({ distributions: [{ name: 'site', behaviours: [behaviour] }] })
        .error?.issues.map(({ message }) => message) ?? [];
    const sentence = 'must be a site as browsers name it, such as https://player.example.com';
    for (const site of ['player.example', 'https://player.example/', 'https://Player.example', '*', '']) {
      expect(findings({ credentialSites: [site] })).toEqual([sentence]);
    }
    expect(findings({ credentialSites: [player] })).toEqual([]);
    expect(findings({ credentialSites: [player], cors: false })).toHaveLength(1);
  });
});

describe('a behaviour without such sites', () => {
  it('says the same to all', async () => {
    await using origin = await startTestOrigin((_request, response) => void response.end('the body'));
    await using edge = await startTestEdge(origin.url);
    const { headers } = await get(edge.httpPort, '/x', { host: 'a', origin: player });
    expect([headers['access-control-allow-origin'], headers.vary]).toEqual(['*', undefined]);
  });
});
