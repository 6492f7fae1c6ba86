import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { inProject } from './project-folder.mjs';

/**
 * What was made last, and from what. Stamps lie in node_modules, so that removing that folder, as one does when
 * something is wrong, makes everything anew.
 */

/** @param {string} name */
function stampFile(name) {
  return inProject('node_modules', '.cache', 'streamfront', name);
}

/**
 * @param {string} name
 * @returns {string | undefined} the fingerprint it was last made from
 */
export function readStamp(name) {
  try {
    return readFileSync(stampFile(name), 'utf8');
  } catch {
    return undefined;
  }
}

/**
 * @param {string} name
 * @param {string} fingerprint
 */
export function writeStamp(name, fingerprint) {
  mkdirSync(dirname(stampFile(name)), { recursive: true });
  writeFileSync(stampFile(name), fingerprint);
}

/**
 * A fingerprint of files' names and contents; times do not count, since a checkout changes them.
 *
 * @param {readonly string[]} files
 */
export function fingerprintOf(files) {
  const hash = createHash('sha256');
  for (const file of [...files].sort()) {
    hash
      .update(`${relative(inProject(), file)}\0`)
      .update(readFileSync(file))
      .update('\0');
  }
  return hash.digest('hex');
}

/**
 * All files below a folder, without the folders named.
 *
 * @param {string} folder
 * @param {readonly string[]} without
 * @returns {string[]}
 */
export function filesBelow(folder, without) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return without.includes(entry.name) ? [] : filesBelow(path, without);
    return entry.isFile() ? [path] : [];
  });
}
