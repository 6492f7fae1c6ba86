import { existsSync, readFileSync } from 'node:fs';
import { run } from './child-process.mjs';
import { inProject } from './project-folder.mjs';

/**
 * The project runs on one exact version of Node, which the npm package `node` brings as a development dependency;
 * any Node from 20 on is enough to get there.
 */
const executable = inProject('node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');

/** Lowest major version that runs TypeScript sources as they are. */
const lowestMajor = 24;

function isPinnedNodeThere() {
  return existsSync(executable);
}

/** Whether there is a Node that can run the project: the pinned one, or this one if it is new enough. */
export function isProjectNodeThere() {
  return isPinnedNodeThere() || isThisNodeEnough();
}

function isThisNodeEnough() {
  return Number.parseInt(process.versions.node, 10) >= lowestMajor;
}

/** @returns {{ command: string, args: string[] }} the Node to run the project with */
export function projectNode() {
  if (isPinnedNodeThere()) return { command: executable, args: [] };
  // Node 24 says at each start that stripping types is experimental; it is stable in the pinned version.
  return { command: process.execPath, args: ['--disable-warning=ExperimentalWarning'] };
}

/**
 * Fetches the executable where npm was told not to run install scripts (`ignore-scripts`, or a policy that has not
 * allowed them): the package's own installer is run by name.
 */
export async function fetchPinnedNode() {
  if (isPinnedNodeThere()) return;
  const installer = inProject('node_modules', 'node', 'installArchSpecificPackage.js');
  if (!existsSync(installer)) throw new Error('the package "node" is not installed');
  const result = await run(process.execPath, [installer], {
    cwd: inProject('node_modules', 'node'),
    deadlineMs: 300_000,
  });
  if (isPinnedNodeThere()) return;
  const manifest = readFileSync(inProject('node_modules', 'node', 'package.json'), 'utf8');
  const { version } = /** @type {{ version: string }} */ (JSON.parse(manifest));
  if (isThisNodeEnough()) {
    process.stderr.write(
      `Node ${version} could not be fetched for this machine (${result.ending}); going on with Node ${process.versions.node}.\n`,
    );
    return;
  }
  throw new Error(
    `Node ${version} could not be fetched for this machine (${process.platform} ${process.arch}): ${result.ending}\n` +
      `${result.output.trim()}\nWith Node ${lowestMajor} or newer on the PATH it is not needed.`,
  );
}
