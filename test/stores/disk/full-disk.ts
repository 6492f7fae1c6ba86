import assert from 'node:assert/strict';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openDisk, promisedBody, type TestResponse } from './test-disk.ts';

/** `node full-disk.ts FOLDER`, a file system of about 1 MiB that is this program's alone. */
const [folder = ''] = process.argv.slice(2);
const cacheFolder = join(folder, 'cache');
const tested = openDisk(cacheFolder, { limitBytes: 100_000_000 });
const { disk, clock, log } = tested;

function put(number: number, lengthBytes: number): Promise<void> {
  const label = `object ${number}`;
  const body = promisedBody(label, lengthBytes);
  disk.put(label, { label, costBytes: lengthBytes, body, variantKey: '', sequence: 0, tags: [] }, false);
  return disk.settled();
}

async function held(): Promise<number[]> {
  const found: number[] = [];
  for (let number = 0; number < 60; number++) {
    const [response]: readonly TestResponse[] = (await disk.recall(`object ${number}`, [])) ?? [];
    if (response === undefined) continue;
    assert(response.body?.equals(promisedBody(`object ${number}`, response.costBytes)), `object ${number} is wrong`);
    found.push(number);
  }
  return found;
}

// What another program writes: the disk cache learns of it when it fails.
await put(0, 40_000);
await put(1, 40_000);
const other = join(folder, 'other');
try {
  writeFileSync(other, Buffer.alloc(2_000_000));
} catch (error) {
  assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
}
for (let number = 2; number < 20; number++) await put(number, 40_000);
assert.equal(disk.stats().state, 'resting');
assert(disk.stats().failures > 0);
assert.equal(log.lines.filter(({ level }) => level === 'warn').length, 1, log.text);
assert.equal(disk.stats().damaged, 0);
const during = await held();
const files = readdirSync(join(cacheFolder, 'bodies'), { recursive: true, withFileTypes: true });
assert(files.filter((entry) => entry.isFile()).length <= Math.max(during.length, disk.stats().objects));

// Removing must work without room, and be final.
for (const number of during) disk.remove(`object ${number}`);
assert.deepEqual(await held(), []);

rmSync(other);
for (let tick = 0; tick < 10 && disk.stats().state !== 'working'; tick++) {
  clock.advance(30_000);
  // Its room is measured again in the background.
  await new Promise((resolve) => setTimeout(resolve, 50));
}
for (let number = 30; number < 34; number++) await put(number, 40_000);
assert.deepEqual(await held(), [30, 31, 32, 33], log.text);
assert.equal(disk.stats().state, 'working');

// Not another program, but its own growth: it stays within what there is.
for (let number = 40; number < 60; number++) {
  await put(number, 90_000);
  clock.advance(30_000);
  await new Promise((resolve) => setTimeout(resolve, 10));
}
assert((await held()).length > 0);
await disk.close();
process.stdout.write('all is as it should be\n');
