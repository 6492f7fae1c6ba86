import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { inProject } from '../../scripts/project-folder.mjs';
import { eventually } from '../support/condition.ts';

/** Stands for the server: says that it is up, says each signal, ends half a second after the first with code 7. */
const program = `
let signals = 0;
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(name, () => {
    signals += 1;
    console.log('signal', name);
    if (signals === 1) setTimeout(() => process.exit(7), 700);
  });
}
setInterval(() => {}, 1000);
// A signal that came before would end it.
console.log('up', process.pid, JSON.stringify(process.argv.slice(2)));
`;

let folder: string;
let launcher: ChildProcess;
let output: string;
/** Asked for at once: a short program may be gone before anybody waits for its end. */
let exitCode: Promise<number | null>;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'streamfront hand-over '));
  output = '';
});
afterEach(() => {
  vi.unstubAllEnvs();
  launcher.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

async function launch(source: string, ...args: string[]): Promise<void> {
  const file = join(folder, 'program.mjs');
  writeFileSync(file, source);
  const module = pathToFileURL(inProject('scripts', 'hand-over.mjs')).href;
  const code = `import { handOver } from ${JSON.stringify(module)}; handOver(${JSON.stringify(file)}, process.argv.slice(1));`;
  launcher = spawn(process.execPath, ['--input-type=module', '-e', code, '--', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  exitCode = once(launcher, 'close').then(([code]) => code as number | null);
  launcher.stdout?.setEncoding('utf8').on('data', (text: string) => (output += text));
  await eventually('the program is up', () => output.includes('\n'));
}

const signalsSeen = () => output.split('\n').filter((line) => line.startsWith('signal'));

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('handOver', () => {
  it('passes the arguments on and takes the exit code over', async () => {
    await launch(`console.log(JSON.stringify(process.argv.slice(2))); process.exitCode = 42;`, '--port', '80 80');
    const code = await exitCode;
    expect(output.trim()).toBe('["--port","80 80"]');
    expect(code).toBe(42);
  });

  it('has large buffers given back to the system, unless the environment says something else of malloc', async () => {
    const source = `console.log(process.env.MALLOC_MMAP_THRESHOLD_, process.env.MALLOC_TRIM_THRESHOLD_);`;
    vi.stubEnv('MALLOC_MMAP_THRESHOLD_', undefined);
    vi.stubEnv('MALLOC_TRIM_THRESHOLD_', '7000000');
    await launch(source);
    await exitCode;
    expect(output.trim()).toBe('1000000 7000000');
  });

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    it(`passes ${signal} on once, even when it comes twice, as it does from a terminal and from npm`, async () => {
      await launch(program);
      launcher.kill(signal);
      await eventually('the first signal arrived', () => signalsSeen().length > 0);
      launcher.kill(signal);
      const code = await exitCode;
      expect(signalsSeen()).toEqual([`signal ${signal}`]);
      expect(code).toBe(7);
    });
  }

  it('ends the program when it is killed itself', async () => {
    await launch(program);
    const pid = Number(output.split(' ')[1]);
    expect(isAlive(pid)).toBe(true);
    launcher.kill('SIGKILL');
    await eventually('the program has ended', () => !isAlive(pid));
    expect(signalsSeen()).toEqual(['signal SIGTERM']);
  });
});
