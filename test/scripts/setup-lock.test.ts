import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withSetupLock } from '../../scripts/setup-lock.mjs';

let folder: string;
let lockFile: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'streamfront-lock-'));
  lockFile = join(folder, 'setup.lock');
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('withSetupLock', () => {
  it('lets only one work at a time', async () => {
    let working = 0;
    let mostAtOnce = 0;
    const work = async () => {
      working += 1;
      mostAtOnce = Math.max(mostAtOnce, working);
      await sleep(30);
      working -= 1;
    };
    await Promise.all([1, 2, 3].map(() => withSetupLock(work, { lockFile })));
    expect(mostAtOnce).toBe(1);
  });

  it('gives the result of the work and leaves no lock behind, also when the work fails', async () => {
    expect(await withSetupLock(async () => 42, { lockFile })).toBe(42);
    expect(existsSync(lockFile)).toBe(false);
    const failing = withSetupLock(() => Promise.reject(new Error('no space left')), { lockFile });
    await expect(failing).rejects.toThrow('no space left');
    expect(existsSync(lockFile)).toBe(false);
  });

  it('takes over the lock of a process that is gone', async () => {
    const { pid } = spawnSync(process.execPath, ['--version']);
    writeFileSync(lockFile, String(pid));
    expect(await withSetupLock(async () => 'done', { lockFile, deadlineMs: 2_000 })).toBe('done');
  });

  it('gives up at the deadline and says who holds the lock and where it lies', async () => {
    writeFileSync(lockFile, String(process.ppid));
    const waiting = withSetupLock(async () => 'never', { lockFile, deadlineMs: 300 });
    await expect(waiting).rejects.toThrow(new RegExp(`process ${process.ppid}.*remove .*setup\\.lock`));
  });
});
