import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { Agent, createServer, request as httpRequest, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { ConfigurationInput } from '../../src/cli/configuration-schema.ts';
import { ControlClient } from '../../src/control/control-client.ts';
import { eventually } from '../support/condition.ts';
import { run } from '../support/ffmpeg.ts';
import { type RunningProgram, startProgram } from '../support/program.ts';

const projectFolder = join(import.meta.dirname, '..', '..');
const mainFile = join(projectFolder, 'src', 'cli', 'main.ts');

/** An origin whose every answer says which version was the last when it was asked, and takes its time. */
interface VersionedOrigin {
  version: number;
  readonly server: Server;
  readonly url: string;
}

async function startVersionedOrigin(): Promise<VersionedOrigin> {
  const server = createServer(({ url }, response) => {
    const body = `${origin.version} ${url} `.padEnd(5_000, 'x');
    const headers = { 'Cache-Control': 'max-age=3600', 'Cache-Tag': `all, ${url?.slice(1) ?? ''}` };
    setTimeout(() => {
      response.writeHead(200, headers).write(body.slice(0, 2_000));
      setTimeout(() => response.end(body.slice(2_000)), Math.random() * 20);
    }, Math.random() * 20);
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = { version: 0, server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
  return origin;
}

let origin: VersionedOrigin;
let program: RunningProgram | undefined;
beforeEach(async () => {
  origin = await startVersionedOrigin();
});
afterEach(async () => {
  await program?.stop();
  program = undefined;
  origin.server.close();
  origin.server.closeAllConnections();
});

const oneSite: ConfigurationInput = {
  edge: { distributions: [{ name: 'site', cacheTags: { header: 'Cache-Tag' }, behaviours: [{ path: '*' }] }] },
};

async function startEdge(configuration = oneSite, ...flags: string[]): Promise<RunningProgram> {
  const edge = { ...configuration.edge, origins: { main: { url: origin.url } } };
  program = await startProgram({ flags: ['--role', 'edge', ...flags], configuration: { ...configuration, edge } });
  return program;
}

function command(...words: string[]) {
  return run(process.execPath, [mainFile, 'invalidate', ...words]);
}

/** The version in a body, whole or not at all. */
async function versionAt(url: string, agent: Agent): Promise<number> {
  const asking = httpRequest(url, { agent });
  asking.end();
  const [response] = (await once(asking, 'response')) as [NodeJS.ReadableStream];
  let text = '';
  for await (const piece of response) text += String(piece);
  expect(text).toHaveLength(5_000);
  return Number.parseInt(text, 10);
}

describe('streamfront invalidate', () => {
  it('1,000 viewers at a time: whoever asks after it has returned never gets an old body, in any of many rounds', async () => {
    const { edgeUrl, dataFolder } = await startEdge();
    const agent = new Agent({ keepAlive: true, maxSockets: 1_000 });
    const paths = Array.from({ length: 12 }, (_, i) => `/p/${i}`);
    // What a request that begins now must not be older than, by path.
    const oldest = new Map<string, number>(paths.map((path) => [path, 0]));
    const tooOld: string[] = [];
    const failures: unknown[] = [];
    let answers = 0;
    const stopping = new AbortController();
    const viewers = Array.from({ length: 1_000 }, async (_, viewer) => {
      for (let turn = 0; !stopping.signal.aborted; turn++) {
        const path = paths[(viewer + turn) % paths.length] ?? '';
        const atLeast = oldest.get(path) ?? 0;
        const version = await versionAt(`${edgeUrl}${path}`, agent).catch((error: unknown) => {
          failures.push(error);
          stopping.abort();
          return atLeast;
        });
        if (version < atLeast) tooOld.push(`${path}: ${version} after ${atLeast}`);
        answers++;
      }
    });
    const raise = (concerned: readonly string[], version: number) => {
      for (const path of concerned) oldest.set(path, version);
    };
    await eventually('every viewer has had an answer', () => answers >= 1_000, 60_000);

    // The command itself; then, for more rounds than there is time to start it, what it does.
    const client = new ControlClient(dataFolder);
    for (let round = 0; round < 20; round++) {
      const version = ++origin.version;
      const one = paths[round % paths.length] ?? '';
      const [items, concerned] = [
        [['/p/*'], paths] as const,
        [[one], [one]] as const,
        [['#all'], paths] as const,
        [[`#${one.slice(1)}`], [one]] as const,
        [['/p/1*'], paths.filter((path) => path.startsWith('/p/1'))] as const,
      ][round % 5] ?? [[], []];
      if (round < 5) {
        const result = await command('--data', dataFolder, ...items);
        expect(result.standardError).toBe('');
        expect(result.standardOutput).toContain(`In force for distribution site:\n  ${items[0]}`);
      } else {
        await client.invalidate(items, undefined);
      }
      raise(concerned, version);
      const before = answers;
      await eventually('viewers go on', () => answers > before + 300, 60_000);
    }
    stopping.abort();
    await Promise.all(viewers);
    agent.destroy();
    expect(failures).toEqual([]);
    expect(tooOld).toEqual([]);
  }, 240_000);

  it('says what is in force, how many objects went, and what is wrong', async () => {
    const { edgeUrl, dataFolder } = await startEdge();
    for (const path of ['/a', '/b', '/b/c']) await (await fetch(`${edgeUrl}${path}`)).text();
    const done = await command('--data', dataFolder, '--wait', '/b*', '#nothing');
    expect(done).toMatchObject({ code: 0, standardError: '' });
    expect(done.standardOutput).toBe(
      'In force for distribution site:\n  /b*\n  #nothing\n2 objects removed from the cache.\n',
    );
    const one = await command('--data', dataFolder, '--distribution', 'site', '--wait', '/a');
    expect(one.standardOutput).toContain('\n1 object removed from the cache.\n');

    for (const [words, complaint] of [
      [['b'], '"b" cannot be invalidated: a path begins with "/"'],
      [['/a*b'], '"*" may stand at the end only'],
      [['--distribution', 'shop', '/a'], 'this edge has no distribution "shop" (there: site)'],
      [[], "missing required argument 'paths'"],
    ] as const) {
      const refused = await command('--data', dataFolder, ...words);
      expect(refused.code).toBe(1);
      expect(refused.standardError).toContain(complaint);
      expect(refused.standardError).not.toMatch(/^\s+at /m);
    }
    expect((await command('--help')).standardOutput).toContain("'/news/*'");
  });

  it('does what docs/invalidation.md shows, as it is written there', async () => {
    const page = readFileSync(join(projectFolder, 'docs', 'invalidation.md'), 'utf8');
    const blocks = [...page.matchAll(/^```(\w+)\n(.*?)^```/gms)].map(([, kind, text = '']) => ({ kind, text }));
    const [configured] = blocks.filter(({ kind }) => kind === 'yaml');
    const { edgeUrl, dataFolder } = await startEdge(parse(configured?.text ?? '') as ConfigurationInput);
    const shell = blocks.filter(({ kind }) => kind === 'sh');
    expect(shell.length).toBeGreaterThanOrEqual(4);
    for (const { text } of shell) {
      await (await fetch(`${edgeUrl}/index.html`)).text();
      await (await fetch(`${edgeUrl}/product-12`)).text();
      // `npx streamfront` of this tree, in the folder of the edge.
      const script = `set -e\nnpx() { shift; "${process.execPath}" "${mainFile}" "$@"; }\ncd "${dirname(dataFolder)}"\n${text}`;
      const result = await run('sh', ['-c', script]);
      expect(result).toMatchObject({ code: 0, standardError: '' });
      expect(result.standardOutput).toMatch(/[12] objects? removed from the cache|"distribution":"shop"/);
    }
  });

  it('what it acknowledged holds after kill -9, for what is on the disk too', async () => {
    const before = await startEdge();
    const paths = Array.from({ length: 300 }, (_, i) => `/${i % 3 === 0 ? 'kept' : 'banned'}/${i}`);
    const agent = new Agent({ keepAlive: true, maxSockets: 50 });
    const versionsAt = (edge: RunningProgram) =>
      Promise.all(paths.map((path) => versionAt(edge.edgeUrl + path, agent)));
    const cacheFolder = join(before.dataFolder, 'cache');
    const filesOnDisk = () =>
      readdirSync(cacheFolder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).length;
    await versionsAt(before);
    await eventually('all are on the disk, and an index', () => filesOnDisk() > paths.length);
    origin.version = 1;
    await new ControlClient(before.dataFolder).invalidate(['/banned/*'], undefined);
    before.process.kill('SIGKILL');
    await once(before.process, 'exit');

    try {
      const after = await startEdge(oneSite, '--data', before.dataFolder);
      const versions = await versionsAt(after);
      const ofBanned = versions.filter((_, i) => paths[i]?.startsWith('/banned/'));
      expect(new Set(ofBanned)).toEqual(new Set([1]));
      // What had just been written may have been lost with the process; most of it is there.
      expect(versions.filter((version) => version === 0).length).toBeGreaterThan(50);
    } finally {
      agent.destroy();
      await before.stop();
    }
  });

  it('finds no edge where none runs, before the first start and after the last', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'streamfront-none-'));
    try {
      const none = await command('--data', folder, '/a');
      expect(none.code).toBe(1);
      expect(none.standardError).toContain(`no edge runs with the data folder ${folder}: start one with`);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
    const { dataFolder, process: edge } = await startEdge();
    edge.kill('SIGKILL');
    await once(edge, 'exit');
    const gone = await command('--data', dataFolder, '/a');
    expect(gone.code).toBe(1);
    expect(gone.standardError).toContain(`EDGE_NOT_RUNNING: the edge that was process ${edge.pid} does not answer`);
  });
});
