import { programs } from '../../scripts/system-programs.mjs';
import type { Bench } from './bench.ts';
import { blockedRows } from './live-blocked.ts';
import { cpuRows, linearityRows, memoryRows } from './live-cost.ts';
import { glassRows } from './live-glass.ts';
import { partLatencyRows } from './live-latency.ts';
import { soakRows } from './live-soak.ts';
import { whyNotPinned } from './processor.ts';
import type { BenchRow } from './report.ts';
import { makeClip } from './rtmp-clip.ts';

const megabitsPerSecond = 4;

/** So that the load generator can send a hundred of them. */
const lowMegabitsPerSecond = 1;

/** Live over HLS: what a stream costs, and how soon its parts and pictures are there. */
export const liveBench: Bench = {
  name: 'live',
  description: 'live packaging to low-latency HLS, against ffmpeg -c copy -f hls',
  programs: [programs.gcc, programs.ffmpeg, programs.chromium],

  async run(workFolder, quick) {
    const clip = await makeClip(megabitsPerSecond);
    const lowClip = await makeClip(lowMegabitsPerSecond);
    const plan = { clip, workFolder, quick };
    const rows: BenchRow[] = [
      ...(await cpuRows(plan)),
      ...(await memoryRows(plan)),
      ...(await linearityRows({ ...plan, clip: lowClip })),
      ...(await partLatencyRows(plan)),
      ...(await blockedRows(plan)),
      ...(await glassRows(quick)),
      ...(await soakRows(quick)),
    ];
    const pinning = whyNotPinned() ?? 'servers on one core';
    const method = [
      `streams of ${megabitsPerSecond} Mbit/s (of many: ${lowMegabitsPerSecond} Mbit/s), ${pinning}`,
      'watched: by one who holds requests for the coming part and playlist of both renditions',
    ].join('; ');
    return { bench: 'live', peerName: 'peer', method, rows };
  },
};
