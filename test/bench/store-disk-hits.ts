import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { inTurn, medianSample } from './in-turn.ts';
import { bottleneckNote, loadServer } from './load-generator.ts';
import { startNginxCache } from './nginx-cache.ts';
import type { BenchRow } from './report.ts';
import type { ServerProcess } from './server-process.ts';
import { startSizedOrigin } from './sized-origin.ts';
import { startStreamFrontEdge } from './streamfront-edge.ts';

const bodyBytes = 1_000_000;
const numbers = 200;
const path = `/${bodyBytes}/{n}`;
const connections = 16;

/** Hits of 1 MB from the disk tier, its files in the page cache of the system: memory holds a few of the objects only. */
export async function diskHitRows(folder: string, generator: string, quick: boolean): Promise<BenchRow[]> {
  const folders = { ours: join(folder, 'streamfront'), nginx: join(folder, 'nginx') };
  for (const path of Object.values(folders)) mkdirSync(path, { recursive: true });
  await using origin = await startSizedOrigin();
  const cache = { memory: '16MiB', disk: { size: '2GiB' } };
  await using ours = await startStreamFrontEdge(folders.ours, origin.port, { cache });
  await using nginx = await startNginxCache(folders.nginx, origin.port, 'default');
  const servers = new Map([
    ['ours', ours],
    ['nginx', nginx],
  ]);
  const load = { path, numbers, connections };
  for (const server of servers.values()) await fill(generator, server);
  const measure = (server: ServerProcess) =>
    loadServer(generator, server, { ...load, seconds: quick ? 0.5 : 3, expect: 'X-Cache: Hit' });
  const turns = await inTurn(
    quick ? 1 : 5,
    new Map([...servers].map(([name, server]) => [name, () => measure(server)])),
  );
  const notes: string[] = [];
  const [value, peer] = ['ours', 'nginx'].map((name) => {
    const turn = turns.get(name);
    if (turn?.kind !== 'measured') {
      notes.push(`not measured: ${name}: ${turn?.reason ?? 'it was left out'}`);
      return null;
    }
    const sample = medianSample(turn.samples);
    notes.push(...bottleneckNote(name, sample));
    return sample;
  });
  const row = { notes: [], target: null };
  return [
    {
      name: 'hit of 1 MB from disk, hot page cache, vs nginx',
      value: value?.requestsPerSecond ?? null,
      peer: peer?.requestsPerSecond ?? null,
      unit: 'requests/s',
      better: 'higher',
      target: { of: 'ratio', bound: 0.5 },
      notes,
    },
    {
      ...row,
      name: 'hit of 1 MB from disk, CPU, vs nginx',
      value: value?.serverCpuMicrosPerRequest ?? null,
      peer: peer?.serverCpuMicrosPerRequest ?? null,
      unit: 'µs/request',
      better: 'lower',
    },
  ];
}

/** Asks for all, slowly enough for them to be written, until a round is hits alone. */
async function fill(generator: string, server: ServerProcess): Promise<void> {
  const deadlineMs = performance.now() + 60_000;
  for (;;) {
    await loadServer(generator, server, { path, numbers, connections: 2, seconds: 30, rate: 200, requests: numbers });
    await sleep(500);
    try {
      const again = { path, numbers, connections: 2, seconds: 30, requests: numbers * 2, expect: 'X-Cache: Hit' };
      await loadServer(generator, server, again);
      return;
    } catch (error) {
      if (performance.now() > deadlineMs) throw error;
    }
  }
}
