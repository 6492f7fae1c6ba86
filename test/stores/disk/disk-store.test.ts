import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../../src/base/errors.ts';
import { holdsTheStoreContract, stored } from '../cache-store-contract.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';
import { openDisk, openDiskAlone, openDiskAt, temporaryFolder, type TestDisk, type TestResponse } from './test-disk.ts';

holdsTheStoreContract('DiskStore', openDiskAlone);

async function read({ disk }: TestDisk, cacheKey: string): Promise<readonly TestResponse[]> {
  return (await disk.recall(cacheKey, [])) ?? [];
}

async function labels(tested: TestDisk, cacheKey: string): Promise<string[]> {
  return (await read(tested, cacheKey)).map(({ label }) => label);
}

async function putAndSettle({ disk }: TestDisk, cacheKeys: readonly string[], bytes = 2_000): Promise<void> {
  for (const cacheKey of cacheKeys) disk.put(cacheKey, stored(cacheKey, bytes), false);
  await disk.settled();
}

function bodyFiles(folder: string): string[] {
  const bodies = join(folder, 'bodies');
  if (!existsSync(bodies)) return [];
  return readdirSync(bodies, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

describe('DiskStore', () => {
  it('holds after a restart what it held before, older by the time that has passed', async () => {
    using temporary = temporaryFolder();
    const body = Buffer.from('some bytes');
    {
      await using first = openDisk(temporary.folder);
      first.clock.advance(10_000);
      first.disk.put('k', { ...stored('kept', 10), body, receivedMs: 9_000 }, false);
      await first.disk.settled();
    }
    const later = new VirtualClock();
    later.advance(60_000);
    await using second = openDiskAt(later, temporary.folder);
    const [found] = await read(second, 'k');
    expect([found?.label, found?.body?.toString(), found?.receivedMs]).toEqual(['kept', 'some bytes', 9_000]);
    expect(second.disk.stats()).toMatchObject({ state: 'working', objects: 1, failures: 0 });
  });

  it('gives a body whose buffer holds nothing else', async () => {
    using temporary = temporaryFolder();
    await using tested = openDisk(temporary.folder);
    await putAndSettle(tested, ['k'], 777);
    const [found] = await read(tested, 'k');
    expect([found?.body?.length, found?.body?.buffer.byteLength]).toEqual([777, 777]);
  });

  it.each<[string, (file: string) => void]>([
    [
      'a flipped bit',
      (file) =>
        writeFileSync(
          file,
          readFileSync(file).map((byte, i) => (i === 1_000 ? byte ^ 1 : byte)),
        ),
    ],
    ['a body cut short', (file) => truncateSync(file, 1_999)],
    ['an empty file', (file) => truncateSync(file, 0)],
    ['no file', (file) => rmSync(file)],
  ])('never gives a body that is not what was put: %s', async (_name, damage) => {
    using temporary = temporaryFolder();
    await using tested = openDisk(temporary.folder);
    await putAndSettle(tested, ['damaged', 'whole']);
    const [file = ''] = bodyFiles(temporary.folder).sort();
    damage(file);
    const found = [...(await labels(tested, 'damaged')), ...(await labels(tested, 'whole'))];
    expect(found).toHaveLength(1);
    expect(tested.disk.stats()).toMatchObject({ objects: 1, damaged: 1, state: 'working' });
    expect(tested.log.lines).toHaveLength(1);
  });

  it('never gives a head that is not what was put', async () => {
    using temporary = temporaryFolder();
    await using first = openDisk(temporary.folder);
    await putAndSettle(first, ['k']);
    await first.disk.close();
    const database = new DatabaseSync(join(temporary.folder, 'index.sqlite'));
    database.exec(`UPDATE objects SET head = replace(head, '"k"', '"x"')`);
    database.close();
    await using second = openDisk(temporary.folder);
    expect(await labels(second, 'k')).toEqual([]);
    expect(second.disk.stats()).toMatchObject({ objects: 0, damaged: 1 });
  });

  it('begins anew, and says so, when its index is no index', async () => {
    using temporary = temporaryFolder();
    await using first = openDisk(temporary.folder);
    await putAndSettle(first, ['k']);
    await first.disk.close();
    writeFileSync(join(temporary.folder, 'index.sqlite'), Buffer.alloc(50_000, 'no database'));
    await using second = openDisk(temporary.folder);
    expect(await labels(second, 'k')).toEqual([]);
    await putAndSettle(second, ['new']);
    expect(await labels(second, 'new')).toEqual(['new']);
    expect(bodyFiles(temporary.folder)).toHaveLength(1);
    expect(readdirSync(temporary.folder).filter((name) => name.startsWith('discarded'))).toEqual([]);
    expect(second.log.lines.map(({ level }) => level)).toEqual(['warn']);
  });

  it('turns itself off when its index breaks while it runs, and begins anew later', async () => {
    using temporary = temporaryFolder();
    await using tested = openDisk(temporary.folder);
    await putAndSettle(
      tested,
      Array.from({ length: 300 }, (_, i) => `k${i}`),
    );
    await tested.disk.close();
    await using broken = openDisk(temporary.folder);
    const index = join(temporary.folder, 'index.sqlite');
    const bytes = readFileSync(index);
    // All pages but the first, which is in memory.
    writeFileSync(index, bytes.fill('rubbish ', 4_096));
    for (let i = 0; i < 300; i++) expect(await labels(broken, `k${i}`)).toEqual([]);
    expect(broken.disk.stats()).toMatchObject({ state: 'off', objects: 0 });
    broken.disk.put('k', stored('while off', 100), false);
    broken.clock.advance(60_000);
    await broken.disk.settled();
    await putAndSettle(broken, ['again']);
    expect(await labels(broken, 'again')).toEqual(['again']);
    expect(broken.disk.stats().state).toBe('working');
    expect(broken.log.lines.filter(({ message }) => message.includes('fails'))).toHaveLength(1);
  });

  it('goes without a folder that cannot be made, says so once, and takes it when it can be', async () => {
    using temporary = temporaryFolder();
    const inTheWay = join(temporary.folder, 'file');
    writeFileSync(inTheWay, '');
    await using tested = openDisk(join(inTheWay, 'cache'));
    await putAndSettle(tested, ['k']);
    expect(await labels(tested, 'k')).toEqual([]);
    tested.clock.advance(300_000);
    expect(tested.disk.stats()).toMatchObject({ state: 'off', objects: 0 });
    expect(tested.disk.stats().failures).toBeGreaterThan(1);
    expect(tested.log.lines.map(({ level }) => level)).toEqual(['warn']);
    rmSync(inTheWay);
    tested.clock.advance(600_000);
    await putAndSettle(tested, ['k']);
    expect(await labels(tested, 'k')).toEqual(['k']);
    expect(tested.log.lines.map(({ message }) => message).at(-1)).toContain('works again');
  });

  it('rests from writing when a body cannot be written, and reads on', async () => {
    using temporary = temporaryFolder();
    await using tested = openDisk(temporary.folder);
    await putAndSettle(tested, ['before']);
    const folders = readdirSync(join(temporary.folder, 'bodies'));
    // A file where the next body's folder would be.
    const next = (Number.parseInt(folders[0] ?? '', 16) + 1).toString(16).padStart(3, '0');
    writeFileSync(join(temporary.folder, 'bodies', next), '');
    await putAndSettle(tested, ['during', 'also during']);
    expect(tested.disk.stats()).toMatchObject({ state: 'resting', objects: 1, failures: 1 });
    expect(await labels(tested, 'before')).toEqual(['before']);
    tested.clock.advance(30_000);
    await putAndSettle(tested, ['after']);
    expect(await labels(tested, 'after')).toEqual(['after']);
    expect(tested.log.lines.map(({ level }) => level)).toEqual(['warn', 'info']);
  });

  it('is for one process at a time', async () => {
    using temporary = temporaryFolder();
    await using first = openDisk(temporary.folder);
    expect(() => openDisk(temporary.folder)).toThrow(ConfigError);
    expect(() => openDisk(temporary.folder)).toThrow(/edge\.cache\.disk\.path: another process uses/);
    await first.disk.close();
    await using second = openDisk(temporary.folder);
    expect(second.disk.stats().state).toBe('working');
  });

  it('does not hold more in memory to be written than it may, and counts what it drops', async () => {
    using temporary = temporaryFolder();
    await using tested = openDisk(temporary.folder, { maxQueuedBytes: 10_000 });
    await putAndSettle(
      tested,
      Array.from({ length: 20 }, (_, i) => `k${i}`),
      2_000,
    );
    const { objects, droppedWrites } = tested.disk.stats();
    expect(objects + droppedWrites).toBe(20);
    expect(objects).toBe(5);
  });

  it('keeps what is used through a scan, and lets go what is not', async () => {
    using temporary = temporaryFolder();
    await using tested = openDisk(temporary.folder, { limitBytes: 200_000 });
    await putAndSettle(tested, ['used', 'unused']);
    for (let round = 0; round < 5; round++) {
      // What memory would have let go meanwhile: each is a use.
      expect(await labels(tested, 'used')).toEqual(['used']);
      await putAndSettle(
        tested,
        Array.from({ length: 20 }, (_, i) => `scan ${round} ${i}`),
      );
    }
    expect(await labels(tested, 'unused')).toEqual([]);
    expect(await labels(tested, 'used')).toEqual(['used']);
  });

  it('leaves no file without a row, nor a row without a file', async () => {
    using temporary = temporaryFolder();
    await using tested = openDisk(temporary.folder, { limitBytes: 100_000 });
    for (let i = 0; i < 100; i++) await putAndSettle(tested, [`k${i % 40}`, `once${i}`], (i * 997) % 9_000);
    for (let i = 0; i < 10; i++) tested.disk.remove(`k${i}`);
    await tested.disk.settled();
    expect(bodyFiles(temporary.folder)).toHaveLength(tested.disk.stats().objects);
    expect(tested.disk.stats().bytes).toBeLessThanOrEqual(100_000);
  });

  it('shrinks when the file system has less room than is to be left free', async () => {
    using temporary = temporaryFolder();
    await using tested = openDisk(temporary.folder, { keepFreeBytes: Number.MAX_SAFE_INTEGER });
    await expect.poll(() => tested.disk.stats().limitBytes).toBe(0);
    await putAndSettle(tested, ['k']);
    expect(tested.disk.stats()).toMatchObject({ objects: 0, bytes: 0, state: 'working' });
  });

  it('shrinks to a bound that is lower than it was', { timeout: 60_000 }, async () => {
    using temporary = temporaryFolder();
    const first = openDisk(temporary.folder);
    await putAndSettle(
      first,
      Array.from({ length: 700 }, (_, i) => `k${i}`),
    );
    await first.disk.close();
    await using second = openDisk(temporary.folder, { limitBytes: 100_000 });
    await expect.poll(() => second.disk.stats().bytes, { timeout: 30_000 }).toBeLessThanOrEqual(100_000);
    await second.disk.settled();
    expect(second.disk.stats().objects).toBeGreaterThan(10);
    expect(bodyFiles(temporary.folder)).toHaveLength(second.disk.stats().objects);
  });

  it('discards what another version has written', async () => {
    using temporary = temporaryFolder();
    await using first = openDisk(temporary.folder);
    await putAndSettle(first, ['k']);
    await first.disk.close();
    const database = new DatabaseSync(join(temporary.folder, 'index.sqlite'));
    database.exec('PRAGMA user_version = 999');
    database.close();
    mkdirSync(join(temporary.folder, 'bodies'), { recursive: true });
    await using second = openDisk(temporary.folder);
    await second.disk.settled();
    expect(second.disk.stats()).toMatchObject({ objects: 0, state: 'working' });
    expect(bodyFiles(temporary.folder)).toEqual([]);
  });
});
