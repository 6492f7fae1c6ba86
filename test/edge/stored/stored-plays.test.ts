import { mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { StoredItem } from '../../../src/formats/media/stored-media.ts';
import type { StoredFile } from '../../../src/live/stored-file.ts';
import { eventually } from '../../support/condition.ts';
import { makeFile } from '../../support/ffmpeg.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';
import { CountedLibrary, driven, readAt, sliceBytes, StoredEdge } from './stored-edge.ts';

const seconds = 40;
let clips: string;
let film: Buffer;
let tailFilm: Buffer;
let flash: Buffer;
let song: Buffer;

beforeAll(async () => {
  clips = await mkdtemp(join(tmpdir(), 'streamfront-clips-'));
  const make = (name: string, args: readonly string[]) => makeFile(args, join(clips, name));
  const video = ['-f', 'lavfi', '-i', `testsrc2=size=320x180:rate=25:duration=${seconds}`];
  const sound = ['-f', 'lavfi', '-i', `sine=frequency=440:duration=${seconds}`];
  const codecs = ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '50', '-b:v', '800k', '-c:a', 'aac', '-b:a', '64k'];
  tailFilm = await make('tail.mp4', [...video, ...sound, ...codecs]);
  const copy = ['-i', join(clips, 'tail.mp4'), '-c', 'copy'];
  film = await make('front.mp4', [...copy, '-movflags', '+faststart']);
  flash = await make('film.flv', copy);
  song = await make('song.mp3', ['-i', join(clips, 'tail.mp4'), '-vn', '-c:a', 'libmp3lame']);
});
afterAll(() => rm(clips, { recursive: true }));

let library: CountedLibrary;
let edge: StoredEdge;
beforeEach(async () => {
  library = await CountedLibrary.start();
  edge = new StoredEdge(library.url, { clock: library.clock });
});
afterEach(async () => {
  await edge[Symbol.asyncDispose]();
  await library[Symbol.asyncDispose]();
});

/** The first of what is sent from a time on. */
async function itemsAt(file: StoredFile, timeMs: number, count: number): Promise<StoredItem[]> {
  const cursor = await driven(file, file.media.cursorAt(timeMs));
  const items: StoredItem[] = [];
  while (items.length < count) {
    const item = await driven(file, cursor.next());
    if (item === undefined) break;
    items.push(item.kind === 'unit' ? { ...item, unit: { ...item.unit, data: Buffer.from(item.unit.data) } } : item);
  }
  return items;
}

