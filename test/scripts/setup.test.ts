import { spawn } from 'node:child_process';
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { inProject } from '../../scripts/project-folder.mjs';

/**
 * The real scripts, in a project of straw in a folder with a blank in its path: npm and vite are stand-ins that note
 * each call and do as they are told by files, so that a whole first start takes no network and no minute.
 */
let folder: string;
const inFolder = (...steps: string[]) => join(folder, ...steps);

function write(path: string, text: string): void {
  mkdirSync(dirname(inFolder(path)), { recursive: true });
  writeFileSync(inFolder(path), text);
}

const npm = `
import { appendFileSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
appendFileSync('calls', 'npm ' + process.argv[2] + '\\n');
if (existsSync('npm-fails')) { console.log('npm error: the registry is on fire'); process.exit(1); }
await new Promise((resolve) => setTimeout(resolve, 200));
mkdirSync('node_modules/node', { recursive: true });
writeFileSync('node_modules/.package-lock.json', '{}');
writeFileSync('node_modules/node/package.json', '{"version":"26.0.0"}');
writeFileSync('node_modules/node/installArchSpecificPackage.js', \`
  require('fs').appendFileSync('../../calls', 'node installer\\\\n');
  require('fs').mkdirSync('bin');
  require('fs').symlinkSync(process.execPath, 'bin/node');
\`);
if (!existsSync('npm-runs-no-scripts')) {
  mkdirSync('node_modules/node/bin', { recursive: true });
  if (!existsSync('node_modules/node/bin/node')) symlinkSync(process.execPath, 'node_modules/node/bin/node');
}
mkdirSync('node_modules/vite/bin', { recursive: true });
writeFileSync('node_modules/vite/bin/vite.js', \`
  const { appendFileSync, existsSync, mkdirSync, writeFileSync } = require('fs');
  appendFileSync('../calls', 'vite ' + process.argv[2] + '\\\\n');
  if (existsSync('broken')) { console.error('main.ts: unexpected token'); process.exit(1); }
  mkdirSync('dist', { recursive: true });
  writeFileSync('dist/index.html', 'page');
\`);
`;

beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'streamfront-setup-')), 'a folder');
  cpSync(inProject('scripts'), inFolder('scripts'), { recursive: true });
  write('package.json', '{"type":"module"}');
  write('package-lock.json', '{"lockfileVersion":3}');
  write('fake/npm-cli.js', npm);
  write('fake/package.json', '{"type":"module"}');
  write('player/src/main.ts', 'export {};');
  write('src/cli/main.ts', `console.log('handed over', process.argv.slice(2).join(' '), process.execPath);`);
});
afterEach(() => {
  rmSync(dirname(folder), { recursive: true, force: true });
});

const calls = () => (existsSync(inFolder('calls')) ? readFileSync(inFolder('calls'), 'utf8').trim().split('\n') : []);

async function run(...args: string[]): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, [inFolder('scripts', 'run.mjs'), ...args], {
    cwd: folder,
    env: { ...process.env, npm_execpath: inFolder('fake', 'npm-cli.js') },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, output };
}

describe('scripts/run.mjs start', () => {
  it('installs the packages, builds the player and hands over to the pinned Node', async () => {
    const { code, output } = await run('start', '--port', '1');
    expect(output).toContain('Installing packages (first start, about a minute) …\nBuilding the player …\n');
    expect(output).toContain(`handed over start --port 1 ${process.execPath}`);
    expect(code).toBe(0);
    expect(calls()).toEqual(['npm install', 'vite build']);
  });

  it('does nothing of it again at a second start', async () => {
    await run('start');
    const { output } = await run('start');
    expect(output).toMatch(/^handed over/);
    expect(calls()).toHaveLength(2);
  });

  it('installs and builds again when the lock file has changed', async () => {
    await run('start');
    write('package-lock.json', '{"lockfileVersion":3,"packages":{}}');
    await run('start');
    expect(calls()).toEqual(['npm install', 'vite build', 'npm install', 'vite build']);
  });

  it('builds the player again when one of its sources has changed, is new or is gone', async () => {
    await run('start');
    appendFileSync(inFolder('player/src/main.ts'), '// changed');
    await run('start');
    write('player/src/more.ts', '');
    await run('start');
    rmSync(inFolder('player/src/more.ts'));
    await run('start');
    expect(calls()).toEqual(['npm install', 'vite build', 'vite build', 'vite build', 'vite build']);
  });

  it('builds the player again when the page is gone', async () => {
    await run('start');
    rmSync(inFolder('player/dist'), { recursive: true });
    await run('start');
    expect(calls()).toEqual(['npm install', 'vite build', 'vite build']);
  });

  it('installs once when two start at once', async () => {
    const results = await Promise.all([run('start'), run('start')]);
    expect(results.map(({ code }) => code)).toEqual([0, 0]);
    expect(calls()).toEqual(['npm install', 'vite build']);
  });

  it('fetches the pinned Node by itself where npm runs no install scripts', async () => {
    write('npm-runs-no-scripts', '');
    const { output } = await run('check');
    expect(calls()).toEqual(['npm install', 'node installer']);
    expect(output).toContain('handed over check');
  });

  it('shows what npm said when the packages cannot be installed, and tries again the next time', async () => {
    write('npm-fails', '');
    const { code, output } = await run('start');
    expect(code).toBe(1);
    expect(output).toContain('the packages could not be installed (exit code 1):\nnpm error: the registry is on fire');
    rmSync(inFolder('npm-fails'));
    expect((await run('start')).code).toBe(0);
  });

  it('shows what vite said when the player cannot be built, and does not start without it', async () => {
    write('player/broken', '');
    const { code, output } = await run('start');
    expect(code).toBe(1);
    expect(output).toContain('the player could not be built (exit code 1):\nmain.ts: unexpected token');
    expect(output).not.toContain('handed over');
  });

  it('names the commands there are when it does not know one', async () => {
    const { code, output } = await run('strat');
    expect(code).toBe(1);
    expect(output).toContain('Unknown command "strat"; there are: start, check, test');
  });
});
