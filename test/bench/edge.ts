import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { programs } from '../../scripts/system-programs.mjs';
import { alternate } from './alternate.ts';
import type { Bench } from './bench.ts';
import { bottleneckNote, buildLoadGenerator, loadServer } from './load-generator.ts';
import { startNginxCache } from './nginx-cache.ts';
import { whyNotPinned } from './processor.ts';
import type { BenchRow } from './report.ts';
import type { ServerProcess } from './server-process.ts';
import { startSizedOrigin } from './sized-origin.ts';
import { startStreamFrontEdge } from './streamfront-edge.ts';

const sizes = [
  { name: '1 kB', bytes: 1_000 },
  { name: '100 kB', bytes: 100_000 },
  { name: '1 MB', bytes: 1_000_000 },
];
const connections = 64;
const rounds = 3;
const warmUpSeconds = 0.7;
const measuredSeconds = 2.5;
const isHit = 'X-Cache: Hit';

/** A hit in the edge's cache against a hit in nginx's proxy_cache, both in front of the same origin. */
export const edgeBench: Bench = {
  name: 'edge',
  description: "a cache hit of 1 kB, 100 kB and 1 MB: our edge against nginx's proxy_cache",
  programs: [programs.gcc, programs.nginx],

  async run(workFolder) {
    const generator = await buildLoadGenerator();
    const folder = (name: string) => {
      mkdirSync(join(workFolder, name), { recursive: true });
      return join(workFolder, name);
    };
    await using origin = await startSizedOrigin();
    await using ours = await startStreamFrontEdge(folder('streamfront'), origin.port);
    await using nginx = await startNginxCache(folder('nginx'), origin.port);

    const rows: BenchRow[] = [];
    for (const size of sizes) {
      const path = `/${size.bytes}`;
      await fillCache(ours, path);
      await fillCache(nginx, path);
      const measure = async (server: ServerProcess) => {
        await loadServer(generator, server, { path, connections, seconds: warmUpSeconds, expect: isHit });
        return loadServer(generator, server, { path, connections, seconds: measuredSeconds, expect: isHit });
      };
      const samples = await alternate(
        rounds,
        () => measure(ours),
        () => measure(nginx),
      );
      const notes = [...bottleneckNote('ours', samples.ours), ...bottleneckNote('nginx', samples.peer)];
      const row = { target: null, notes };
      rows.push(
        {
          ...row,
          name: `hit of ${size.name}`,
          value: samples.ours.requestsPerSecond,
          peer: samples.peer.requestsPerSecond,
          unit: 'requests/s',
          better: 'higher',
        },
        {
          ...row,
          name: `hit of ${size.name}, CPU`,
          value: samples.ours.serverCpuMicrosPerRequest,
          peer: samples.peer.serverCpuMicrosPerRequest,
          unit: 'µs/request',
          better: 'lower',
          notes: [],
        },
      );
    }
    const pinning = whyNotPinned() ?? 'servers on one core, load on another';
    const method = `${connections} keep-alive connections, medians of ${rounds} rounds of ${measuredSeconds} s, ${pinning}`;
    return { bench: 'edge', peerName: 'nginx', method, rows };
  },
};

/** Asks until the answer comes from the cache. */
async function fillCache(server: ServerProcess, path: string): Promise<void> {
  const deadlineMs = performance.now() + 5_000;
  for (;;) {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`);
    await response.arrayBuffer();
    const verdict = response.headers.get('x-cache');
    if (verdict?.toLowerCase().startsWith('hit') === true) return;
    if (performance.now() > deadlineMs) {
      throw new Error(
        `${path} does not become a cache hit on port ${server.port}: ${response.status}, X-Cache ${verdict}`,
      );
    }
    await sleep(20);
  }
}
