import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { projectFolder } from '../../scripts/project-folder.mjs';
import { countTests, countTestsIn } from '../../scripts/test-report.mjs';

const file = (status: string, ...tests: [string, string][]) => ({
  name: join(projectFolder, 'test/some.test.ts'),
  status,
  assertionResults: tests.map(([fullName, status]) => ({ fullName, status })),
});

describe('countTests', () => {
  it('counts each test that passed', () => {
    const report = { testResults: [file('passed', ['a', 'passed'], ['b', 'passed'])] };
    expect(countTests(report)).toEqual({ passed: 2, failures: [] });
  });

  it('names each test that failed', () => {
    const report = { testResults: [file('failed', ['a', 'passed'], ['b', 'failed'])] };
    expect(countTests(report)).toEqual({ passed: 1, failures: ['test/some.test.ts: b failed'] });
  });

  for (const status of ['skipped', 'pending', 'todo', 'disabled']) {
    it(`counts a test that is ${status} as failed`, () => {
      const report = { testResults: [file('passed', ['a', 'passed'], ['b', status])] };
      expect(countTests(report)).toEqual({ passed: 1, failures: [`test/some.test.ts: b was not run (${status})`] });
    });
  }

  it('counts a file that could not be loaded as a failure', () => {
    expect(countTests({ testResults: [file('failed')] }).failures).toEqual([
      'test/some.test.ts: the file itself failed',
    ]);
  });

  it('counts a file without a test, and a run without a file, as a failure', () => {
    expect(countTests({ testResults: [file('passed')] }).failures).toEqual(['test/some.test.ts: holds no test']);
    expect(countTests({ testResults: [] }).failures).toEqual(['no test file was found']);
  });
});

describe('countTestsIn', () => {
  it('counts a report that was never written as a failure', () => {
    const { passed, failures } = countTestsIn(join(projectFolder, 'no-such-report.json'));
    expect(passed).toBe(0);
    expect(failures[0]).toContain('vitest wrote no report');
  });
});
