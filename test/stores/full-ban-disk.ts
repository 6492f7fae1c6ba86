import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BanStore, type InvalidationRecord } from '../../src/stores/ban-store.ts';

/** `node full-ban-disk.ts FOLDER`, a file system of about 1 MiB that is this program's alone. */
const [folder = ''] = process.argv.slice(2);
const store = new BanStore(join(folder, 'control.sqlite'), '/cache', 100);
const record = (sequence: number): InvalidationRecord => ({
  id: `I${sequence}`,
  distribution: 'site',
  items: [`/${'a'.repeat(3_900)}`],
  bans: [],
  sequence,
  createdWallMs: sequence,
});

store.add(record(101));
const other = join(folder, 'other');
try {
  writeFileSync(other, Buffer.alloc(2_000_000));
} catch (error) {
  assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
}
let kept = 101;
assert.throws(() => {
  for (; kept < 200; kept++) store.add(record(kept + 1));
}, /disk is full/);
assert.equal(store.records().length, kept - 100);

rmSync(other);
store.add(record(201));
assert.equal(store.records().at(-1)?.sequence, 201);
store.close();
process.stdout.write('all is as it should be\n');
