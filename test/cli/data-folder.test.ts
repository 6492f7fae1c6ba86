import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ConfigError } from '../../src/base/errors.ts';
import { prepareDataFolder } from '../../src/cli/data-folder.ts';

describe('prepareDataFolder', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'streamfront-data-'));
  });

  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  test('makes what is missing, for nobody outside of the group', () => {
    const path = prepareDataFolder(join(folder, 'a/b/c'));
    expect(path).toBe(join(folder, 'a/b/c'));
    expect(statSync(path).mode & 0o007).toBe(0);
    expect(prepareDataFolder(path)).toBe(path);
  });

  test('a folder that takes no folders is an error that names the path, not an endless search', () => {
    expect(() => prepareDataFolder('/proc/streamfront/data')).toThrow(ConfigError);
    expect(() => prepareDataFolder('/proc/streamfront/data')).toThrow(/\/proc\/streamfront.*--data/u);
  });

  test('a file in the way is an error', () => {
    writeFileSync(join(folder, 'file'), '');
    expect(() => prepareDataFolder(join(folder, 'file'))).toThrow(/file.*--data/u);
    expect(() => prepareDataFolder(join(folder, 'file/below'))).toThrow(/file.*--data/u);
  });
});
