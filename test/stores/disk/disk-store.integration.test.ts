import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Clock } from '../../../src/base/clock.ts';
import { systemClock } from '../../../src/cli/system-clock.ts';
import { onSmallFileSystem } from '../../support/small-file-system.ts';
import { openDiskAt, promisedBody, temporaryFolder, type TestDisk, type TestResponse } from './test-disk.ts';

/** Every body that the index knows, asked for as a request would, against the only right one. */
async function checkAll({ disk, folder }: TestDisk<Clock>): Promise<{ right: number; wrong: string[] }> {
  let right = 0;
  const wrong: string[] = [];
  for (let n = 0; n < 60; n++) {
    const cacheKey = `site /${n}`;
    const found: readonly TestResponse[] = (await disk.recall(cacheKey, [])) ?? [];
    for (const { label, costBytes, body } of found) {
      const isRight = label.startsWith(`${cacheKey} `) && body?.equals(promisedBody(label, costBytes)) === true;
      if (isRight) right++;
      else wrong.push(`${folder}: ${cacheKey}: ${label}`);
    }
  }
  return { right, wrong };
}

function bodyIds(folder: string): number[] {
  const bodies = join(folder, 'bodies');
  if (!existsSync(bodies)) return [];
  return readdirSync(bodies, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => Number.parseInt(name, 16))
    .sort((a, b) => a - b);
}

describe('DiskStore in a process that is killed', () => {
  it('holds no wrong body after 30 kills at any moment, and sweeps what was left lying around', {
    timeout: 240_000,
  }, async () => {
    using temporary = temporaryFolder();
    const { folder } = temporary;
    for (let run = 0; run < 30; run++) {
      const writer = spawn(
        process.execPath,
        [join(import.meta.dirname, 'killed-writer.ts'), folder, String(run * 7 + 1)],
        {
          stdio: ['ignore', 'pipe', 'inherit'],
        },
      );
      const exit = once(writer, 'exit');
      await Promise.race([once(writer.stdout, 'data'), exit]);
      await sleep((run * 37) % 113);
      expect(writer.kill('SIGKILL')).toBe(true);
      expect(await exit).toEqual([null, 'SIGKILL']);
    }
    // A body that was written and never got a row, as some of these writers may have left one.
    const [someFolder = ''] = readdirSync(join(folder, 'bodies'));
    writeFileSync(join(folder, 'bodies', someFolder, someFolder), 'without a row');

    // The real clock, so that the search for such files goes on by itself.
    await using tested = openDiskAt(systemClock, folder);
    const { right, wrong } = await checkAll(tested);
    expect(wrong).toEqual([]);
    expect(right).toBeGreaterThan(5);
    expect(tested.disk.stats()).toMatchObject({ damaged: 0, state: 'working' });
    await tested.disk.settled();
    await expect
      .poll(() => bodyIds(folder).length, { timeout: 150_000, interval: 500 })
      .toBe(tested.disk.stats().objects);
  });
});

describe('DiskStore on a file system that is full', () => {
  it('rests from writing, gives what it holds, leaves no half-written body, and writes again when there is room', async () => {
    using temporary = temporaryFolder();
    const { code, output } = await onSmallFileSystem(temporary.folder, join(import.meta.dirname, 'full-disk.ts'));
    expect(output).toContain('all is as it should be');
    expect(code).toBe(0);
  });
});
