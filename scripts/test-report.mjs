import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { projectFolder } from './project-folder.mjs';

/**
 * What vitest's JSON reporter wrote, counted strictly: a skipped test is a failed one, and so is a file that could not
 * even be loaded.
 *
 * @typedef {object} TestCount
 * @property {number} passed
 * @property {string[]} failures one line each: what failed
 */

/**
 * @typedef {object} VitestReport
 * @property {{ name: string, status: string, assertionResults: { fullName: string, status: string }[] }[]} testResults
 */

/**
 * @param {VitestReport} report
 * @returns {TestCount}
 */
export function countTests(report) {
  let passed = 0;
  /** @type {string[]} */
  const failures = [];
  for (const file of report.testResults) {
    const name = relative(projectFolder, file.name);
    const failed = file.assertionResults.filter((test) => test.status !== 'passed');
    passed += file.assertionResults.length - failed.length;
    for (const test of failed) {
      const how = test.status === 'failed' ? 'failed' : `was not run (${test.status})`;
      failures.push(`${name}: ${test.fullName} ${how}`);
    }
    if (failed.length === 0 && file.status !== 'passed') failures.push(`${name}: the file itself failed`);
    else if (file.assertionResults.length === 0) failures.push(`${name}: holds no test`);
  }
  if (report.testResults.length === 0) failures.push('no test file was found');
  return { passed, failures };
}

/**
 * @param {string} file
 * @returns {TestCount}
 */
export function countTestsIn(file) {
  try {
    return countTests(/** @type {VitestReport} */ (JSON.parse(readFileSync(file, 'utf8'))));
  } catch (error) {
    return {
      passed: 0,
      failures: [`vitest wrote no report: ${error instanceof Error ? error.message : String(error)}`],
    };
  }
}
