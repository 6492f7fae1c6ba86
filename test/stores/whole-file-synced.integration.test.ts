import type fileSystem from 'node:fs';
import { mkdtempSync, readlinkSync, rmSync, type PathLike } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { writeWholeFile } from '../../src/stores/whole-file.ts';

/** What reached the disk, and the names that were given, in the order in which that happened. */
const done = vi.hoisted((): string[] => []);

vi.mock('node:fs', async (importOriginal) => {
  const fs = await importOriginal<typeof fileSystem>();
  return {
    ...fs,
    fsyncSync: (descriptor: number) => {
      fs.fsyncSync(descriptor);
      done.push(`synced ${basename(readlinkSync(`/proc/self/fd/${descriptor}`))}`);
    },
    renameSync: (from: PathLike, to: PathLike) => {
      fs.renameSync(from, to);
      done.push('renamed');
    },
  };
});

describe.runIf(process.platform === 'linux')('writeWholeFile', () => {
  it('has the content on the disk before the name, and the name when it returns', () => {
    const folder = mkdtempSync(join(tmpdir(), 'whole-file-'));
    writeWholeFile(join(folder, 'kept.json'), '{}', { readableBy: 'owner', synced: true });
    rmSync(folder, { recursive: true });
    expect(done).toEqual([`synced kept.json.${process.pid}.new`, 'renamed', `synced ${basename(folder)}`]);
  });
});
