import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { inProject } from '../../scripts/project-folder.mjs';
import { eventually } from '../support/condition.ts';

const execute = promisify(execFile);
const mebibyte = 1_048_576;
/** For `taskset`. */
const anyCore = `0-${cpus().length - 1}`;

/** Writes down how large a semi-space is when the program ends, in bytes. */
const probe = `
import { writeFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import { getHeapSpaceStatistics } from 'node:v8';
if (isMainThread) process.on('exit', () => {
  const young = getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space');
  writeFileSync(new URL('young', import.meta.url), String(young.space_used_size + young.space_available_size));
});
`;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'streamfront-'));
  writeFileSync(join(folder, 'probe.mjs'), probe);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Of a server that has started, which alone makes it grow as far as it may. */
async function semiSpaceOfServer(nodeArgs: readonly string[], nodeOptions: string): Promise<number> {
  const ports = ['--http-port', '--rtmp-port', '--origin-http-port', '--origin-rtmp-port', '--control-port'];
  const server = spawn(
    process.execPath,
    [
      ...nodeArgs,
      '--import',
      pathToFileURL(join(folder, 'probe.mjs')).href,
      inProject('bin', 'streamfront.mjs'),
      'start',
      '--no-demo',
      '--data',
      join(folder, 'data'),
      ...ports.flatMap((flag) => [flag, '0']),
    ],
    { cwd: folder, env: { ...process.env, NODE_OPTIONS: nodeOptions }, stdio: ['ignore', 'pipe', 'ignore'] },
  );
  try {
    let output = '';
    server.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    const exit = once(server, 'exit');
    await eventually('the server is running', () => output.includes('Ctrl-C ends it.'), 30_000);
    server.kill('SIGTERM');
    expect(await exit).toEqual([0, null]);
    return Number(readFileSync(join(folder, 'young'), 'utf8'));
  } finally {
    server.kill('SIGKILL');
  }
}

/** Stands before each of the programs below. */
const preamble = `
import { keepPausesShort } from '${pathToFileURL(inProject('src', 'cli', 'short-pauses.ts')).href}';
keepPausesShort(process.execArgv);
`;

/** What a program says that may use the cores of `list`. */
function ran(source: string, nodeArgs: readonly string[], list = anyCore) {
  const program = join(folder, 'program.mjs');
  writeFileSync(program, preamble + source);
  const command = ['-c', list, process.execPath, ...nodeArgs, program];
  return execute('taskset', command, { maxBuffer: 64 * mebibyte });
}

/** Leaves more behind than fits into the heap that Node begins with, and pauses in between as servers do. */
const busyProgram = `
import { writeSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
writeSync(2, String(performance.now()));
const kept = [];
for (let n = 0; n < 1_500_000; n++) {
  kept.push({ n });
  if (n % 50_000 === 0) await setImmediate();
}
`;

/** Follows it: has little to do for half a second. */
const restingProgram = `
kept.length = 0;
for (let turn = 0; turn < 50; turn++) {
  for (let n = 0; n < 1_000; n++) kept.push({ n });
  kept.length = 0;
  await new Promise((resolve) => setTimeout(resolve, 10));
}
`;

/** For `--import`: what is done at intervals is done when `look` is called. */
const heldInterval =
  'data:text/javascript,globalThis.setInterval = (look) => ({ unref: () => Object.assign(globalThis, { look }) })';

/** Says how large a semi-space is when much of what is new lives on for a while: at first, and beside a gigabyte of old objects. */
const largeHeapProgram = `
import { getHeapSpaceStatistics } from 'node:v8';
const grown = () => {
  look();
  const sizes = [];
  for (let turn = 0; turn < 40; turn++) {
    const kept = [];
    for (let n = 0; n < 100_000; n++) kept.push({ n });
    const young = getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space');
    sizes.push(young.space_used_size + young.space_available_size);
  }
  // Pages that are about to become old ones are young now and then.
  return Math.min(...sizes.slice(-10));
};
const small = grown();
globalThis.old = Array.from({ length: 10 }, () => new Array(14_000_000).fill(0));
const large = grown();
console.log(JSON.stringify({ small, large }));
`;

/** Says the priority (nice) of each of its threads. */
const threadsProgram = `
import { readdirSync, readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
const { helpers, others } = Object.groupBy(readdirSync('/proc/self/task'), (thread) =>
  readFileSync('/proc/self/task/' + thread + '/comm', 'utf8').includes('V8Worker') ? 'helpers' : 'others',
);
const each = (threads) => [...new Set(threads.map((thread) => getPriority(Number(thread))))];
console.log(JSON.stringify({ helpers: each(helpers), others: each(others) }));
`;

