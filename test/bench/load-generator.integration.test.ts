import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { beforeAll, describe, expect, it } from 'vitest';
import { bottleneckNote, buildLoadGenerator, loadServer } from './load-generator.ts';

let generator: string;
beforeAll(async () => {
  generator = await buildLoadGenerator();
});

async function serve(listener: RequestListener) {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    pid: process.pid,
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

const load = { path: '/thing', connections: 8, seconds: 0.4, expect: 'X-Cache: Hit' };

describe('loadServer', () => {
  it('counts the answers that the server gave, and measures what they cost', async () => {
    let answers = 0;
    await using server = await serve((request, response) => {
      expect(request.url).toBe('/thing');
      answers += 1;
      response.setHeader('x-cache', 'hit from here').end('x'.repeat(70_000));
    });
    const sample = await loadServer(generator, server, load);
    expect(answers).toBeGreaterThan(50);
    // At the end at most one answer a connection was not counted any more.
    expect(Math.abs(sample.requestsPerSecond * load.seconds - answers)).toBeLessThan(answers * 0.2 + load.connections);
    expect(sample.p50Ms).toBeGreaterThan(0);
    expect(sample.p99Ms).toBeGreaterThanOrEqual(sample.p50Ms);
    expect(sample.serverCpuShare).toBeGreaterThan(0);
  });

  it('asks at the rate it was given', async () => {
    await using server = await serve((_request, response) => {
      response.setHeader('x-cache', 'Hit').end();
    });
    const sample = await loadServer(generator, server, { ...load, seconds: 1, rate: 100 });
    expect(sample.requestsPerSecond).toBeGreaterThan(80);
    expect(sample.requestsPerSecond).toBeLessThanOrEqual(101);
  });

  it('asks for the paths of a file in turn, with a field of its own', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'load-paths-'));
    const paths = join(folder, 'paths');
    writeFileSync(paths, '/a?x=1\n/b\n/c\n');
    const asked: (string | undefined)[] = [];
    const cookies = new Set<string | undefined>();
    await using server = await serve(({ url, headers }, response) => {
      asked.push(url);
      cookies.add(headers.cookie);
      response.setHeader('x-cache', 'Hit').end();
    });
    await loadServer(generator, server, { ...load, paths, field: 'Cookie: a=b', connections: 1, requests: 7 });
    rmSync(folder, { recursive: true });
    expect(asked.slice(0, 7)).toEqual(['/a?x=1', '/b', '/c', '/a?x=1', '/b', '/c', '/a?x=1']);
    expect(cookies).toEqual(new Set(['a=b']));
  });

  it('fails when an answer is not the one that was to be measured', async () => {
    await using server = await serve((_request, response) => {
      response.setHeader('x-cache', 'Miss').end('Hit');
    });
    await expect(loadServer(generator, server, load)).rejects.toThrow('"X-Cache: Hit" is not in the head');
  });

  it('fails when the server answers with an error', async () => {
    await using server = await serve((_request, response) => {
      response.writeHead(503, { 'x-cache': 'Hit' }).end();
    });
    await expect(loadServer(generator, server, load)).rejects.toThrow('not a 200');
  });
});

describe('bottleneckNote', () => {
  const sample = { requestsPerSecond: 1, p50Ms: 1, p99Ms: 1, serverCpuMicrosPerRequest: 1 };

  it('says nothing when the server was busy', () => {
    expect(bottleneckNote('nginx', { ...sample, loadCpuShare: 0.99, serverCpuShare: 0.95 })).toEqual([]);
  });

  it('says so when the load generator was busy and the server was not', () => {
    const [note] = bottleneckNote('nginx', { ...sample, loadCpuShare: 0.95, serverCpuShare: 0.6 });
    expect(note).toContain('the load generator was the bottleneck for nginx (95 % of its core, the server 60 %)');
  });

  it('says so when neither was busy', () => {
    const [note] = bottleneckNote('ours', { ...sample, loadCpuShare: 0.3, serverCpuShare: 0.6 });
    expect(note).toContain('ours had only 60 % of its core');
  });
});
