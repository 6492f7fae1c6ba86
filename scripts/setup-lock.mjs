import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { inProject } from './project-folder.mjs';

/**
 * One setup at a time in a checkout: two starts at once must not install into one folder. The lock is a file that
 * holds the process id of its owner; one whose owner is gone is taken over.
 */
const setupLockFile = inProject('.cache', 'setup.lock');
const pollMs = 200;

/**
 * Runs `work` while nobody else does, in this or another process.
 *
 * @template T
 * @param {() => Promise<T>} work
 * @param {{ deadlineMs?: number, lockFile?: string }} [options] how long to wait for the other, and where the lock lies
 * @returns {Promise<T>}
 */
export async function withSetupLock(work, { deadlineMs = 900_000, lockFile = setupLockFile } = {}) {
  mkdirSync(dirname(lockFile), { recursive: true });
  const giveUpAtMs = Date.now() + deadlineMs;
  let said = false;
  while (!take(lockFile)) {
    const owner = ownerOf(lockFile);
    if (owner !== undefined && !isAlive(owner)) {
      takeAway(lockFile, owner);
      continue;
    }
    if (Date.now() > giveUpAtMs) {
      throw new Error(
        `another setup (process ${owner ?? 'unknown'}) did not end within ${deadlineMs / 1_000} s; if none runs, remove ${lockFile}`,
      );
    }
    if (!said) {
      process.stderr.write('Waiting for another start that sets things up …\n');
      said = true;
    }
    await sleep(pollMs);
  }
  // Also when a signal ends the process in the middle.
  const release = () => rmSync(lockFile, { force: true });
  process.once('exit', release);
  try {
    return await work();
  } finally {
    release();
    process.off('exit', release);
  }
}

/** @param {string} lockFile */
function take(lockFile) {
  try {
    writeFileSync(lockFile, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Removes the lock of a dead owner. Moved away first: when two wait, only one gets it.
 *
 * @param {string} lockFile
 * @param {number} owner
 */
function takeAway(lockFile, owner) {
  const aside = `${lockFile}.${process.pid}`;
  try {
    renameSync(lockFile, aside);
  } catch {
    return;
  }
  // Somebody was quicker, and this is already the lock of a living one: give it back.
  if (ownerOf(aside) === owner) rmSync(aside, { force: true });
  else renameSync(aside, lockFile);
}

/** @param {string} file */
function ownerOf(file) {
  try {
    const pid = Number(readFileSync(file, 'utf8'));
    return Number.isInteger(pid) && pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
