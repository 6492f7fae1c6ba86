import { existsSync, rmSync } from 'node:fs';
import { basename } from 'node:path';
import { run } from './child-process.mjs';
import { fetchPinnedNode } from './pinned-node.mjs';
import { inProject } from './project-folder.mjs';
import { fingerprintOf, readStamp, writeStamp } from './stamp.mjs';

const stampName = 'packages';

function wantedFingerprint() {
  return fingerprintOf([inProject('package-lock.json')]);
}

export function arePackagesCurrent() {
  return readStamp(stampName) === wantedFingerprint() && existsSync(inProject('node_modules', '.package-lock.json'));
}

/** Installs what package-lock.json says. The lock must be held. */
export async function installPackages() {
  const first = !existsSync(inProject('node_modules'));
  process.stderr.write(first ? 'Installing packages (first start, about a minute) …\n' : 'Updating packages …\n');
  const fingerprint = wantedFingerprint();
  let result = await npmInstall();
  if (!result.succeeded && !first && /\b(ENOTEMPTY|EEXIST)\b/.test(result.output)) {
    // What an interrupted installation left behind stands in the way.
    rmSync(inProject('node_modules'), { recursive: true, force: true });
    result = await npmInstall();
  }
  if (!result.succeeded) {
    throw new Error(`the packages could not be installed (${result.ending}):\n${result.output.trim()}`);
  }
  await fetchPinnedNode();
  writeStamp(stampName, fingerprint);
}

/**
 * `npm install` and not `npm ci`: the lock file holds the platforms it was made for, and `npm ci` refuses a lock file
 * that lacks the optional packages of another. The versions are those of the lock file all the same, and `--no-save`
 * leaves it as it is.
 */
function npmInstall() {
  const args = ['install', '--no-save', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];
  const { command, before } = npm();
  return run(command, [...before, ...args], { deadlineMs: 900_000 });
}

/** The npm that runs this script, else the one on the PATH. */
function npm() {
  const runner = process.env['npm_execpath'];
  if (runner !== undefined && basename(runner) === 'npm-cli.js' && existsSync(runner)) {
    return { command: process.execPath, before: [runner] };
  }
  return process.platform === 'win32' ? { command: 'cmd.exe', before: ['/c', 'npm'] } : { command: 'npm', before: [] };
}
