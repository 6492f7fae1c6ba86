import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigError } from '../../../src/base/errors.ts';
import { FolderLock } from '../../../src/stores/kept/folder-lock.ts';
import { LogRecorder } from '../../support/log-recorder.ts';

const lockModule = join(import.meta.dirname, '..', '..', '..', 'src', 'stores', 'kept', 'folder-lock.ts');

let folder: string;
let log: LogRecorder;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'streamfront-lock-'));
  log = new LogRecorder();
});
afterEach(() => rmSync(folder, { recursive: true }));

const take = (file = join(folder, 'made', 'live.lock')) => new FolderLock(file, { finding: 'it is in use', log });

describe('FolderLock', () => {
  it('is held once, until it is released', () => {
    const first = take();
    expect(() => take()).toThrow(ConfigError);
    expect(() => take()).toThrow(/it is in use/);
    first.release();
    take().release();
    expect(log.lines).toEqual([]);
  });

  it('is held against other processes, and no longer than they live', async () => {
    const file = join(folder, 'live.lock');
    const program = `
      import { FolderLock } from ${JSON.stringify(lockModule)};
      const lock = new FolderLock(${JSON.stringify(file)}, { finding: '', log: console });
      console.log('held');
      setTimeout(() => lock.release(), 15_000);`;
    const holder = spawn(process.execPath, ['--input-type=module-typescript', '--eval', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = once(holder, 'exit');
    try {
      await once(holder.stdout, 'data');
      expect(() => take(file)).toThrow(/it is in use/);
    } finally {
      holder.kill('SIGKILL');
    }
    await exited;
    take(file).release();
  }, 20_000);

  it('says in the log where nothing can be locked, and holds nothing then', () => {
    writeFileSync(join(folder, 'file'), '');
    take(join(folder, 'file', 'live.lock')).release();
    expect(log.lines.map(({ fields }) => fields['code'])).toEqual(['LIVE_KEEP_UNLOCKED']);
  });
});
