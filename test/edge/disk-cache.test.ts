import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../stores/disk/test-disk.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { get, startTestEdge, startTestOrigin, type TestEdge, type TestOrigin } from './test-edge.ts';

/** Gives every path its own body, counted, and confirms what bears the ETag "v1". */
async function startOrigin(fields: Record<string, string> = { 'Cache-Control': 'max-age=600' }): Promise<TestOrigin> {
  let round = 0;
  return startTestOrigin((request, response) => {
    const head = { ...fields, 'X-Round': String(++round) };
    if (request.headers['if-none-match'] === '"v1"') response.writeHead(304, head).end();
    else response.writeHead(200, head).end(`body of ${request.url}`);
  });
}

/** All that was put is on the disk. */
async function written(edge: TestEdge, objects: number): Promise<void> {
  await expect.poll(() => edge.stats().cache.disk?.objects).toBe(objects);
}

/** The clock of a second life that begins so much later. */
function later(laterMs: number): VirtualClock {
  const clock = new VirtualClock();
  clock.advance(laterMs);
  return clock;
}

describe('an edge with a data folder', () => {
  it('answers after a restart what it knew before, with the age that it has by then', async () => {
    using temporary = temporaryFolder();
    await using origin = await startOrigin();
    const place = { dataFolder: temporary.folder };
    {
      await using first = await startTestEdge(origin.url, {}, {}, place);
      await get(first.httpPort, '/a');
      await written(first, 1);
    }
    await using second = await startTestEdge(origin.url, {}, {}, { ...place, clock: later(100_000) });
    const answer = await get(second.httpPort, '/a');
    expect(answer).toMatchObject({ status: 200, text: 'body of /a' });
    expect(answer.headers).toMatchObject({ 'x-cache': 'Hit from streamfront', age: '100', 'x-round': '1' });
    expect(answer.headers['cache-status']).toContain('hit; ttl=500');
    expect(origin.requests).toHaveLength(1);
    // From memory now.
    expect((await get(second.httpPort, '/a')).headers['x-cache']).toBe('Hit from streamfront');
    expect(second.stats().cache.disk?.reads).toBe(1);
  });

  it('asks the origin whether what it kept still holds when it is no longer fresh, and does not write the body again', async () => {
    using temporary = temporaryFolder();
    await using origin = await startOrigin({ 'Cache-Control': 'max-age=60', ETag: '"v1"' });
    const place = { dataFolder: temporary.folder };
    {
      await using first = await startTestEdge(origin.url, {}, {}, place);
      await get(first.httpPort, '/a');
      await written(first, 1);
    }
    const second = await startTestEdge(origin.url, {}, {}, { ...place, clock: later(100_000) });
    const refreshed = await get(second.httpPort, '/a');
    expect(refreshed).toMatchObject({ status: 200, text: 'body of /a' });
    expect(refreshed.headers).toMatchObject({ 'x-cache': 'RefreshHit from streamfront', 'x-round': '2', age: '0' });
    expect(second.stats().cache.disk).toMatchObject({ objects: 1, writes: 0 });
    await second.close();
    await using third = await startTestEdge(origin.url, {}, {}, { ...place, clock: later(110_000) });
    expect((await get(third.httpPort, '/a')).headers).toMatchObject({ 'x-round': '2', age: '10' });
    expect(origin.requests).toHaveLength(2);
  });

  it('stands in for an origin that is gone with what it kept, as it would from memory', async () => {
    using temporary = temporaryFolder();
    const origin = await startOrigin({ 'Cache-Control': 'max-age=60, stale-if-error=600' });
    const place = { dataFolder: temporary.folder };
    {
      await using first = await startTestEdge(origin.url, {}, {}, place);
      await get(first.httpPort, '/a');
      await written(first, 1);
    }
    await origin.stop();
    await using second = await startTestEdge(origin.url, {}, {}, { ...place, clock: later(100_000) });
    expect(await get(second.httpPort, '/a')).toMatchObject({ status: 200, text: 'body of /a' });
  });

  it('does not give after a restart what was invalidated before', async () => {
    using temporary = temporaryFolder();
    await using origin = await startOrigin();
    const place = { dataFolder: temporary.folder };
    {
      await using first = await startTestEdge(origin.url, {}, {}, place);
      for (const path of ['/a', '/b']) await get(first.httpPort, path);
      await written(first, 2);
      first.invalidations.create({ distribution: undefined, items: ['/a'] });
    }
    await using second = await startTestEdge(origin.url, {}, {}, { ...place, clock: later(1_000) });
    expect((await get(second.httpPort, '/a')).headers['x-cache']).toBe('Miss from streamfront');
    expect((await get(second.httpPort, '/b')).headers['x-cache']).toBe('Hit from streamfront');
  });

  it('keeps the variants of an answer apart on disk as in memory', async () => {
    using temporary = temporaryFolder();
    await using origin = await startTestOrigin((request, response) => {
      const encoding = request.headers['accept-encoding'] === undefined ? 'identity' : 'gzip';
      response.writeHead(200, { 'Cache-Control': 'max-age=600', Vary: 'Accept-Encoding' }).end(encoding);
    });
    const place = { dataFolder: temporary.folder };
    {
      await using first = await startTestEdge(origin.url, {}, {}, place);
      await get(first.httpPort, '/a');
      await get(first.httpPort, '/a', { 'accept-encoding': 'gzip' });
      await written(first, 2);
    }
    await using second = await startTestEdge(origin.url, {}, {}, { ...place, clock: later(1_000) });
    expect((await get(second.httpPort, '/a', { 'accept-encoding': 'gzip' })).text).toBe('gzip');
    expect((await get(second.httpPort, '/a')).text).toBe('identity');
    expect(origin.requests).toHaveLength(2);
  });

  it.each([
    ['lives for seconds', { 'Cache-Control': 'max-age=2', ETag: '"v2"' }, {}],
    ['is kept off the disk by its behaviour', { 'Cache-Control': 'max-age=600' }, { disk: false }],
    ['may not be stored', { 'Cache-Control': 'no-store' }, {}],
  ])('writes nothing that %s', async (_name, fields, behaviour) => {
    using temporary = temporaryFolder();
    await using origin = await startOrigin(fields);
    const edge = await startTestEdge(origin.url, behaviour, {}, { dataFolder: temporary.folder });
    await get(edge.httpPort, '/a');
    await get(edge.httpPort, '/a');
    await edge.close();
    expect(edge.stats().cache.disk?.writes).toBe(0);
  });

  it('keeps everything in memory alone when the disk is switched off', async () => {
    using temporary = temporaryFolder();
    await using origin = await startOrigin();
    const cache = { disk: { size: '0B' } };
    await using edge = await startTestEdge(origin.url, {}, { cache }, { dataFolder: temporary.folder });
    await get(edge.httpPort, '/a');
    expect((await get(edge.httpPort, '/a')).headers['x-cache']).toBe('Hit from streamfront');
    expect(edge.stats().cache.disk).toBeUndefined();
  });

  it('refuses to start on the folder of another that runs, and gives all up that it had begun', async () => {
    using temporary = temporaryFolder();
    await using origin = await startOrigin();
    const place = { dataFolder: temporary.folder };
    await using first = await startTestEdge(origin.url, {}, {}, place);
    await expect(startTestEdge(origin.url, {}, {}, place)).rejects.toThrow(/another process uses .*cache/);
    expect((await get(first.httpPort, '/a')).status).toBe(200);
  });
});
