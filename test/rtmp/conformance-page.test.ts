import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..', '..');
const page = readFileSync(join(root, 'docs', 'rtmp-conformance.md'), 'utf8');
const rows = page.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| what'));

/** `file` › words; the words end where the next file begins, or the row. */
function testsOf(row: string): { file: string; words: string }[] {
  const cell = row.split(' | ').at(-1)?.replace(/ \|$/, '') ?? '';
  return cell
    .split(/;? ?`(?=test\/)/)
    .slice(1)
    .map((reference) => {
      const [file = '', words = ''] = reference.split('` › ');
      return { file, words };
    });
}

describe('docs/rtmp-conformance.md', () => {
  it('has its rows', () => {
    expect(rows.length).toBeGreaterThan(50);
  });

  it.each(rows)('names tests that are there: %s', (row) => {
    const tests = testsOf(row);
    expect(tests).not.toEqual([]);
    for (const { file, words } of tests) {
      expect(existsSync(join(root, file)), file).toBe(true);
      expect(words.length, row).toBeGreaterThan(5);
      expect(readFileSync(join(root, file), 'utf8'), `${file} has no test "${words}"`).toContain(words);
    }
  });
});
