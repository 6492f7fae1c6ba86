import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BanStore, type InvalidationRecord } from '../../src/stores/ban-store.ts';

let folder = '';
let file = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'streamfront-bans-'));
  file = join(folder, 'control.sqlite');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const record = (sequence: number): InvalidationRecord => ({
  id: `I${sequence}`,
  distribution: 'site',
  items: [`/${sequence}*`, '#Tag'],
  bans: [
    { kind: 'prefix', cacheKeyPrefix: `site /${sequence}` },
    { kind: 'tag', distribution: 'site', tag: 'tag' },
  ],
  sequence,
  createdWallMs: 1_000,
});

describe('BanStore', () => {
  it('gives back what was added, and goes on counting where it was', () => {
    let store = new BanStore(file, '/cache', 5_000);
    expect(store.start).toEqual({ beginSequence: 5_000, forgottenSequence: 5_000, currentSequence: 5_000 });
    store.add(record(5_001));
    store.add(record(7_000));
    store.close();
    // The clock was set back meanwhile.
    store = new BanStore(file, '/cache', 6_000);
    expect(store.start).toEqual({ beginSequence: 5_000, forgottenSequence: 5_000, currentSequence: 7_000 });
    expect(store.records()).toEqual([record(5_001), record(7_000)]);
    store.close();
    store = new BanStore(file, '/cache', 9_000);
    expect(store.start.currentSequence).toBe(9_000);
    store.close();
  });

  it('forgets what has been carried out', () => {
    let store = new BanStore(file, '/cache', 100);
    for (const sequence of [101, 102, 103]) store.add(record(sequence));
    store.forget(102);
    store.close();
    store = new BanStore(file, '/cache', 100);
    expect(store.records().map(({ sequence }) => sequence)).toEqual([103]);
    expect(store.start).toEqual({ beginSequence: 100, forgottenSequence: 102, currentSequence: 103 });
    store.close();
  });

  it('begins ahead of everything that was stored when its file is lost', () => {
    const store = new BanStore(file, '/cache', 9_000);
    expect(store.start.beginSequence).toBe(9_000);
    store.close();
  });

  it('begins anew when what is stored is in another place, of which the last run knew nothing', () => {
    const beginWith = (storedIn: string, nowWallMs: number) => {
      const store = new BanStore(file, storedIn, nowWallMs);
      store.close();
      return store.start.beginSequence;
    };
    expect(beginWith('/cache', 1_000)).toBe(1_000);
    expect(beginWith('/cache', 2_000)).toBe(1_000);
    expect(beginWith('', 3_000)).toBe(3_000);
    expect(beginWith('/cache', 4_000)).toBe(4_000);
    expect(beginWith('/cache', 5_000)).toBe(4_000);
  });

  it('begins anew with a file that a version of the program with other tables has left', () => {
    const database = new DatabaseSync(file);
    database.exec('CREATE TABLE ban_list (only_row INTEGER PRIMARY KEY); CREATE TABLE invalidations (id TEXT)');
    database.close();
    const store = new BanStore(file, '/cache', 5_000);
    store.add(record(5_001));
    expect(store.records()).toEqual([record(5_001)]);
    expect(store.start.beginSequence).toBe(5_000);
    store.close();
  });

  it('keeps nothing of an invalidation that it could not keep whole', () => {
    const store = new BanStore(file, '/cache', 100);
    store.add(record(101));
    expect(() => store.add({ ...record(102), id: 'I101' })).toThrow(/UNIQUE/);
    store.add(record(102));
    expect(store.records()).toHaveLength(2);
    store.close();
  });

  it('says what to do when another process has the file, when it is damaged, and when there is no folder', () => {
    const store = new BanStore(file, '/cache', 100);
    expect(() => new BanStore(file, '/cache', 100)).toThrow(
      /in use by another process: give every edge a data folder of its own/,
    );
    store.close();
    const damaged = join(folder, 'damaged.sqlite');
    writeFileSync(damaged, 'no database '.repeat(1_000));
    expect(() => new BanStore(damaged, '/cache', 100)).toThrow(/damaged: move it away/);
    expect(() => new BanStore(join(folder, 'none', 'x.sqlite'), '/cache', 100)).toThrow(
      /choose another data folder with --data/,
    );
  });
});
