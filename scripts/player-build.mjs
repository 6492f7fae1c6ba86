import { existsSync } from 'node:fs';
import { run } from './child-process.mjs';
import { projectNode } from './pinned-node.mjs';
import { inProject } from './project-folder.mjs';
import { filesBelow, fingerprintOf, readStamp, writeStamp } from './stamp.mjs';

const stampName = 'player';

function wantedFingerprint() {
  const sources = filesBelow(inProject('player'), ['dist', 'node_modules']);
  return fingerprintOf([...sources, inProject('package-lock.json')]);
}

export function isPlayerCurrent() {
  return existsSync(inProject('player', 'dist', 'index.html')) && readStamp(stampName) === wantedFingerprint();
}

/** Builds the web player into player/dist. The lock must be held and the packages be there. */
export async function buildPlayer() {
  process.stderr.write('Building the player …\n');
  const fingerprint = wantedFingerprint();
  const node = projectNode();
  const vite = inProject('node_modules', 'vite', 'bin', 'vite.js');
  const result = await run(node.command, [...node.args, vite, 'build'], {
    cwd: inProject('player'),
    deadlineMs: 300_000,
  });
  if (!result.succeeded) {
    throw new Error(`the player could not be built (${result.ending}):\n${result.output.trim()}`);
  }
  writeStamp(stampName, fingerprint);
}