const calledProgram = (calls: number) => `
import { setTimeout } from 'node:timers/promises';
function oftenCalled(n) {
  return (n * 31 + 7) % 1_009;
}
// One that is always the same would become a part of what calls it.
const called = [oftenCalled, ...[1, 2, 3, 4, 5, 6].map((n) => new Function('m', 'return m + ' + n))];
let sum = 0;
for (let turn = 0; turn < 100; turn++) {
  for (let n = 0; n < ${calls / 100}; n++) for (const one of called) sum += one(n);
  // The compiler before the last one works beside this, and only what it has made is counted further.
  await setTimeout(5);
}
`;

/** What helper threads of V8 have marked beside a program that may use the cores of `list`, in KiB. */
async function markedBeside(list: string, nodeArgs: readonly string[]): Promise<number> {
  const { stdout, stderr: beganMs } = await ran(busyProgram, ['--trace-incremental-marking', ...nodeArgs], list);
  const steps = [...stdout.matchAll(/(\d+) ms: \[IncrementalMarking\] Schedule: .*concurrent (\d+)KB/g)];
  // Node has marked while it loaded the program.
  const own = steps.filter(([, ms]) => Number(ms) > Number(beganMs));
  expect(own.length).toBeGreaterThan(0);
  return Math.max(...own.map(([, , kibibytes]) => Number(kibibytes)));
}

/** Whether V8's last compiler has been given a function that was called so often, a few times in each turn. */
async function optimizedAfter(calls: number, nodeArgs: readonly string[]): Promise<boolean> {
  const { stdout } = await ran(calledProgram(calls), ['--trace-opt', ...nodeArgs]);
  return /compiling method 0x[0-9a-f]+ <JSFunction oftenCalled\b.*TURBOFAN/.test(stdout);
}

/** How long V8 waits after a program has had much to do until it looks for memory to give back, in ms. */
async function givesMemoryBackAfter(nodeArgs: readonly string[]): Promise<readonly number[]> {
  const traced = ['--trace-memory-reducer', '--gc-memory-reducer-start-delay-ms=100'];
  const { stdout } = await ran(`${busyProgram}\n${restingProgram}`, [...traced, ...nodeArgs]);
  return [...new Set([...stdout.matchAll(/Memory reducer: waiting for (\d+) ms/g)].map(([, ms]) => Number(ms)))];
}

/** Each once, of V8's helper threads and of all others, in a program that may use the cores of `list`. */
async function prioritiesOfThreads(list: string, nodeArgs: readonly string[] = []) {
  const { stdout } = await ran(threadsProgram, nodeArgs, list);
  return JSON.parse(stdout) as { readonly helpers: readonly number[]; readonly others: readonly number[] };
}

describe('keepPausesShort', () => {
  it('keeps the semi-space of a running server at the MiB that it begins with', async () => {
    expect(await semiSpaceOfServer([], '')).toBeLessThan(1.1 * mebibyte);
  });

  it('lets it grow beside a gigabyte of old objects', async () => {
    const { stdout } = await ran(largeHeapProgram, ['--max-old-space-size=4096', '--import', heldInterval]);
    const { small, large } = JSON.parse(stdout) as Record<'small' | 'large', number>;
    expect(small).toBeLessThan(1.1 * mebibyte);
    expect(large).toBeGreaterThan(3.9 * mebibyte);
  });

  it('leaves it to the user who says how large it may be, in NODE_OPTIONS or to Node', async () => {
    expect(await semiSpaceOfServer([], '--max-semi-space-size=4')).toBeGreaterThan(1.9 * mebibyte);
    expect(await semiSpaceOfServer(['--max_semi_space_size=4'], '')).toBeGreaterThan(1.9 * mebibyte);
  });

  it('optimizes what is called 30,000 times, or as often as the user says', async () => {
    expect(await optimizedAfter(25_000, [])).toBe(false);
    expect(await optimizedAfter(1_000_000, [])).toBe(true);
    expect(await optimizedAfter(25_000, ['--invocation-count-for-turbofan=3000'])).toBe(true);
  });

  it('looks for memory to give back after five minutes, or when the user says', async () => {
    expect(await givesMemoryBackAfter([])).toEqual([300_000]);
    expect(await givesMemoryBackAfter(['--memory-reducer-delay-ms=8000'])).toEqual([8_000]);
  });

  it('leaves marking to the main thread where all threads have one core together', async () => {
    expect(await markedBeside('0', [])).toBe(0);
  });

  it('puts the helper threads behind the main thread where all have one core together', async () => {
    expect(await prioritiesOfThreads('0')).toEqual({ helpers: [10], others: [0] });
    expect(await prioritiesOfThreads('0', ['--concurrent-marking'])).toEqual({ helpers: [0], others: [0] });
  });

  it('has helper threads mark where they have a core, or the user says so', async () => {
    expect(await markedBeside(anyCore, [])).toBeGreaterThan(cpus().length === 1 ? -1 : 0);
    expect(await markedBeside('0', ['--concurrent-marking'])).toBeGreaterThan(0);
  });
});
