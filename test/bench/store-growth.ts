import { join } from 'node:path';
import { medianSample } from './in-turn.ts';
import { bottleneckNote, type LoadSample, loadServer } from './load-generator.ts';
import type { BenchRow } from './report.ts';
import type { ServerProcess } from './server-process.ts';
import { startSizedOrigin } from './sized-origin.ts';
import { startStreamFrontEdge } from './streamfront-edge.ts';

const connections = 64;
const bodyBytes = 1_000;
const fewObjects = 1_000;
const filledAtOnce = 50_000;

/** What a hit of 1 kB costs the whole edge when it holds few objects, and when it holds many. All are asked for in turn. */
export async function growthRows(folder: string, generator: string, quick: boolean): Promise<BenchRow[]> {
  const manyObjects = quick ? 10_000 : 1_000_000;
  await using origin = await startSizedOrigin();
  const cache = { memory: '8GiB', disk: { size: '0B' } };
  const fill = ['--expose-gc', '--import', join(import.meta.dirname, 'store-growth-child.ts')];
  await using edge = await startStreamFrontEdge(folder, origin.port, { cache }, undefined, fill);
  const few = await measured(generator, edge, fewObjects, quick);
  const many = await measured(generator, edge, manyObjects, quick);
  return [
    {
      name: `cost of a hit of 1 kB among ${manyObjects.toLocaleString('en-US')} objects, vs among 1,000`,
      value: many.serverCpuMicrosPerRequest,
      peer: few.serverCpuMicrosPerRequest,
      unit: 'µs/request',
      better: 'lower',
      target: { of: 'ratio', bound: 1.5 },
      notes: [...bottleneckNote('few objects', few), ...bottleneckNote('many objects', many)],
    },
  ];
}

async function measured(generator: string, edge: ServerProcess, numbers: number, quick: boolean): Promise<LoadSample> {
  const path = `/${bodyBytes}/{n}`;
  // In between the edge has time for what it does beside its answers, and the last is answered when all are there.
  for (let from = 0; from < numbers; from += filledAtOnce) {
    await ask(edge, `fill-${from}-${Math.min(from + filledAtOnce, numbers)}`);
  }
  for (const name of ['filled', '0']) await ask(edge, name);
  const samples: LoadSample[] = [];
  for (let round = 0; round < (quick ? 1 : 3); round++) {
    const seconds = quick ? 0.5 : 3;
    samples.push(await loadServer(generator, edge, { path, connections, numbers, seconds, expect: 'X-Cache: Hit' }));
  }
  return medianSample(samples);
}

async function ask({ port }: ServerProcess, name: string): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${port}/${bodyBytes}/${name}`);
  await answer.arrayBuffer();
}
