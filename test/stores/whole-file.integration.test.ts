import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeWholeFile } from '../../src/stores/whole-file.ts';

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'whole-file-'));
  file = join(folder, 'state.json');
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('writeWholeFile', () => {
  it.each([
    ['owner', 0o600],
    ['everybody', 0o644],
  ] as const)(
    'writes a file that is readable by: %s, whatever mask the user and mode the former one had',
    (who, mode) => {
      writeFileSync(file, 'the former one, which was longer');
      chmodSync(file, 0o640);
      const mask = process.umask(0o077);
      try {
        writeWholeFile(file, 'söund', { readableBy: who, synced: true });
      } finally {
        process.umask(mask);
      }
      expect(readFileSync(file, 'utf8')).toBe('söund');
      expect(statSync(file).mode & 0o777).toBe(mode);
      expect(readdirSync(folder)).toEqual(['state.json']);
    },
  );

  it('takes no notice of what a process with the same id has left behind', () => {
    writeFileSync(`${file}.${process.pid}.new`, 'half of what was to be');
    writeWholeFile(file, 'new', { readableBy: 'owner', synced: false });
    expect(readFileSync(file, 'utf8')).toBe('new');
    expect(readdirSync(folder)).toEqual(['state.json']);
  });

  it('throws where it cannot write, and leaves what was there and nothing else', () => {
    mkdirSync(join(file, 'in the way'), { recursive: true });
    expect(() => writeWholeFile(file, 'new', { readableBy: 'owner', synced: false })).toThrow(
      /EISDIR|ENOTEMPTY|EEXIST/,
    );
    expect(readdirSync(folder)).toEqual(['state.json']);
    expect(readdirSync(file)).toEqual(['in the way']);
  });
});
