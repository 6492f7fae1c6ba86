import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../stores/disk/test-disk.ts';
import { eventually } from '../support/condition.ts';
import { answerFile, patternBytes } from './file-origin.ts';
import { get, startTestEdge, startTestOrigin } from './test-edge.ts';

const mib = 1_048_576;
const file = { lengthBytes: 20 * mib + 12_345, etag: '"v1"' };
const cache = { memory: '64MiB', maxObject: '4MiB', slice: '1MiB', readAhead: '2MiB' };

function start(url: string, more: object = {}) {
  return startTestEdge(url, {}, { cache: { ...cache, ...more } });
}

describe('a large object with a strong ETag', () => {
  it('is kept in slices as the plain answer comes, and given from them afterwards', async () => {
    await using origin = await startTestOrigin((request, response) => answerFile(request, response, file));
    await using edge = await start(origin.url);
    const cold = await get(edge.httpPort, '/film.mp4');
    expect(cold.body.equals(patternBytes(0, file.lengthBytes))).toBe(true);
    expect(cold.headers).toMatchObject({
      'content-length': String(file.lengthBytes),
      'accept-ranges': 'bytes',
      etag: '"v1"',
      'x-cache': 'Miss from streamfront',
    });
    expect(edge.stats().cache).toMatchObject({ objects: 22, reservedBytes: 0 });
    const warm = await get(edge.httpPort, '/film.mp4');
    expect(warm.body.equals(cold.body)).toBe(true);
    expect(warm.headers['x-cache']).toBe('Hit from streamfront');
    expect(origin.requests.map(({ headers }) => headers.range)).toEqual([undefined]);
  });

  it.each([
    ['bytes=0-0', 0, 0],
    ['bytes=1048575-1048576', 1_048_575, 1_048_576],
    ['bytes=5000000-9000000', 5_000_000, 9_000_000],
    ['bytes=-10', file.lengthBytes - 10, file.lengthBytes - 1],
    ['bytes=20971520-', 20_971_520, file.lengthBytes - 1],
  ])('gives %s of it, cold and warm', async (range, first, last) => {
    await using origin = await startTestOrigin((request, response) => answerFile(request, response, file));
    await using edge = await start(origin.url);
    for (const verdict of ['Miss', 'Hit']) {
      const answer = await get(edge.httpPort, '/film.mp4', { range });
      expect([answer.status, answer.headers['content-range']]).toEqual([
        206,
        `bytes ${first}-${last}/${file.lengthBytes}`,
      ]);
      expect(answer.body.equals(patternBytes(first, last - first + 1))).toBe(true);
      expect(answer.headers['x-cache']).toBe(`${verdict} from streamfront`);
      await eventually('nothing is being fetched', () => edge.stats().cache.reservedBytes === 0);
    }
    // The plain request that found out what it is, and one for the place if that is not at the beginning.
    expect(origin.requests.length).toBeLessThanOrEqual(2);
  });

  it('is recalled from the disk by slices, in a memory too small for it and after a restart', async () => {
    using temporary = temporaryFolder();
    await using origin = await startTestOrigin((request, response) => answerFile(request, response, file));
    const place = { dataFolder: temporary.folder };
    const small = { cache: { ...cache, memory: '8MiB', slice: '512KiB' } };
    let asked = 0;
    const objects = 1 + Math.ceil(file.lengthBytes / (mib / 2));
    {
      await using first = await startTestEdge(origin.url, {}, small, place);
      // No faster than the disk takes them.
      for (let slice = 0; slice < objects - 1; slice++) {
        const start = (slice * mib) / 2;
        await get(first.httpPort, '/film.mp4', { range: `bytes=${start}-${start + mib / 2 - 1}` });
        await expect.poll(() => first.stats().cache.disk?.objects).toBe(slice + 2);
      }
      asked = origin.requests.length;
      const again = await get(first.httpPort, '/film.mp4');
      expect(again.body.equals(patternBytes(0, file.lengthBytes))).toBe(true);
    }
    await using second = await startTestEdge(origin.url, {}, small, place);
    const later = await get(second.httpPort, '/film.mp4');
    expect(later.body.equals(patternBytes(0, file.lengthBytes))).toBe(true);
    expect(later.headers['x-cache']).toBe('Hit from streamfront');
    const range = await get(second.httpPort, '/film.mp4', { range: 'bytes=9000000-9999999' });
    expect(range.body.equals(patternBytes(9_000_000, 1_000_000))).toBe(true);
    expect(origin.requests).toHaveLength(asked);
  });
});
