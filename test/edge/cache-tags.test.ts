import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { edgeSchema } from '../../src/edge/settings.ts';
import { cacheTags } from '../../src/policy/cache-tags.ts';
import { eventually } from '../support/condition.ts';
import { get, startTestEdge, startTestOrigin, type TestEdge } from './test-edge.ts';

const field = { header: 'cache-tag', passOn: false };
const tagged = (passOn = false) => ({
  distributions: [{ name: 'site', cacheTags: { header: 'Cache-Tag', passOn }, behaviours: [{}] }],
});

function invalidate(edge: TestEdge, ...items: string[]) {
  return edge.invalidations.create({ distribution: undefined, items });
}

describe('cacheTags', () => {
  it.each([
    [[], undefined],
    [['Cache-Tag', ''], []],
    [['Cache-Tag', 'a'], ['a']],
    [
      ['cache-tag', 'Product-12 , HOME'],
      ['product-12', 'home'],
    ],
    [
      ['Cache-Tag', 'a,b', 'CACHE-TAG', 'B, c'],
      ['a', 'b', 'c'],
    ],
    [['Cache-Tag', `a b, *, ${'x'.repeat(257)}, ok`], ['ok']],
    [
      ['Cache-Tag', Array.from({ length: 50 }, (_, i) => `t${i}`).join()],
      Array.from({ length: 50 }, (_, i) => `t${i}`),
    ],
    [['Cache-Tag', Array.from({ length: 51 }, (_, i) => `t${i}`).join()], ['*']],
  ])('of %j are %j', (fields, tags) => {
    expect(cacheTags(fields, field)).toEqual(tags);
  });
});

describe('objects with tags', () => {
  it('go when one of their tags is invalidated, in any case of letters', async () => {
    const tagsOf: Record<string, string> = { '/a': 'Red, blue', '/b': 'blue', '/c': '' };
    let version = 'old';
    await using origin = await startTestOrigin(({ url = '' }, response) => {
      response.writeHead(200, { 'Cache-Control': 'max-age=60', 'Cache-Tag': tagsOf[url] ?? '' }).end(version);
    });
    await using edge = await startTestEdge(origin.url, {}, tagged());
    const texts = async () => {
      const found: string[] = [];
      for (const path of ['/a', '/b', '/c']) found.push((await get(edge.httpPort, path)).text);
      return found;
    };
    await texts();
    version = 'new';
    expect(invalidate(edge, '#RED').dropped).toBe(1);
    expect(await texts()).toEqual(['new', 'old', 'old']);
    version = 'newer';
    expect(invalidate(edge, '#green', '#blue').dropped).toBe(2);
    expect(await texts()).toEqual(['newer', 'newer', 'old']);
  });

  it.each([
    [false, undefined],
    [true, 'red'],
  ])('with passOn %j show viewers the tags as %j, fetched or from the cache', async (passOn, shown) => {
    await using origin = await startTestOrigin((_request, response) => {
      response.writeHead(200, { 'Cache-Control': 'max-age=60', 'Cache-Tag': 'red' }).end('x');
    });
    await using edge = await startTestEdge(origin.url, {}, tagged(passOn));
    for (let i = 0; i < 2; i++) expect((await get(edge.httpPort, '/a')).headers['cache-tag']).toBe(shown);
    expect(invalidate(edge, '#red').dropped).toBe(1);
  });

  it('go with any tag when they have more than fifty', async () => {
    await using origin = await startTestOrigin((_request, response) => {
      const tags = Array.from({ length: 51 }, (_, i) => `t${i}`).join();
      response.writeHead(200, { 'Cache-Control': 'max-age=60', 'Cache-Tag': tags }).end('x');
    });
    await using edge = await startTestEdge(origin.url, {}, tagged());
    await get(edge.httpPort, '/a');
    expect(invalidate(edge, '#t50').dropped).toBe(1);
    await get(edge.httpPort, '/a');
    expect(invalidate(edge, '#other').dropped).toBe(1);
  });

  it.each([
    ['says nothing of tags', {}, '#red', 1],
    ['names others', { 'Cache-Tag': 'blue' }, '#red', 0],
    ['names others', { 'Cache-Tag': 'blue' }, '#blue', 1],
  ])('keep their tags when the origin confirms them and %s: %j, %s', async (_how, fields, item, dropped) => {
    await using origin = await startTestOrigin((request, response) => {
      const caching = { 'Cache-Control': 'max-age=60', ETag: '"1"' };
      if (request.headers['if-none-match'] === undefined) {
        response.writeHead(200, { ...caching, 'Cache-Tag': 'red' }).end('x');
      } else {
        response.writeHead(304, { ...caching, ...fields }).end();
      }
    });
    await using edge = await startTestEdge(origin.url, {}, tagged());
    await get(edge.httpPort, '/a');
    edge.clock.advance(61_000);
    expect((await get(edge.httpPort, '/a')).headers['x-cache']).toBe('RefreshHit from streamfront');
    expect(invalidate(edge, item).dropped).toBe(dropped);
  });

  it('are neither stored nor joined when their tag was banned before they came, and are when another was', async () => {
    const asked: ServerResponse[] = [];
    await using origin = await startTestOrigin((_request, response) => void asked.push(response));
    await using edge = await startTestEdge(origin.url, {}, tagged());
    const early = [get(edge.httpPort, '/red'), get(edge.httpPort, '/blue')];
    await eventually('the origin is asked for both', () => asked.length === 2);
    invalidate(edge, '#red');
    // Nobody knows yet which tags they will have: neither is waited for.
    const late = [get(edge.httpPort, '/red'), get(edge.httpPort, '/blue')];
    await eventually('the origin is asked again', () => asked.length === 4);
    for (const response of asked) {
      const tag = response.req.url?.slice(1) ?? '';
      response.writeHead(200, { 'Cache-Control': 'max-age=60', 'Cache-Tag': tag }).end(`${asked.indexOf(response)}`);
    }
    await Promise.all([...early, ...late]);
    expect((await get(edge.httpPort, '/red')).text).toMatch(/^[23]$/);
    expect(edge.stats().cache.objects).toBe(2);
    expect(asked).toHaveLength(4);
  });

  it.each(['', 'a b', 'a:b'])('need a field whose name %j cannot be', (header) => {
    const wrong = edgeSchema.safeParse({ distributions: [{ name: 'x', behaviours: [{}], cacheTags: { header } }] });
    expect(wrong.success).toBe(false);
  });
});
