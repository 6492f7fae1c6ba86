import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { programs } from '../../scripts/system-programs.mjs';
import type { Bench } from './bench.ts';
import { buildLoadGenerator } from './load-generator.ts';
import { whyNotPinned } from './processor.ts';
import { diskHitRows } from './store-disk-hits.ts';
import { growthRows } from './store-growth.ts';
import { heapRows } from './store-heap.ts';
import { hitRatioRows } from './store-hit-ratio.ts';
import { restartRows } from './store-restart.ts';

/** The stores of the edge: what they let go, what an object takes, and what happens to them when there are a million. */
export const storeBench: Bench = {
  name: 'store',
  description: 'the cache stores: hit ratio, memory, growth to a million objects, disk tier, restart',
  programs: [programs.gcc, programs.nginx],

  async run(workFolder, quick) {
    const generator = await buildLoadGenerator();
    const folder = (name: string) => {
      mkdirSync(join(workFolder, name), { recursive: true });
      return join(workFolder, name);
    };
    const rows = [
      ...hitRatioRows(quick),
      ...(await heapRows(quick)),
      ...(await diskHitRows(folder('disk-hits'), generator, quick)),
      ...(await restartRows(folder('restart'), quick)),
      ...(await growthRows(folder('growth'), generator, quick)),
    ];
    const pinning = whyNotPinned() ?? 'servers on one core, load on another';
    return { bench: 'store', peerName: 'peer', method: `${pinning}; nginx and the edge in turn, medians`, rows };
  },
};
