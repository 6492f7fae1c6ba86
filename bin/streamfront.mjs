#!/usr/bin/env node
/**
 * The command `streamfront`. The published package holds compiled sources and runs on the Node it was started with; in
 * a checkout the sources run as they are, on the Node that is pinned there if this one is too old.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const lowestMajor = 24;

const compiled = new URL('../dist/cli/main.js', import.meta.url);
const source = new URL('../src/cli/main.ts', import.meta.url);
const main = existsSync(compiled) ? compiled : source;
const handOverModule = new URL('../scripts/hand-over.mjs', import.meta.url);
const pinnedNode = new URL(
  process.platform === 'win32' ? '../node_modules/node/bin/node.exe' : '../node_modules/node/bin/node',
  import.meta.url,
);

if (Number.parseInt(process.versions.node, 10) >= lowestMajor) {
  await import(main.href);
} else if (existsSync(handOverModule) && existsSync(pinnedNode)) {
  const { handOver } = await import('../scripts/hand-over.mjs');
  handOver(fileURLToPath(main), process.argv.slice(2));
} else {
  process.stderr.write(`streamfront needs Node ${lowestMajor} or newer; this is Node ${process.versions.node}.\n`);
  process.exitCode = 1;
}
