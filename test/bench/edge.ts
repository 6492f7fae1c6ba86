import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { programs } from '../../scripts/system-programs.mjs';
import { fillingRows } from './filling.ts';
import { inTurn, medianSample, type Turns } from './in-turn.ts';
import type { Bench } from './bench.ts';
import { bottleneckNote, buildLoadGenerator, type LoadSample, loadServer } from './load-generator.ts';
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
const fullScale = { rounds: 3, warmUpSeconds: 0.5, measuredSeconds: 2 };
const quickScale = { rounds: 1, warmUpSeconds: 0.2, measuredSeconds: 0.5 };
const isHit = 'X-Cache: Hit';

/**
 * A hit in the edge's cache against a hit in nginx's proxy_cache, as nginx comes and tuned by hand, all in front of the
 * same origin. The files of nginx's cache are in the page cache of the system: they have just been written.
 */
export const edgeBench: Bench = {
  name: 'edge',
  description: "a cache hit of 1 kB, 100 kB and 1 MB: our edge against nginx's proxy_cache",
  programs: [programs.gcc, programs.nginx],

  async run(workFolder, quick) {
    const { rounds, warmUpSeconds, measuredSeconds } = quick ? quickScale : fullScale;
    const generator = await buildLoadGenerator();
    const folder = (name: string) => {
      mkdirSync(join(workFolder, name), { recursive: true });
      return join(workFolder, name);
    };
    await using origin = await startSizedOrigin();
    await using ours = await startStreamFrontEdge(folder('streamfront'), origin.port);
    await using nginx = await startNginxCache(folder('nginx'), origin.port, 'default');
    await using tunedNginx = await startNginxCache(folder('tuned-nginx'), origin.port, 'tuned');
    const servers = { ours, nginx, 'tuned nginx': tunedNginx };

    const rows: BenchRow[] = [];
    for (const size of sizes) {
      const path = `/${size.bytes}`;
      await Promise.all(Object.values(servers).map((server) => fillCache(server, path, size.bytes)));
      const measure = async (server: ServerProcess) => {
        await loadServer(generator, server, { path, connections, seconds: warmUpSeconds, expect: isHit });
        return loadServer(generator, server, { path, connections, seconds: measuredSeconds, expect: isHit });
      };
      const turns = await inTurn(
        rounds,
        new Map(Object.entries(servers).map(([name, server]) => [name, () => measure(server)])),
      );
      for (const peer of ['nginx', 'tuned nginx']) {
        rows.push(
          ...hitRows(size.name, { name: 'ours', turns: turns.get('ours') }, { name: peer, turns: turns.get(peer) }),
        );
      }
    }
    rows.push(...(await fillingRows(folder('filling'), rounds)));
    const pinning = whyNotPinned() ?? 'servers on one core, load on another';
    const method = `${connections} keep-alive connections, medians of ${rounds} rounds of ${measuredSeconds} s, ${pinning}`;
    return { bench: 'edge', peerName: 'peer', method, rows };
  },
};

interface Contender {
  readonly name: string;
  readonly turns: Turns<LoadSample> | undefined;
}

function hitRows(sizeName: string, ours: Contender, peer: Contender): BenchRow[] {
  const notes: string[] = [];
  const sampleOf = ({ name, turns }: Contender): LoadSample | undefined => {
    if (turns?.kind !== 'measured') {
      notes.push(`not measured: ${name}: ${turns?.reason ?? 'it was left out'}`);
      return undefined;
    }
    const sample = medianSample(turns.samples);
    notes.push(...bottleneckNote(name, sample));
    return sample;
  };
  const value = sampleOf(ours);
  const other = sampleOf(peer);
  const row = (figure: keyof LoadSample) => ({ value: value?.[figure] ?? null, peer: other?.[figure] ?? null });
  return [
    {
      name: `hit of ${sizeName}, vs ${peer.name}`,
      ...row('requestsPerSecond'),
      unit: 'requests/s',
      better: 'higher',
      target: null,
      notes,
    },
    {
      name: `hit of ${sizeName}, CPU, vs ${peer.name}`,
      ...row('serverCpuMicrosPerRequest'),
      unit: 'µs/request',
      better: 'lower',
      target: null,
      notes: [],
    },
  ];
}

/** Asks until the answer comes from the cache, whole. */
async function fillCache(server: ServerProcess, path: string, bytes: number): Promise<void> {
  const deadlineMs = performance.now() + 5_000;
  for (;;) {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`);
    const body = await response.arrayBuffer();
    if (body.byteLength !== bytes) throw new Error(`${path} on port ${server.port} has ${body.byteLength} bytes`);
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
