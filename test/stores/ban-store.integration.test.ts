import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { onSmallFileSystem } from '../support/small-file-system.ts';

it('BanStore says that the disk is full, keeps what it had, and goes on when there is room', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'streamfront-bans-'));
  try {
    const { code, output } = await onSmallFileSystem(folder, join(import.meta.dirname, 'full-ban-disk.ts'));
    expect(output).toBe('all is as it should be\n');
    expect(code).toBe(0);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
