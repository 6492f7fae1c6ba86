import { describe, expect, it } from 'vitest';
import { EgressCaps, type Ladder } from '../../../src/policy/limits/egress-caps.ts';

const ladder: Ladder = {
  renditions: ['1080p', '720p', '360p'].map((name) => ({
    uri: `${name}/index.m3u8`,
    path: `/film/${name}/index.m3u8`,
    folder: `/film/${name}/`,
  })),
};

function watched(settings: ConstructorParameters<typeof EgressCaps>[0]) {
  const told: [string | undefined, number][] = [];
  const caps = new EgressCaps(settings, 0, (stream, count) => told.push([stream, count]));
  const flow = (stream: string | undefined, bytesPerSecond: number, fromMs: number, forMs: number) => {
    for (let nowMs = fromMs; nowMs < fromMs + forMs; nowMs += 100) caps.spend(stream, bytesPerSecond / 10, nowMs);
    return fromMs + forMs;
  };
  return { caps, told, flow };
}

describe('EgressCaps', () => {
  it('withhold the top rendition of the stream that goes out too much, its playlist and its segments', () => {
    const { caps, told, flow } = watched({ bytesPerSecond: undefined, streamBytesPerSecond: 1_000_000 });
    for (const stream of ['site/film/', 'site/other/']) caps.noteLadder(stream, '/film/index.m3u8', ladder, 0);
    const nowMs = flow('site/film/', 950_000, 0, 12_000);
    const withheld = (path: string) => caps.withholds('site/film/', path, nowMs);
    expect(
      ['1080p/index.m3u8', '1080p/7.m4s', '720p/index.m3u8', '7.m4s'].map((name) => withheld(`/film/${name}`)),
    ).toEqual([true, true, false, false]);
    expect(caps.withholds('site/other/', '/film/1080p/index.m3u8', nowMs)).toBe(false);
    expect(caps.withheld('site/film/', ladder, nowMs).map(({ uri }) => uri)).toEqual(['1080p/index.m3u8']);
    expect(told).toEqual([['site/film/', 1]]);
    expect([caps.full('site/film/', nowMs), caps.full('site/other/', nowMs)]).toEqual([undefined, undefined]);
    const later = flow('site/film/', 1_200_000, nowMs, 60_000);
    expect([caps.full('site/film/', later), caps.full('site/other/', later)]).toEqual(['stream', undefined]);
    expect(caps.withheld('site/film/', ladder, later)).toHaveLength(2);
    expect(caps.withholds('site/film/', '/film/360p/index.m3u8', later)).toBe(false);
  });

  it('withhold of all streams where the distribution sends too much, and give back when it is quiet', () => {
    const { caps, told, flow } = watched({ bytesPerSecond: 1_000_000, streamBytesPerSecond: undefined });
    caps.noteLadder('site/film/', '/film/index.m3u8', ladder, 0);
    const nowMs = flow(undefined, 1_100_000, 0, 20_000);
    expect(caps.withholds('site/film/', '/film/1080p/1.m4s', nowMs)).toBe(true);
    expect(caps.full(undefined, nowMs)).toBe('distribution');
    expect(caps.withheld('site/film/', ladder, nowMs + 30_000)).toHaveLength(1);
    expect(caps.withheld('site/film/', ladder, nowMs + 60_000)).toHaveLength(0);
    expect(told.map(([, count]) => count)).toEqual([1, 2, 1, 0]);
  });
});
