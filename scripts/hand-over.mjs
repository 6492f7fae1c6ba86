import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { pathToFileURL } from 'node:url';
import { projectNode } from './pinned-node.mjs';
import { inProject } from './project-folder.mjs';

/** A signal that comes again so soon is the same one: from the terminal, and passed on by npm. */
const sameSignalMs = 500;
const parentPollMs = 500;
const windows = process.platform === 'win32';

/**
 * glibc reads these when a process begins, and nothing else can say them. Bodies and slices of a megabyte get pages of
 * their own, which go back to the system when they are freed: glibc by itself stops doing so once the first of them was
 * freed, and keeps in its heap the most that has ever been there at once (over 100 MiB beside a full cache). Other
 * systems take no notice.
 */
const mallocSettings = { MALLOC_MMAP_THRESHOLD_: '1000000', MALLOC_TRIM_THRESHOLD_: '4194304' };

/**
 * Runs a file of the project on the project's Node, as if it were this process: same terminal, same folder, each
 * signal passed on once, its exit code taken over. It ends when this process or npm ends, however that happens. What the
 * environment says of malloc goes before what is said here.
 *
 * @param {string} file
 * @param {readonly string[]} args
 */
export function handOver(file, args) {
  const node = projectNode();
  const endWithParent = pathToFileURL(inProject('scripts', 'end-with-parent.mjs')).href;
  const child = spawn(node.command, [...node.args, '--import', endWithParent, file, ...args], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...mallocSettings, ...process.env },
    // Away from the terminal's process group: Ctrl-C comes to it from here and from nowhere else.
    detached: !windows,
  });

  let lastSignalAtMs = Number.NEGATIVE_INFINITY;
  const passOn = (/** @type {NodeJS.Signals} */ signal) => {
    const nowMs = performance.now();
    if (nowMs - lastSignalAtMs < sameSignalMs) return;
    lastSignalAtMs = nowMs;
    child.kill(signal);
  };
  // On Windows the console itself tells every process; passing it on would end the child without its clean shutdown.
  process.on('SIGINT', () => windows || passOn('SIGINT'));
  process.on('SIGTERM', () => passOn('SIGTERM'));
  process.on('SIGHUP', () => passOn('SIGTERM'));
  if (process.env['npm_lifecycle_event'] !== undefined) {
    // npm passes signals to its shell only, and passes none when it is killed: then this process gets a new parent.
    const parent = process.ppid;
    const watch = setInterval(() => {
      if (process.ppid === parent) return;
      clearInterval(watch);
      passOn('SIGTERM');
    }, parentPollMs);
    watch.unref();
  }

  child.once('error', (error) => {
    process.stderr.write(`${node.command} could not be started: ${error.message}\n`);
    process.exit(1);
  });
  child.once('exit', (code, signal) => {
    process.exit(signal === null ? (code ?? 1) : 128 + constants.signals[signal]);
  });
}
