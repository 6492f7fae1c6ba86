import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { programs } from '../../scripts/system-programs.mjs';
import type { Bench } from './bench.ts';
import { doorRows } from './grants-door.ts';
import { grantHitRows } from './grants-hits.ts';
import { whyNotPinned } from './processor.ts';
import type { BenchRow } from './report.ts';

/** What it costs to look who may watch: signed URLs and cookies, countries, limits. */
export const grantsBench: Bench = {
  name: 'grants',
  description: "who may watch: grants, countries and limits by themselves, and over HTTP beside nginx's secure_link",
  programs: [programs.gcc, programs.nginx],
  groups: ['repeated', 'new', 'geo', 'hits', 'new-hits', 'limits'],

  async run(workFolder, quick, wants) {
    const folder = (name: string) => {
      mkdirSync(join(workFolder, name), { recursive: true });
      return join(workFolder, name);
    };
    const rows: BenchRow[] = [
      ...(await doorRows(folder('door'), quick, wants)),
      ...(await grantHitRows(folder, quick, wants)),
    ];
    const pinning = whyNotPinned() ?? 'servers on one core, load on another';
    const method = `in turn, medians, ${pinning}; by themselves: processor time of the functions that the edge calls, prepared requests, medians of rounds`;
    return { bench: 'grants', peerName: 'peer', method, rows };
  },
};