describe('StoredPlays', () => {
  it.each([
    ['mp4:film', 'film.mp4', () => film],
    ['mp4:film.mp4', 'film.mp4', () => tailFilm],
    ['film', 'film.flv', () => flash],
    ['mp3:song', 'song.mp3', () => song],
  ] as const)('finds %s as %s, opens it and gives its bytes from any place', async (name, path, bytes) => {
    await library.put(path, bytes());
    const admission = await edge.admit(name);
    expect(admission).toMatchObject({ kind: 'stored', path: `cfx/st/${name.replace(/^.*:/, '')}` });
    if (admission.kind === 'refused') return;
    const { file } = admission;
    expect(file.path).toBe(path);
    expect(file.lengthBytes).toBe(bytes().length);
    expect(file.media.durationMs / 1_000).toBeCloseTo(seconds, 0);
    expect(edge.plays.stats()).toMatchObject({ players: 1, media: 1 });
    const at = Math.floor(bytes().length / 2);
    expect((await readAt(file, at, 100_000)).equals(bytes().subarray(at, at + 100_000))).toBe(true);
    const items = await itemsAt(file, 21_000, 10);
    const units = items.flatMap((item) => (item.kind === 'unit' ? [item.unit] : []));
    expect(units[0]?.timestampMs).toBeGreaterThan(18_000);
    expect(units[0]?.timestampMs).toBeLessThanOrEqual(21_000);
    for (const { data } of units) expect(bytes().indexOf(data)).toBeGreaterThan(0);
    admission.release();
    expect(edge.plays.stats().players).toBe(0);
  });

  it('fetches the first slice and what the index is in, and never the whole', async () => {
    await library.put('front.mp4', film);
    await library.put('tail.mp4', tailFilm);
    await edge.file('mp4:front');
    // ftyp and moov together are shorter than two slices.
    expect(library.sentBytes).toBeLessThanOrEqual(2 * sliceBytes);
    expect(library.requests[0]?.headers.range).toBe(`bytes=0-${sliceBytes - 1}`);
    library.sentBytes = 0;
    await edge.file('mp4:tail');
    expect(library.sentBytes).toBeLessThanOrEqual(4 * sliceBytes);
    expect(tailFilm.length).toBeGreaterThan(40 * sliceBytes);
  });

  it('begins a jump with the slice that is needed, and gets more ahead the more is read', async () => {
    await library.put('front.mp4', film);
    const file = await edge.file('mp4:front');
    const before = library.requests.length;
    const first = 20 * sliceBytes + 5;
    const reader = file.openReader({ first, last: file.lengthBytes - 1 }, () => {});
    await eventually('the slice is there', () => reader.read());
    const range = library.requests[before]?.headers.range ?? '';
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(range) ?? [];
    expect(Number(from)).toBe(20 * sliceBytes);
    // The settings would have sixteen times as much; a player has something to begin with.
    expect(Number(to) - Number(from)).toBeLessThan(6 * sliceBytes);
    reader.close();
  });

  it('fetches nothing ahead for one player while another one waits', async () => {
    await library.put('front.mp4', film);
    const file = await edge.file('mp4:front');
    const open = (slice: number) =>
      file.openReader({ first: slice * sliceBytes, last: file.lengthBytes - 1 }, () => {});
    const { promise: until, resolve: release } = Promise.withResolvers<void>();
    library.held = { first: 50 * sliceBytes, until };
    const waiting = open(50);
    expect(waiting.read()).toBeUndefined();
    const playing = open(10);
    /** Of what it began with, so that none of it is missing. */
    const slice = () => eventually('a slice has come', () => playing.read());
    for (let got = 0; got < 2 * sliceBytes; ) got += (await slice()).length;
    // Its own, and that of the one who waits.
    const asked = edge.counters.originRequests;
    await slice();
    expect(edge.counters.originRequests).toBe(asked);
    release();
    await eventually('it has come', () => waiting.read());
    await slice();
    expect(edge.counters.originRequests).toBe(asked + 1);
    waiting.close();
    playing.close();
  });

  it('shares slices and the index between all who play it, wherever they are', async () => {
    await library.put('front.mp4', film);
    const files = await Promise.all(Array.from({ length: 100 }, () => edge.file('mp4:front')));
    expect(edge.openings).toBe(1);
    expect(library.sentBytes).toBeLessThanOrEqual(2 * sliceBytes);
    await Promise.all(files.map((file, i) => itemsAt(file, (i % 10) * 4_000, 30)));
    for (const file of files.slice(0, 3)) await readAt(file, 0, file.lengthBytes);
    expect(library.sentBytes).toBeLessThanOrEqual(film.length * 1.05);
    expect(new Set(files.map(({ media }) => media)).size).toBe(1);
  });

  it('looks for what is left out, in order, and remembers for a second what is not there', async () => {
    await library.put('film.mov', film);
    expect((await edge.file('mp4:film')).path).toBe('film.mov');
    expect(library.requests.map(({ url }) => url).slice(0, 4)).toEqual([
      '/library/film',
      '/library/film.mp4',
      '/library/film.f4v',
      '/library/film.mov',
    ]);
    const refusal = {
      kind: 'refused',
      statusCode: 'NetStream.Play.StreamNotFound',
      code: 'PLAY_FILE_NOT_FOUND',
      sentence: 'there is no file cfx/st/dir/nothing',
    };
    expect(await edge.admit('mp4:dir/nothing?key=secret')).toEqual(refusal);
    const asked = library.requests.length;
    expect(await edge.admit('mp4:dir/nothing')).toEqual(refusal);
    expect(library.requests.length).toBe(asked);
    edge.clock.advance(1_001);
    await edge.admit('mp4:dir/nothing');
    expect(library.requests.length).toBe(asked + 9);
  });

  it('asks after a day whether a version is still the one, and plays it on when nobody answers', async () => {
    await library.put('front.mp4', film);
    const file = await edge.file('mp4:front.mp4');
    await readAt(file, 0, file.lengthBytes);
    const asked = library.requests.length;
    edge.clock.advance(24 * 3_600_000 - 1);
    await edge.file('mp4:front.mp4');
    expect(library.requests.length).toBe(asked);
    edge.clock.advance(2);
    await edge.file('mp4:front.mp4');
    expect(library.requests.length).toBe(asked + 1);
    expect(library.requests[asked]?.headers['if-none-match']).toMatch(/^"/);
    expect(edge.openings).toBe(1);
    await edge.file('mp4:front.mp4');
    expect(library.requests.length).toBe(asked + 1);
    await library.stop();
    edge.clock.advance(30 * 24 * 3_600_000);
    const later = await edge.file('mp4:front.mp4');
    expect((await readAt(later, 0, later.lengthBytes)).equals(film)).toBe(true);
    expect(edge.log.lines.map(({ message }) => message)).toContain('a stored version is played on');
  });

  it('says clearly that the origin is gone when it has nothing of a file', async () => {
    await library.stop();
    expect(await edge.admit('mp4:front')).toMatchObject({
      kind: 'refused',
      statusCode: 'NetStream.Play.Failed',
      code: 'PLAY_FILE_UNAVAILABLE',
    });
  });

  it('ends a version clearly that was replaced in the midst of it, and gives who comes then the new one', async () => {
    await library.put('front.mp4', film);
    const old = await edge.file('mp4:front');
    await library.put('new.mp4', tailFilm, 1);
    await rename(join(library.folder, 'new.mp4'), join(library.folder, 'front.mp4'));
    await expect(readAt(old, 20 * sliceBytes, 100_000)).rejects.toMatchObject({ code: 'ORIGIN_CHANGED' });
    const fresh = await edge.file('mp4:front');
    expect(fresh.lengthBytes).toBe(tailFilm.length);
    expect((await readAt(fresh, 0, fresh.lengthBytes)).equals(tailFilm)).toBe(true);
    expect(edge.openings).toBe(2);
  });

  it('forgets slices and index of what an invalidation names', async () => {
    await library.put('front.mp4', film);
    await edge.file('mp4:front');
    const [asked, sent] = [library.requests.length, library.sentBytes];
    edge.bans.add([{ kind: 'exact', cacheKey: 'default /library/other.mp4' }]);
    await edge.file('mp4:front');
    expect(library.requests.length).toBe(asked);
    edge.bans.add([{ kind: 'exact', cacheKey: 'default /library/front.mp4' }]);
    const file = await edge.file('mp4:front');
    expect(library.sentBytes).toBe(2 * sent);
    expect(edge.openings).toBe(2);
    expect((await readAt(file, 0, 1_000)).equals(film.subarray(0, 1_000))).toBe(true);
  });

  it('has slices and index on disk over a restart', async () => {
    await library.put('front.mp4', film);
    const dataFolder = await mkdtemp(join(tmpdir(), 'streamfront-data-'));
    const clock = new VirtualClock();
    const first = new StoredEdge(library.url, { clock, dataFolder });
    const file = await first.file('mp4:front.mp4');
    await readAt(file, 0, file.lengthBytes);
    expect(first.openings).toBe(1);
    const openedBytes = first.plays.stats().mediaBytes;
    clock.advance(500);
    // The manifest and the index beside the slices.
    const entries = Math.ceil(film.length / sliceBytes) + 2;
    await eventually('all of it is on disk', () => first.storeStats().disk?.objects === entries);
    expect(first.plays.stats().mediaBytes).toBeLessThan(openedBytes);
    expect(await itemsAt(file, 20_000, 10)).toHaveLength(10);
    await first[Symbol.asyncDispose]();
    await library.stop();
    const second = new StoredEdge(library.url, { clock, dataFolder });
    const items = await itemsAt(await second.file('mp4:front.mp4'), 20_000, 10);
    expect(items).toHaveLength(10);
    expect(second.openings).toBe(0);
    await second[Symbol.asyncDispose]();
    await rm(dataFolder, { recursive: true });
  });

  it('says what is wrong with a damaged file, without reading it again until it is another version', async () => {
    await library.put('front.mp4', tailFilm.subarray(0, tailFilm.length / 2));
    const refused = await edge.admit('mp4:front');
    expect(refused).toMatchObject({
      kind: 'refused',
      statusCode: 'NetStream.Play.Failed',
      code: 'PLAY_FILE_UNREADABLE',
    });
    expect(refused.kind === 'refused' && refused.sentence).toMatch(/^front\.mp4: MP4_TRUNCATED: /);
    const asked = library.requests.length;
    expect(await edge.admit('mp4:front')).toEqual(refused);
    expect(library.requests.length).toBe(asked);
    await library.put('text.mp4', 'this is no film at all, whatever its name says');
    const text = await edge.admit('mp4:text');
    expect(text).toMatchObject({ kind: 'refused', code: 'PLAY_FILE_UNREADABLE' });
    edge.clock.advance(25 * 3_600_000);
    await library.put('front.mp4', film, 2);
    expect((await edge.file('mp4:front')).lengthBytes).toBe(film.length);
  });

  it('plays a file that was copied to its end after half of it was refused', async () => {
    await library.put('front.mp4', film.subarray(0, film.length / 2));
    expect(await edge.admit('mp4:front')).toMatchObject({ kind: 'refused', code: 'PLAY_FILE_UNREADABLE' });
    edge.clock.advance(10_000);
    const asked = library.requests.length;
    expect(await edge.admit('mp4:front.mp4')).toMatchObject({ kind: 'refused', code: 'PLAY_FILE_UNREADABLE' });
    expect(library.requests.length).toBe(asked + 1);
    await library.put('front.mp4', film, 2);
    expect(await edge.admit('mp4:front.mp4')).toMatchObject({ kind: 'refused', code: 'PLAY_FILE_UNREADABLE' });
    edge.clock.advance(10_000);
    expect((await edge.file('mp4:front.mp4')).lengthBytes).toBe(film.length);
    expect(edge.openings).toBe(1);
  });

  it('says of an empty file that it is, to all who ask at once', async () => {
    await library.put('nothing.mp4', '');
    const refusals = await Promise.all([edge.admit('mp4:nothing.mp4'), edge.admit('mp4:nothing.mp4')]);
    for (const refusal of refusals) {
      expect(refusal).toMatchObject({ kind: 'refused', code: 'PLAY_FILE_UNREADABLE' });
      expect(refusal.kind === 'refused' && refusal.sentence).toContain(
        'nothing.mp4: STORED_MEDIA_FORMAT: this is an empty file',
      );
    }
  });

  it('plays what an origin gives whole only, as long as it is small', async () => {
    await library.put('song.mp3', song, 0);
    library.clock.advance(Date.UTC(2025, 2, 1, 12, 0, 0) - library.clock.wallMs() + 20);
    // Written just now: nobody may keep it.
    expect(await edge.admit('mp3:song')).toMatchObject({ kind: 'refused', code: 'PLAY_FILE_UNAVAILABLE' });
    library.clock.advance(10_000);
    expect((await edge.file('mp3:song')).media.container).toBe('mp3');
  });

  it('lets a player go that does not want to wait any more', async () => {
    await library.put('front.mp4', film);
    const left = new AbortController();
    const admission = edge.admit('mp4:front', left.signal);
    left.abort(new Error('it has left'));
    await expect(admission).rejects.toThrow('it has left');
    expect((await edge.file('mp4:front')).lengthBytes).toBe(film.length);
  });
});
