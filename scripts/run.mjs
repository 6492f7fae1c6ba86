#!/usr/bin/env node
/**
 * What `npm start`, `npm test` and the other commands of package.json run first, on whatever Node (from 20 on) there
 * is and with nothing installed: it brings what is missing and hands over to the project's own Node.
 */
import { rmSync } from 'node:fs';
import { handOver } from './hand-over.mjs';
import { inProject } from './project-folder.mjs';
import { setUp } from './setup.mjs';

const [command = '', ...args] = process.argv.slice(2);

/** @type {Record<string, () => Promise<void>>} */
const commands = {
  async start() {
    await setUp({ player: true });
    handOver(inProject('src/cli/main.ts'), ['start', ...args]);
  },
  async check() {
    await setUp({ player: false });
    handOver(inProject('src/cli/main.ts'), ['check', ...args]);
  },
  async test() {
    // Whether the player can be built is one of the things it finds out.
    await setUp({ player: false });
    const { runTests } = await import('./test-run.mjs');
    process.exitCode = (await runTests(args)) ? 0 : 1;
  },
  async bench() {
    await setUp({ player: false });
    handOver(inProject('test/bench/main.ts'), args);
  },
  async build() {
    await setUp({ player: true });
    // What a source that is gone had left there would be published.
    rmSync(inProject('dist'), { recursive: true, force: true });
    handOver(inProject('node_modules/typescript/bin/tsc'), ['-p', inProject('tsconfig.build.json'), ...args]);
  },
  async format() {
    await setUp({ player: false });
    handOver(inProject('node_modules/@biomejs/biome/bin/biome'), ['format', '--write', ...args]);
  },
  async 'docs:config'() {
    await setUp({ player: false });
    handOver(inProject('scripts/write-config-table.ts'), args);
  },
};

const action = Object.hasOwn(commands, command) ? commands[command] : undefined;
if (Number.parseInt(process.versions.node, 10) < 20) {
  process.stderr.write(`Node 20 or newer is needed to begin with; this is Node ${process.versions.node}.\n`);
  process.exitCode = 1;
} else if (action === undefined) {
  process.stderr.write(`Unknown command "${command}"; there are: ${Object.keys(commands).join(', ')}\n`);
  process.exitCode = 1;
} else {
  try {
    await action();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
