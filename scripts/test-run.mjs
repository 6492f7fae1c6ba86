import { mkdirSync, rmSync } from 'node:fs';
import { endChildrenOnSignal, run } from './child-process.mjs';
import { projectNode } from './pinned-node.mjs';
import { inProject } from './project-folder.mjs';
import { setUp } from './setup.mjs';
import { programsForTests, provide } from './system-programs.mjs';
import { countTestsIn } from './test-report.mjs';

/**
 * `npm test`: what can be said about the project, cheapest first. Every step runs, also after one that failed, so that
 * one run shows all there is to mend. The last line counts: each check is one, each test is one.
 *
 * @typedef {import('./test-report.mjs').TestCount} TestCount
 *
 * @typedef {object} StepResult
 * @property {TestCount} count
 * @property {string} output what to show when something failed
 *
 * @typedef {object} Step
 * @property {string} name
 * @property {() => Promise<StepResult>} take
 */

const checkDeadlineMs = 300_000;
const vitestDeadlineMs = 1_500_000;
const reportFolder = inProject('artifacts', 'test');

/** @type {Step[]} */
const checks = [
  check('types', 'typescript/bin/tsc', ['--noEmit']),
  check('types of the player', 'typescript/bin/tsc', ['--noEmit', '-p', 'player/tsconfig.json']),
  check('lint', 'oxlint/bin/oxlint', []),
  check('format', '@biomejs/biome/bin/biome', ['format']),
  check('dead code', 'knip/bin/knip.js', ['--no-progress']),
];

/** @type {Step[]} */
const tests = [
  vitest('unit tests', 'unit'),
  vitest('integration tests', 'integration', 3),
  vitest('end to end', 'e2e', 4),
  vitest('end to end, timed', 'e2e-one-at-a-time'),
];

/**
 * @param {readonly string[]} patterns run only the test files whose names contain one of these, and no checks
 * @returns {Promise<boolean>} whether all is well
 */
export async function runTests(patterns) {
  endChildrenOnSignal();
  rmSync(reportFolder, { recursive: true, force: true });
  mkdirSync(reportFolder, { recursive: true });
  let passed = 0;
  let failed = 0;
  const steps =
    patterns.length > 0 ? [player(), someTests(patterns)] : [systemPrograms(), player(), ...checks, ...tests];
  for (const step of steps) {
    // Overwritten by the line with the result, or by what the step itself has to say.
    if (process.stdout.isTTY) process.stdout.write(`${step.name} …\r`);
    const beganAtMs = performance.now();
    const { count, output } = await step.take();
    const seconds = ((performance.now() - beganAtMs) / 1_000).toFixed(1);
    passed += count.passed;
    failed += count.failures.length;
    const verdict = count.failures.length === 0 ? 'ok  ' : 'FAIL';
    process.stdout.write(
      `${step.name.padEnd(22)}${verdict}  ${count.passed} passed, ${count.failures.length} failed  ${seconds} s\n`,
    );
    if (count.failures.length > 0) {
      process.stdout.write(`${output.trim()}\n${count.failures.map((line) => `  ✗ ${line}\n`).join('')}\n`);
    }
  }
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  return failed === 0;
}

/** @returns {Step} */
function systemPrograms() {
  return {
    name: 'programs',
    async take() {
      const missing = await provide(programsForTests);
      return { count: { passed: programsForTests.length - missing.length, failures: missing }, output: '' };
    },
  };
}

/** @returns {Step} */
function player() {
  return {
    name: 'player',
    async take() {
      try {
        await setUp({ player: true });
        return { count: { passed: 1, failures: [] }, output: '' };
      } catch (error) {
        return {
          count: { passed: 0, failures: ['player: not built'] },
          output: error instanceof Error ? error.message : String(error),
        };
      }
    },
  };
}

/**
 * A tool of node_modules that says by its exit code whether all is well.
 *
 * @param {string} name
 * @param {string} tool
 * @param {readonly string[]} args
 * @returns {Step}
 */
function check(name, tool, args) {
  return {
    name,
    async take() {
      const result = await runTool(tool, args, checkDeadlineMs);
      const failures = result.succeeded ? [] : [`${name}: ${result.ending}`];
      return { count: { passed: result.succeeded ? 1 : 0, failures }, output: result.output };
    },
  };
}

/**
 * One of the projects of vitest.config.ts.
 *
 * @param {string} name
 * @param {string} project
 * @param {number} [workers] files at a time
 * @returns {Step}
 */
function vitest(name, project, workers = 2) {
  return { name, take: () => runVitest(project, ['--project', project, `--maxWorkers=${workers}`]) };
}

/**
 * @param {readonly string[]} patterns
 * @returns {Step}
 */
function someTests(patterns) {
  return { name: patterns.join(' '), take: () => runVitest('some', patterns) };
}

/**
 * @param {string} reportName
 * @param {readonly string[]} args
 * @returns {Promise<StepResult>}
 */
async function runVitest(reportName, args) {
  const report = inProject('artifacts', 'test', `${reportName}.json`);
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const result = await runTool('vitest/vitest.mjs', ['run', ...reporters, ...args], vitestDeadlineMs);
  const count = countTestsIn(report);
  if (!result.succeeded && count.failures.length === 0) {
    count.failures.push(`vitest found something wrong outside the tests: ${result.ending}`);
  }
  return { count, output: result.output };
}

/**
 * @param {string} tool its path below node_modules
 * @param {readonly string[]} args
 * @param {number} deadlineMs
 */
function runTool(tool, args, deadlineMs) {
  const node = projectNode();
  return run(node.command, [...node.args, inProject('node_modules', ...tool.split('/')), ...args], { deadlineMs });
}
