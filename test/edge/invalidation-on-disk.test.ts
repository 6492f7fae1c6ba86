import { cpSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../stores/disk/test-disk.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { get, startTestEdge, startTestOrigin, type TestEdge } from './test-edge.ts';

const hourMs = 3_600_000;

/** The clock of a later life, each a minute after the one before. */
function lifeClock(life: number): VirtualClock {
  const clock = new VirtualClock();
  clock.advance(life * 60_000);
  return clock;
}

function startVersionedOrigin() {
  const state = { version: 'old' };
  return startTestOrigin((_request, response) => {
    response.writeHead(200, { 'Cache-Control': 'max-age=86400', 'Cache-Tag': 'red' }).end(state.version);
  }).then((origin) => Object.assign(origin, { state }));
}

async function texts(edge: TestEdge, ...paths: string[]): Promise<string[]> {
  const found: string[] = [];
  for (const path of paths) found.push((await get(edge.httpPort, path)).text);
  return found;
}

async function written(edge: TestEdge, objects: number): Promise<void> {
  await expect.poll(() => edge.stats().cache.disk?.objects).toBe(objects);
}

describe('what is on the disk of an edge', () => {
  const distributions = [{ name: 'site', cacheTags: { header: 'Cache-Tag' }, behaviours: [{}] }];
  const begin = (originUrl: string, dataFolder: string, life: number, cache: { disk?: { size: string } } = {}) =>
    startTestEdge(originUrl, {}, { distributions, cache }, { dataFolder, clock: lifeClock(life) });

  /** An edge keeps these paths on its disk, and ends. */
  async function keep(url: string, folder: string, ...paths: string[]): Promise<void> {
    await using edge = await begin(url, folder, 0);
    await texts(edge, ...paths);
    await written(edge, paths.length);
  }

  it.each(['/a', '/*', '#red'])('goes by %s while it is in memory no more', async (item) => {
    using temporary = temporaryFolder();
    await using origin = await startVersionedOrigin();
    await keep(origin.url, temporary.folder, '/a');
    origin.state.version = 'new';
    await using edge = await begin(origin.url, temporary.folder, 1);
    const report = edge.invalidations.create({ distribution: undefined, items: [item] });
    expect(await texts(edge, '/a')).toEqual(['new']);
    edge.clock.advance(1_000);
    expect(edge.invalidations.find(report.id)).toMatchObject({ status: 'completed', dropped: 1 });
  });

  it.each(['/a', '/*', '#red'])('is banned by %s after a restart too, though nothing removed it', async (item) => {
    using temporary = temporaryFolder();
    await using origin = await startVersionedOrigin();
    await keep(origin.url, temporary.folder, '/a');
    const [cache, copy] = [join(temporary.folder, 'cache'), join(temporary.folder, 'copy')];
    cpSync(cache, copy, { recursive: true });
    {
      await using edge = await begin(origin.url, temporary.folder, 1);
      edge.invalidations.create({ distribution: undefined, items: [item] });
    }
    // As if the process had been killed before the first object was removed.
    rmSync(cache, { recursive: true });
    renameSync(copy, cache);
    origin.state.version = 'new';
    await using edge = await begin(origin.url, temporary.folder, 2);
    expect(await texts(edge, '/a')).toEqual(['new']);
  });

  it('is all banned when the list of bans is lost', async () => {
    using temporary = temporaryFolder();
    await using origin = await startVersionedOrigin();
    {
      await using edge = await begin(origin.url, temporary.folder, 0);
      await texts(edge, '/a', '/b');
      await written(edge, 2);
      edge.invalidations.create({ distribution: undefined, items: ['/none'] });
    }
    for (const suffix of ['', '-wal']) rmSync(join(temporary.folder, `control.sqlite${suffix}`), { force: true });
    origin.state.version = 'new';
    await using edge = await begin(origin.url, temporary.folder, 1);
    for (let i = 0; i < 3; i++) edge.invalidations.create({ distribution: undefined, items: ['/none'] });
    expect(await texts(edge, '/a', '/b')).toEqual(['new', 'new']);
  });

  it('does not come back when it was invalidated while the edge ran without its disk', async () => {
    using temporary = temporaryFolder();
    await using origin = await startVersionedOrigin();
    await keep(origin.url, temporary.folder, '/a');
    origin.state.version = 'new';
    {
      await using edge = await begin(origin.url, temporary.folder, 1, { disk: { size: '0B' } });
      edge.invalidations.create({ distribution: undefined, items: ['/a'] });
      // The ban has been carried out in what there was of a store, and is forgotten.
      edge.clock.advance(hourMs);
    }
    await using edge = await begin(origin.url, temporary.folder, 100);
    expect(await texts(edge, '/a')).toEqual(['new']);
  });

  it('stays in use after many restarts and invalidations of other things, forgotten ones too', async () => {
    using temporary = temporaryFolder();
    await using origin = await startVersionedOrigin();
    await keep(origin.url, temporary.folder, '/a');
    origin.state.version = 'new';
    for (let life = 1; life < 4; life++) {
      await using edge = await begin(origin.url, temporary.folder, life * 100);
      edge.invalidations.create({ distribution: undefined, items: ['/b', '/c*', '#blue'] });
      edge.clock.advance(hourMs);
      expect(await texts(edge, '/a')).toEqual(['old']);
    }
  });
});
