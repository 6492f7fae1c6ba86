import { DiskStore } from '../../../src/stores/disk/disk-store.ts';
import { systemClock } from '../../../src/cli/system-clock.ts';
import { LogRecorder } from '../../support/log-recorder.ts';
import { promisedBody, testCodec, type TestResponse } from './test-disk.ts';

/**
 * `node killed-writer.ts FOLDER SEED`: puts, replaces, confirms and removes objects, until it is killed. What it puts
 * says in its label what its body must be.
 */
const [folder = '', seedText = '0'] = process.argv.slice(2);
const disk = new DiskStore<TestResponse>({
  folder,
  setting: 'edge.cache.disk.path',
  limitBytes: 3_000_000,
  keepFreeBytes: 0,
  maxQueuedBytes: 1_000_000,
  codec: testCodec,
  clock: systemClock,
  log: new LogRecorder(),
  isUsedAbove: () => false,
  bytesAbove: 0,
});
process.stdout.write('writing\n');

let seed = Number(seedText);
const upTo = (limit: number): number => {
  seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
  return (seed >>> 8) % limit;
};

for (let version = 0; ; version++) {
  const cacheKey = `site /${upTo(60)}`;
  const label = `${cacheKey} ${seedText} ${version}`;
  const costBytes = upTo(3) === 0 ? upTo(400_000) : upTo(5_000);
  const body = promisedBody(label, costBytes);
  const response: TestResponse = { label, costBytes, body, variantKey: '', sequence: 0, tags: [], receivedMs: 0 };
  disk.put(cacheKey, response, false);
  if (upTo(10) === 0) disk.remove(`site /${upTo(60)}`);
  if (upTo(4) === 0) await disk.recall(`site /${upTo(60)}`, []);
  if (upTo(2) === 0) await disk.settled();
}
