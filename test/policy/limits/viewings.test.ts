import { describe, expect, it } from 'vitest';
import { type Holder, type Viewing, Viewings } from '../../../src/policy/limits/viewings.ts';

const windowMs = 30_000;
const unbounded = { perAddress: undefined, perGrant: undefined };

function viewings() {
  let count = 0;
  return new Viewings(windowMs, () => `s${count++}`);
}

const holder = (address: string, grantId?: string): Holder => ({
  address,
  grantId,
  keyPairId: grantId === undefined ? undefined : 'K',
});
const at = (path: string) => ({ distribution: 'site', path });

describe('Viewings', () => {
  it('counts the playlists, segments and parts of a stream as one viewing', () => {
    const all = viewings();
    const viewer = holder('192.0.2.1');
    const first = all.request(viewer, at('/live/a/index.m3u8'), unbounded, 0);
    for (const path of ['/live/a/video.m3u8', '/live/a/720p/index.m3u8', '/live/a/1/video/7.m4s']) {
      expect(all.request(viewer, at(path), unbounded, 10)).toBe(first);
    }
    expect(all.request(viewer, at('/live/a-b.m4s'), unbounded, 10)).toBeUndefined();
    expect(all.request(viewer, { distribution: 'other', path: '/live/a/x.m4s' }, unbounded, 10)).toBeUndefined();
    expect(all.request(holder('192.0.2.2'), at('/live/a/1/video/7.m4s'), unbounded, 10)).toBeUndefined();
    expect(all.list(10)).toEqual([
      { id: 's0', ...viewer, protocol: 'hls', stream: 'site/live/a/', beganMs: 0, seenMs: 10 },
    ]);
  });

  it('bounds how many streams an address watches at once, connections among them', () => {
    const all = viewings();
    const bounds = { perAddress: 2, perGrant: undefined };
    const viewer = holder('192.0.2.1');
    const connection = all.begin(viewer, 'rtmp', 'live/a', bounds, 0) as Viewing;
    expect(all.request(viewer, at('/live/b/index.m3u8'), bounds, 0)).toMatchObject({ stream: 'site/live/b/' });
    expect(all.request(viewer, at('/live/c/index.m3u8'), bounds, 0)).toBe('perAddress');
    expect(all.begin(viewer, 'http-flv', 'live/c', bounds, 0)).toBe('perAddress');
    expect(all.begin(viewer, 'publish', 'live/d', unbounded, 0)).toMatchObject({ protocol: 'publish' });
    all.end(connection);
    expect(all.request(viewer, at('/live/c/index.m3u8'), bounds, 0)).toMatchObject({ stream: 'site/live/c/' });
  });

  it('tells the addresses apart that share a grant', () => {
    const all = viewings();
    const bounds = { perAddress: undefined, perGrant: 2 };
    for (const address of ['192.0.2.1', '192.0.2.2']) {
      expect(all.request(holder(address, 'g'), at('/live/a/index.m3u8'), bounds, 0)).toMatchObject({ grantId: 'g' });
    }
    expect(all.request(holder('192.0.2.3', 'g'), at('/live/a/index.m3u8'), bounds, 0)).toBe('perGrant');
    expect(all.request(holder('192.0.2.1', 'g'), at('/live/a/index.m3u8'), bounds, 0)).toMatchObject({ id: 's0' });
    expect(all.request(holder('192.0.2.3', 'other'), at('/live/a/index.m3u8'), bounds, 0)).toMatchObject({ id: 's2' });
  });

  it('ends when nothing was asked for in a window, and goes on with a segment if there is room', () => {
    const all = viewings();
    const bounds = { perAddress: 1, perGrant: undefined };
    const viewer = holder('192.0.2.1');
    all.request(viewer, at('/a/index.m3u8'), bounds, 0);
    expect(all.request(viewer, at('/b/index.m3u8'), bounds, windowMs - 1)).toBe('perAddress');
    expect(all.request(viewer, at('/b/index.m3u8'), bounds, windowMs)).toMatchObject({ stream: 'site/b/' });
    expect(all.request(viewer, at('/a/7.ts'), bounds, windowMs + 1)).toBe('perAddress');
    expect(all.list(windowMs + 1).map(({ stream }) => stream)).toEqual(['site/b/']);
    expect(all.request(viewer, at('/a/7.ts'), bounds, 2 * windowMs)).toMatchObject({ id: 's0' });
    expect(all.request(viewer, at('/a/7.ts'), bounds, 20 * windowMs)).toMatchObject({ id: 's0' });
  });

  it('holds no more than a bound, however many come, and forgets those who have gone', () => {
    const all = viewings();
    for (let i = 0; i < 100_100; i++) all.request(holder(`a${i}`), at('/a/index.m3u8'), unbounded, 0);
    expect(all.list(0)).toHaveLength(100_000);
    expect(all.request(holder('a0'), at('/a/1.ts'), unbounded, 0)).toBeUndefined();
    all.request(holder('late'), at('/a/index.m3u8'), unbounded, 10 * windowMs);
    expect(all.request(holder('a100099'), at('/a/1.ts'), unbounded, 10 * windowMs)).toBeUndefined();
    for (let i = 0; i < 100; i++) all.request(holder('many'), at(`/${i}/index.m3u8`), unbounded, 10 * windowMs);
    expect(all.list(10 * windowMs).length).toBeLessThan(70);
  });
});
