import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { projectFolder } from './project-folder.mjs';

/**
 * Programs that the scripts run and wait for. Each stands in a process group of its own, so that it can be ended with
 * all it has started, and so that Ctrl-C reaches it once (from here) and not twice (from the terminal as well).
 */

const keptOutputCharacters = 512 * 1024;
const windows = process.platform === 'win32';

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();

/**
 * @typedef {object} RunOptions
 * @property {string} [cwd] the project's folder unless given
 * @property {NodeJS.ProcessEnv} [env]
 * @property {number} deadlineMs it is ended when it takes longer
 * @property {boolean} [shown] its output goes to the terminal at once instead of being kept
 *
 * @typedef {object} RunResult
 * @property {boolean} succeeded ended by itself with exit code 0
 * @property {string} ending how it ended, in words
 * @property {string} output what it wrote to both its outputs, the last 512 Ki characters of it
 */

/**
 * Runs a program to its end. Never throws for what the program does: a missing program is a result too.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {RunOptions} options
 * @returns {Promise<RunResult>}
 */
export function run(command, args, options) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: options.cwd ?? projectFolder,
      env: options.env ?? process.env,
      stdio: options.shown ? 'inherit' : ['ignore', 'pipe', 'pipe'],
      detached: !windows,
      windowsHide: true,
    });
    running.add(child);
    let output = '';
    const keep = (/** @type {string} */ text) => {
      output = (output + text).slice(-keptOutputCharacters);
    };
    child.stdout?.setEncoding('utf8').on('data', keep);
    child.stderr?.setEncoding('utf8').on('data', keep);
    let late = false;
    const deadline = setTimeout(() => {
      late = true;
      endGroup(child, 'SIGTERM');
      setTimeout(() => endGroup(child, 'SIGKILL'), 5_000).unref();
    }, options.deadlineMs);
    const finish = (/** @type {boolean} */ succeeded, /** @type {string} */ ending) => {
      clearTimeout(deadline);
      running.delete(child);
      resolve({ succeeded, ending, output });
    };
    child.once('error', (error) => {
      finish(false, `${command} could not be started: ${error.message}`);
    });
    child.once('close', (code, signal) => {
      if (late) finish(false, `not done after ${options.deadlineMs / 1_000} s`);
      else finish(code === 0, signal === null ? `exit code ${code}` : `ended by ${signal}`);
    });
  });
}

/**
 * From now on Ctrl-C or SIGTERM ends what runs here, and then this process with the customary exit code.
 *
 * @returns {() => void} undoes it
 */
export function endChildrenOnSignal() {
  const signals = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']);
  const end = (/** @type {NodeJS.Signals} */ signal) => {
    for (const child of running) endGroup(child, 'SIGTERM');
    process.exit(128 + constants.signals[signal]);
  };
  for (const signal of signals) process.on(signal, end);
  return () => {
    for (const signal of signals) process.off(signal, end);
  };
}

/**
 * @param {import('node:child_process').ChildProcess} child
 * @param {NodeJS.Signals} signal
 */
function endGroup(child, signal) {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    if (windows) child.kill(signal);
    else process.kill(-child.pid, signal);
  } catch {
    // It ended in this moment.
  }
}
