import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { configurationTable, withConfigurationTable } from '../../src/cli/config-reference.ts';

describe('configurationTable', () => {
  it('has a row for a setting, one in a list and one under a name', () => {
    const table = configurationTable();
    expect(table).toContain('| `origin.live.window` | duration | `60s` |');
    expect(table).toContain('| `edge.distributions[].behaviours[].path` | text | `*` |');
    expect(table).toContain('| `edge.origins.NAME.url` | URL |');
  });

  it('gives every setting a meaning', () => {
    const rows = configurationTable().split('\n').slice(2);
    expect(rows.length).toBeGreaterThan(30);
    expect(rows.filter((row) => /\|\s*\|$/.test(row))).toEqual([]);
  });
});

describe('the README', () => {
  it('holds the table as the schema has it (npm run docs:config writes it)', () => {
    const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
    expect(withConfigurationTable(readme)).toBe(readme);
  });
});

describe('withConfigurationTable', () => {
  it('names the markers when they are missing', () => {
    expect(() => withConfigurationTable('# Nothing here')).toThrow(/markers/);
  });
});
