import { programs } from '../../scripts/system-programs.mjs';
import type { Bench } from './bench.ts';
import { blockedRows } from './live-blocked.ts';
import { cpuRows, linearityRows, memoryRows } from './live-cost.ts';
import { glassRows } from './live-glass.ts';
import { partLatencyRows } from './live-latency.ts';
import { soakRows } from './live-soak.ts';
import { onLoadCore, whyNotPinned } from './processor.ts';
import type { BenchRow } from './report.ts';
import { type Clip, makeClip } from './rtmp-clip.ts';

const megabitsPerSecond = 4;

/** Beside 30: of these two seconds are no whole number of parts. */
const furtherFramesPerSecond = [25, 60];

/** So that the load generator can send a hundred of them. */
const lowMegabitsPerSecond = 1;

interface LivePlan {
  /** Of as many megabits a second as one stream is measured with. */
  readonly clip: Clip;
  readonly lowClip: Clip;
  readonly workFolder: string;
  readonly quick: boolean;
}

const groups: Readonly<Record<string, (plan: LivePlan) => Promise<readonly BenchRow[]>>> = {
  cpu: (plan) => onLoadCore(() => cpuRows(plan)),
  memory: (plan) => onLoadCore(() => memoryRows(plan)),
  many: (plan) => onLoadCore(() => linearityRows({ ...plan, clip: plan.lowClip })),
  parts: async (plan) => {
    const further = furtherFramesPerSecond.map((rate) => makeClip(megabitsPerSecond, rate));
    return partLatencyRows({ ...plan, clips: [plan.clip, ...(await Promise.all(further))] });
  },
  blocked: (plan) => onLoadCore(() => blockedRows(plan)),
  glass: ({ quick }) => glassRows(quick),
  soak: ({ quick }) => soakRows(quick),
};

/** Live over HLS: what a stream costs, and how soon its parts and pictures are there. */
export const liveBench: Bench = {
  name: 'live',
  description: 'live packaging to low-latency HLS, against ffmpeg -c copy -f hls',
  programs: [programs.gcc, programs.ffmpeg, programs.chromium],

  groups: Object.keys(groups),

  async run(workFolder, quick, wants) {
    const clip = await makeClip(megabitsPerSecond);
    const lowClip = await makeClip(lowMegabitsPerSecond);
    const rows: BenchRow[] = [];
    for (const [group, measure] of Object.entries(groups)) {
      if (wants(group)) rows.push(...(await measure({ clip, lowClip, workFolder, quick })));
    }
    const pinning = whyNotPinned() ?? 'servers on one core, load on another';
    const method = [
      `streams of ${megabitsPerSecond} Mbit/s (of many: ${lowMegabitsPerSecond} Mbit/s), ${pinning}`,
      'watched: by one who holds requests for the coming part and playlist of both renditions',
    ].join('; ');
    return { bench: 'live', peerName: 'peer', method, rows };
  },
};
