import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { BenchRow } from './report.ts';
import { atMost, type RowHead, rowsOf } from './rtmp-rows.ts';

const execute = promisify(execFile);

/** What the child says. */
interface SoakReport {
  readonly states: number;
  readonly findings: readonly string[];
  readonly memory: readonly { readonly hours: number; readonly usedBytes: number; readonly residentBytes: number }[];
  /** Of each rendition at the end: away from the sequence number and the date that it should have reached. */
  readonly ends: readonly { readonly msnOff: number; readonly dateOffMs: number }[];
}

const kibibyte = 1_024;

/** By then code has been translated and the window has filled. */
const settledHours = 1;

/** A stream of many hours on a virtual clock, in a process of its own. */
export function soakRows(quick: boolean): Promise<readonly BenchRow[]> {
  const hours = quick ? 1.5 : 8;
  const what = `${hours} h of stream`;
  const heads: readonly RowHead[] = [
    { name: `${what}: memory in use grows by`, unit: 'KiB/h', better: 'lower', target: atMost(64) },
    { name: `${what}: memory of the process grows by`, unit: 'KiB/h', better: 'lower', target: null },
    { name: `${what}: findings of the validator`, unit: 'findings', better: 'lower', target: atMost(0) },
    { name: `${what}: last sequence number off by`, unit: 'segments', better: 'lower', target: atMost(0) },
    { name: `${what}: last PROGRAM-DATE-TIME off by`, unit: 'ms', better: 'lower', target: atMost(30) },
  ];
  return rowsOf(heads, async () => {
    const child = join(import.meta.dirname, 'live-soak-child.ts');
    const args = ['--expose-gc', child, String(hours)];
    const { stdout } = await execute(process.execPath, args, { timeout: 900_000, maxBuffer: 64 * 1_048_576 });
    const { states, findings, memory, ends } = JSON.parse(stdout) as SoakReport;
    const settled = memory.filter((sample) => sample.hours >= settledHours);
    const slope = (pick: (sample: SoakReport['memory'][number]) => number) =>
      slopeOf(settled.map((sample) => [sample.hours, pick(sample)])) / kibibyte;
    const most = (pick: (end: SoakReport['ends'][number]) => number) =>
      Math.max(...ends.map((end) => Math.abs(pick(end))));
    return [
      {
        value: slope(({ usedBytes }) => usedBytes),
        notes: ['after a collection, least squares from the second hour on'],
      },
      { value: slope(({ residentBytes }) => residentBytes) },
      { value: findings.length, notes: [`every one of ${states} states was looked at`, ...findings.slice(0, 3)] },
      { value: most(({ msnOff }) => msnOff) },
      { value: most(({ dateOffMs }) => dateOffMs) },
    ];
  });
}

/** Of the line that is nearest to the points, by least squares. */
export function slopeOf(points: readonly (readonly [x: number, y: number])[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const meanX = mean(points.map(([x]) => x));
  const meanY = mean(points.map(([, y]) => y));
  const covariance = mean(points.map(([x, y]) => (x - meanX) * (y - meanY)));
  return covariance / mean(points.map(([x]) => (x - meanX) ** 2));
}
