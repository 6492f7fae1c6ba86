import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { provide } from '../../scripts/system-programs.mjs';
import type { Bench } from './bench.ts';
import { edgeBench } from './edge.ts';
import { grantsBench } from './grants.ts';
import { liveBench } from './live.ts';
import { jsonReport, tableReport } from './report.ts';
import { rtmpBench } from './rtmp.ts';
import { storeBench } from './store.ts';
import { storedBench } from './stored.ts';

/** `npm run bench -- NAME [--only GROUP,…] [--json FILE] [--quick]`. Without a name it lists what there is. */

const benches: readonly Bench[] = [edgeBench, grantsBench, liveBench, rtmpBench, storeBench, storedBench];

async function runBench(
  bench: Bench,
  jsonFile: string | undefined,
  quick: boolean,
  only: readonly string[] | undefined,
): Promise<void> {
  const unknown = only?.find((group) => bench.groups?.includes(group) !== true);
  if (unknown !== undefined)
    throw new Error(`${bench.name} has no "${unknown}": ${bench.groups?.join(', ') ?? 'it is one'}`);
  const missing = await provide(bench.programs);
  if (missing.length > 0) throw new Error(missing.join('\n'));
  const workFolder = mkdtempSync(join(tmpdir(), 'streamfront-bench-'));
  process.once('exit', () => {
    rmSync(workFolder, { recursive: true, force: true });
  });
  const report = await bench.run(workFolder, quick, (group) => only?.includes(group) ?? true);
  process.stdout.write(`${tableReport(report)}\n`);
  if (jsonFile !== undefined) writeFileSync(jsonFile, `${JSON.stringify(jsonReport(report), undefined, 2)}\n`);
  // A target that is missed is a result; a figure that could not be had is none.
  if (report.rows.some(({ value }) => value === null)) process.exitCode = 1;
}

function listBenches(): void {
  const lines = benches.map(({ name, description, groups }) => {
    const only = groups === undefined ? '' : ` (--only ${groups.join(',')})`;
    return `  ${name.padEnd(12)}${description}${only}`;
  });
  process.stdout.write(`npm run bench -- NAME [--only GROUP,…] [--json FILE] [--quick]\n${lines.join('\n')}\n`);
}

// So that what was started is ended, and what was written removed, by the handlers of `exit`.
process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));

try {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { json: { type: 'string' }, only: { type: 'string' }, quick: { type: 'boolean', default: false } },
  });
  const [name] = positionals;
  const bench = benches.find((candidate) => candidate.name === name);
  if (bench !== undefined) {
    await runBench(bench, values.json, values.quick, values.only?.split(','));
  } else {
    if (name !== undefined) process.exitCode = 1;
    listBenches();
  }
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
