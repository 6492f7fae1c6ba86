import { join } from 'node:path';
import { programs } from '../../scripts/system-programs.mjs';
import type { Bench } from './bench.ts';
import { whyNotPinned } from './processor.ts';
import type { BenchRow } from './report.ts';
import { halfOpenRows, memoryRows, stalledRows } from './rtmp-bounds.ts';
import { makeClip } from './rtmp-clip.ts';
import { fanOutRows, mergeWindows } from './rtmp-fan-out.ts';
import { firstFrameRows, relayRows } from './rtmp-latency.ts';
import { buildRtmpLoadGenerator } from './rtmp-load.ts';
import { type RtmpServerProcess, startNginxRtmp, startNodeMediaServer, startOurOrigin } from './rtmp-servers.ts';

const fullScale = {
  players: [100, 300, 600],
  rounds: 3,
  warmUpSeconds: 15,
  relayed: 100,
  halfOpen: 1_000,
  stalled: { readers: 49, seconds: 8.5 },
};

const quickScale = {
  players: [20, 60],
  rounds: 1,
  warmUpSeconds: 1,
  relayed: 20,
  halfOpen: 100,
  stalled: { readers: 9, seconds: 8.5 },
};

const megabitsPerSecond = 2;

/** So that a queue without a bound shows within seconds. */
const stalledMegabitsPerSecond = 32;

/** Live over RTMP and HTTP-FLV: what a player costs, how late it sees, and what those cost who misbehave. */
export const rtmpBench: Bench = {
  name: 'rtmp',
  description: 'live fan-out over RTMP and HTTP-FLV, against nginx-rtmp and node-media-server',
  programs: [programs.gcc, programs.ffmpeg, programs.nginx, programs.nginxRtmp],

  async run(workFolder, quick) {
    const scale = quick ? quickScale : fullScale;
    const generator = await buildRtmpLoadGenerator();
    const clip = await makeClip(megabitsPerSecond);
    const heavyClip = await makeClip(stalledMegabitsPerSecond);
    const plan = { generator, clip, workFolder };
    const rows: BenchRow[] = [];
    {
      await using running = new AsyncDisposableStack();
      const nginx = running.use(await startNginxRtmp(join(workFolder, 'nginx')));
      const nginxDefault = running.use(await startNginxRtmp(join(workFolder, 'nginx-default'), null));
      const nodeMediaServer = running.use(await startNodeMediaServer(join(workFolder, 'node-media-server')));
      const ours = new Map<string, RtmpServerProcess | { readonly reason: string }>();
      for (const { name, fanOut } of mergeWindows) {
        const folder = join(workFolder, `ours-${ours.size}`);
        ours.set(name, await startOurOrigin(folder, fanOut).then((server) => running.use(server), reasonOf));
      }
      const servers = { ours, nginx, nginxDefault, nodeMediaServer };
      rows.push(...(await fanOutRows({ generator, clip, ...scale, ...servers })));
      rows.push(...(await firstFrameRows(plan, async () => orThrow(ours.get('default')), { nginx, nodeMediaServer })));
    }
    rows.push(...(await relayRows(plan, scale.relayed)));
    // Processor time is no matter here: side by side.
    const [few, many] = [Math.min(...scale.players), Math.max(...scale.players)];
    const bounds = await Promise.all([
      memoryRows(generator, clip, workFolder, [few, many]),
      halfOpenRows(generator, workFolder, scale.halfOpen),
      stalledRows(generator, heavyClip, workFolder, scale.stalled),
    ]);
    rows.push(...bounds.flat());

    const pinning = whyNotPinned() ?? 'servers on one core, load on another';
    const method = [
      `one stream of ${megabitsPerSecond} Mbit/s, medians of ${scale.rounds} rounds in turn, ${pinning}`,
      'CPU per player: processor time of the server for each second of stream delivered to one player',
      'nginx-rtmp makes chunks of 65,536 bytes, as ours does about, unless it runs as it comes (4,096)',
      'added latency: from the publisher sending a frame to a player having it whole',
    ].join('; ');
    return { bench: 'rtmp', peerName: 'peer', method, rows };
  },
};

function reasonOf(error: unknown): { readonly reason: string } {
  return { reason: error instanceof Error ? error.message : String(error) };
}

function orThrow(server: RtmpServerProcess | { readonly reason: string } | undefined): RtmpServerProcess {
  if (server === undefined || 'reason' in server) throw new Error(server?.reason ?? 'it was not started');
  return server;
}
