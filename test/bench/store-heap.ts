import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { BenchRow } from './report.ts';

const execute = promisify(execFile);

/** What a million objects take in the heap beside their bodies and fields, in a process of their own. */
export async function heapRows(quick: boolean): Promise<BenchRow[]> {
  const objects = quick ? 50_000 : 1_000_000;
  const child = join(import.meta.dirname, 'store-heap-child.ts');
  const args = ['--expose-gc', '--max-old-space-size=4096', child, String(objects)];
  const { stdout } = await execute(process.execPath, args, { timeout: 300_000 });
  const { heapBytes, residentBytes, getFewNanoseconds, getAllNanoseconds } = JSON.parse(stdout) as Record<
    'heapBytes' | 'residentBytes' | 'getFewNanoseconds' | 'getAllNanoseconds',
    number
  >;
  const count = objects.toLocaleString('en-US');
  const row = { peer: null, better: 'lower' as const, notes: [] };
  return [
    {
      ...row,
      name: `heap of an object beyond body and fields, at ${count}`,
      value: heapBytes,
      unit: 'bytes',
      target: { of: 'value', bound: 600 },
    },
    {
      ...row,
      name: `the same, as memory of the process, at ${count}`,
      value: residentBytes,
      unit: 'bytes',
      target: null,
      notes: ['with what the allocator and the runtime keep outside the heap for each body'],
    },
    {
      ...row,
      name: `get among ${count} objects, vs among 1,000`,
      value: getAllNanoseconds,
      peer: getFewNanoseconds,
      unit: 'ns',
      target: null,
      notes: ['the store alone: the processor has the 1,000 in its caches and not the others'],
    },
  ];
}
