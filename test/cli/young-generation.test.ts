import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { inProject } from '../../scripts/project-folder.mjs';
import { eventually } from '../support/condition.ts';

const mebibyte = 1_048_576;

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

describe('keepYoungGenerationSmall', () => {
  it('keeps the semi-space of a running server at the MiB that it begins with', async () => {
    expect(await semiSpaceOfServer([], '')).toBeLessThan(1.1 * mebibyte);
  });

  it('leaves it to the user who says how large it may be, in NODE_OPTIONS or to Node', async () => {
    expect(await semiSpaceOfServer([], '--max-semi-space-size=4')).toBeGreaterThan(1.9 * mebibyte);
    expect(await semiSpaceOfServer(['--max_semi_space_size=4'], '')).toBeGreaterThan(1.9 * mebibyte);
  });
});
