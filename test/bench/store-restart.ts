import { existsSync, linkSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { CachedResponse, type ResponseHead } from '../../src/edge/edge-response.ts';
import { storedResponseCodec } from '../../src/edge/stored-response-codec.ts';
import { BodyFiles } from '../../src/stores/disk/body-files.ts';
import { DiskIndex, rowCrc } from '../../src/stores/disk/disk-index.ts';
import { eventually } from '../support/condition.ts';
import type { BenchRow } from './report.ts';
import { startSizedOrigin } from './sized-origin.ts';
import { startStreamFrontEdge } from './streamfront-edge.ts';

const body = Buffer.alloc(1_000, 'streamfront ');
const dayMs = 86_400_000;
/** Some file systems allow 65,000. */
const linksOfAFile = 10_000;

/** From the start of the process to the first answer out of the disk cache, when a million objects are in it. */
export async function restartRows(folder: string, quick: boolean): Promise<BenchRow[]> {
  const objects = quick ? 5_000 : 1_000_000;
  await using origin = await startSizedOrigin();
  const cache = { disk: { size: '100GiB', keepFree: '0B' } };
  mkdirSync(folder, { recursive: true });
  // It makes its folders, and the number that new answers bear, which those of the bench must bear too.
  {
    await using first = await startStreamFrontEdge(folder, origin.port, { cache });
    await untilHit(first.port, '/1000/first');
    await eventually('it is on the disk', () => bodiesIn(join(folder, 'data', 'cache', 'bodies')) > 0);
  }
  fillDisk(join(folder, 'data', 'cache'), objects);
  const beganAtMs = performance.now();
  await using edge = await startStreamFrontEdge(folder, origin.port, { cache });
  await untilHit(edge.port, `/1000/${objects >> 1}`, 1);
  const seconds = (performance.now() - beganAtMs) / 1_000;
  return [
    {
      name: `start with ${objects.toLocaleString('en-US')} objects on disk, to the first hit`,
      value: seconds,
      unit: 's',
      peer: null,
      better: 'lower',
      target: { of: 'value', bound: 3 },
      notes: ['after a process that was killed: files without a row are looked for meanwhile'],
    },
  ];
}

function bodiesIn(folder: string): number {
  if (!existsSync(folder)) return 0;
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).length;
}

/** Asks until the answer is a hit; throws when it is none after `most` requests. */
async function untilHit(port: number, path: string, most = 50): Promise<void> {
  for (let requests = 1; ; requests++) {
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    await response.arrayBuffer();
    const verdict = response.headers.get('x-cache');
    if (response.status === 200 && verdict?.startsWith('Hit') === true) return;
    if (requests >= most) throw new Error(`${path} is no hit: ${response.status}, ${verdict}`);
    await sleep(50);
  }
}

/** Writes as the disk store does, without waiting for each: what it holds is what an edge would have put there. */
function fillDisk(folder: string, objects: number): void {
  const codec = storedResponseCodec(0);
  const index = new DiskIndex(folder, codec.version);
  const files = new BodyFiles(join(folder, 'bodies'));
  const [sample] = index.find('bench /1000/first');
  if (sample === undefined) throw new Error('the edge has written nothing to its disk');
  const head = JSON.parse(sample.head) as ResponseHead;
  const encoded = codec.encode(new CachedResponse({ ...head, facts: { ...head.facts, lifetimeMs: dayMs } }, body));
  const made = new Set<string>();
  // The same body for all: a million files of their own would be written, and removed in the end, for minutes.
  let written = '';
  for (let begin = 0; begin < objects; begin += 1_000) {
    index.transaction(() => {
      for (let n = begin; n < Math.min(begin + 1_000, objects); n++) {
        const id = index.takeId();
        const path = files.pathOf(id);
        if (!made.has(dirname(path))) mkdirSync(dirname(path), { recursive: true });
        made.add(dirname(path));
        if (n % linksOfAFile === 0) {
          writeFileSync(path, body);
          written = path;
        } else {
          linkSync(written, path);
        }
        const row = { ...sample, id, cacheKey: `bench /1000/${n}`, head: encoded.head, bodyCrc: crc32(body) };
        const { cacheKey, variantKey, receivedMs, bodyBytes, sequence, tags, costBytes, headCrc } = row;
        const kept = { cacheKey, variantKey, receivedMs, bodyBytes, sequence, tags, costBytes, headCrc };
        index.insert({ ...kept, id, head: row.head, bodyCrc: row.bodyCrc, queue: 'main', headCrc: rowCrc(row) });
      }
    });
  }
  index.close(false);
}
