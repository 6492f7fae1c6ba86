import { truncateSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { BodyUses } from '../../../src/stores/disk/body-uses.ts';
import { BodyLender } from '../../../src/stores/disk/body-lender.ts';
import { BodyFiles } from '../../../src/stores/disk/body-files.ts';
import { LentBuffers } from '../../../src/stores/disk/lent-buffers.ts';
import type { DiskStoreOptions } from '../../../src/stores/disk/disk-store.ts';
import { join } from 'node:path';
import { stored } from '../cache-store-contract.ts';
import { openDisk, promisedBody, temporaryFolder, type TestDisk, type TestResponse } from './test-disk.ts';

const bodyBytes = 100_000;

/** A disk that holds these, each read once as a recall reads it. */
async function openWarm(
  folder: string,
  cacheKeys: readonly string[],
  options: Partial<DiskStoreOptions<TestResponse>> = {},
): Promise<TestDisk> {
  const tested = openDisk(folder, options);
  for (const cacheKey of cacheKeys) {
    tested.disk.put(cacheKey, { ...stored(cacheKey, bodyBytes), body: promisedBody(cacheKey, bodyBytes) }, false);
  }
  await tested.disk.settled();
  for (const cacheKey of cacheKeys) await tested.disk.recall(cacheKey, []);
  return tested;
}

const any = (): boolean => true;

describe('DiskStore.lend', () => {
  it('gives at once what was read before, and nothing that was not', async () => {
    using temporary = temporaryFolder();
    await using tested = openDisk(temporary.folder);
    const { disk } = tested;
    disk.put('k', { ...stored('k', bodyBytes), body: promisedBody('k', bodyBytes) }, false);
    await disk.settled();
    expect([disk.lend('k', any), disk.lend('other', any)]).toEqual([undefined, undefined]);
    await disk.recall('k', []);
    const loan = disk.lend('k', any);
    expect(loan?.stored.label).toBe('k');
    expect(loan?.stored.body?.equals(promisedBody('k', bodyBytes))).toBe(true);
    expect(disk.stats().reads).toBe(2);
  });

  it('fills a buffer again only when it came back as free', async () => {
    using temporary = temporaryFolder();
    await using tested = await openWarm(temporary.folder, ['a', 'b', 'c', 'd']);
    const { disk } = tested;
    const [a, b] = [disk.lend('a', any), disk.lend('b', any)];
    a?.giveBack(false);
    b?.giveBack(true);
    const [c, d] = [disk.lend('c', any), disk.lend('d', any)];
    expect(c?.stored.body?.buffer).toBe(b?.stored.body?.buffer);
    expect(new Set([a, c, d].map((loan) => loan?.stored.body?.buffer)).size).toBe(3);
    for (const [name, loan] of Object.entries({ a, c, d })) {
      expect(loan?.stored.body?.equals(promisedBody(name, bodyBytes))).toBe(true);
    }
  });

  it('reads nothing for one who does not accept it', async () => {
    using temporary = temporaryFolder();
    await using tested = await openWarm(temporary.folder, ['k']);
    expect(tested.disk.lend('k', ({ label }) => label !== 'k')).toBeUndefined();
    expect(tested.disk.stats().reads).toBe(1);
  });

  it.each<[string, (tested: TestDisk) => void | Promise<void>]>([
    ['was read more than a minute ago', ({ clock }) => clock.advance(60_001)],
    ['was removed', ({ disk }) => void disk.remove('k')],
    ['was replaced', ({ disk }) => disk.put('k', stored('newer', 3_000), false)],
    [
      'has another variant',
      async ({ disk }) => {
        disk.put('k', stored('zipped', 3_000, 'gzip'), false);
        await disk.settled();
      },
    ],
    ['is being recalled', ({ disk }) => void disk.recall('k', [])],
  ])('does not give what %s', async (_what, change) => {
    using temporary = temporaryFolder();
    await using tested = await openWarm(temporary.folder, ['k']);
    tested.disk.lend('k', any)?.giveBack(true);
    await change(tested);
    expect(tested.disk.lend('k', any)).toBeUndefined();
  });

  it('leaves what comes back soon to be recalled, so that the tier above gets it', async () => {
    using temporary = temporaryFolder();
    const names = ['a', 'b', 'c', 'd'];
    await using tested = await openWarm(temporary.folder, names, { bytesAbove: bodyBytes * 2 });
    const lent = names.filter((name) => tested.disk.lend(name, any) !== undefined);
    // Each that is lent is one more that the others have been followed by.
    expect(lent).toEqual(['a', 'b', 'c', 'd']);
    expect(tested.disk.lend('d', any)).toBeUndefined();
    expect(tested.disk.lend('b', any)).toBeDefined();
  });

  it('gives nothing of a file that has been cut short, which the recall finds out', async () => {
    using temporary = temporaryFolder();
    await using tested = await openWarm(temporary.folder, ['k']);
    truncateSync(new BodyFiles(join(temporary.folder, 'bodies')).pathOf(1), 10);
    expect(tested.disk.lend('k', any)).toBeUndefined();
    expect(await tested.disk.recall('k', [])).toEqual([]);
    expect(tested.disk.stats()).toMatchObject({ damaged: 1, objects: 0 });
  });
});

describe('BodyLender', () => {
  it('rests ten times as long as a slow read took', () => {
    let nowMs = 0;
    let readMs = 50;
    const uses = new BodyUses();
    uses.note(1, bodyBytes, 0);
    const lender = new BodyLender({
      uses,
      bytesAbove: 0,
      readNow: () => void (nowMs += readMs),
      monotonicMs: () => nowMs,
    });
    const isReady = () => {
      const buffer = lender.take({ id: 1, bodyBytes });
      if (buffer !== undefined) lender.giveBack(buffer, true);
      return buffer !== undefined;
    };
    expect(lender.fill(1, Buffer.alloc(bodyBytes))).toBe(true);
    expect(isReady()).toBe(false);
    nowMs += 499;
    expect(isReady()).toBe(false);
    nowMs += 1;
    expect(isReady()).toBe(true);
    readMs = 10;
    lender.fill(1, Buffer.alloc(bodyBytes));
    expect(isReady()).toBe(true);
  });
});

describe('LentBuffers', () => {
  it('lends up to 32, and again as they come back', () => {
    const buffers = new LentBuffers();
    const lent = Array.from({ length: 32 }, () => buffers.take());
    expect(new Set(lent).size).toBe(32);
    expect(lent.includes(undefined)).toBe(false);
    expect(buffers.take()).toBeUndefined();
    buffers.giveBack(lent[0] ?? Buffer.alloc(0), false);
    expect(lent.includes(buffers.take())).toBe(false);
    buffers.giveBack(lent[1] ?? Buffer.alloc(0), true);
    expect(buffers.take()).toBe(lent[1]);
  });

  it.each([
    [65_535, false],
    [65_536, true],
    [1_048_576, true],
    [1_048_577, false],
  ])('is for bodies of %i bytes: %s', (bytes, fits) => {
    expect(LentBuffers.fits(bytes)).toBe(fits);
  });
});
