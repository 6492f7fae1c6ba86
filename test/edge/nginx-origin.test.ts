import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { findProgram } from '../../scripts/system-programs.mjs';
import { type ServerProcess, startServer } from '../bench/server-process.ts';
import { freePort } from '../support/free-port.ts';
import { eventually } from '../support/condition.ts';
import { patternBytes } from './file-origin.ts';
import { get, openGet, readAll, startTestEdge } from './test-edge.ts';

const folder = mkdtempSync(join(tmpdir(), 'streamfront-nginx-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const lengthBytes = 20_000_000;
const cache = { memory: '64MiB', slice: '1MiB', readAhead: '2MiB', maxObject: '4MiB' };

function writeFile(seed: number): void {
  const file = join(folder, 'files', 'film.mp4');
  mkdirSync(join(folder, 'files'), { recursive: true });
  writeFileSync(file, patternBytes(0, lengthBytes, seed));
  // nginx makes its ETag of the time and the length.
  utimesSync(file, 1_600_000_000 + seed, 1_600_000_000 + seed);
}

/** nginx as it comes, in one process: `/` at full speed, `/slow/` at 4 MB/s, `/whole/` without ranges. */
async function startNginx(port: number): Promise<ServerProcess> {
  const nginx = findProgram('nginx');
  if (nginx === undefined) throw new Error('nginx is not installed');
  const temporaryPaths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path "${join(folder, kind)}";`)
    .join(' ');
  const location = (path: string, more: string) =>
    `location ${path} { alias "${join(folder, 'files')}/"; expires 10m; ${more} }`;
  const configuration = join(folder, 'nginx.conf');
  writeFileSync(
    configuration,
    `daemon off; master_process off; pid "${join(folder, 'nginx.pid')}"; error_log stderr crit;
    ${process.getuid?.() === 0 ? 'user root;' : ''}
    events { worker_connections 256; }
    http { access_log off; ${temporaryPaths}
      server { listen 127.0.0.1:${port};
        ${location('/', '')} ${location('/slow/', 'limit_rate 4000k;')} ${location('/whole/', 'max_ranges 0;')} } }`,
  );
  return startServer(nginx, ['-e', 'stderr', '-p', folder, '-c', configuration], port);
}

async function startPair() {
  writeFile(0);
  const port = await freePort();
  const nginx = await startNginx(port);
  const edge = await startTestEdge(`http://127.0.0.1:${port}`, {}, { cache });
  return { port, nginx, edge };
}

describe('nginx as the origin of a large file', () => {
  it('gives plain answers and ranges; conditional requests find the slices again', async () => {
    const { nginx, edge } = await startPair();
    await using _nginx = nginx;
    await using _edge = edge;
    const range = await get(edge.httpPort, '/film.mp4', { range: 'bytes=15000000-15999999' });
    expect([range.status, range.body.equals(patternBytes(15_000_000, 1_000_000))]).toEqual([206, true]);
    const whole = await get(edge.httpPort, '/film.mp4');
    expect(whole.body.equals(patternBytes(0, lengthBytes))).toBe(true);
    const asked = edge.stats().counters.originRequests;
    edge.clock.advance(700_000);
    const later = await get(edge.httpPort, '/film.mp4');
    expect([later.body.equals(whole.body), later.headers['x-cache']]).toEqual([true, 'RefreshHit from streamfront']);
    expect(edge.stats().counters.originRequests).toBe(asked + 1);
  });

  it('says by If-Match that the file has changed: the old one is cut off, the new one is whole', async () => {
    const { nginx, edge } = await startPair();
    await using _nginx = nginx;
    await using _edge = edge;
    await get(edge.httpPort, '/film.mp4', { range: 'bytes=0-2999999' });
    await eventually('nothing is being fetched', () => edge.stats().cache.reservedBytes === 0);
    writeFile(7);
    const old = await openGet(edge.httpPort, '/film.mp4');
    await expect(readAll(old)).rejects.toThrow();
    const current = await get(edge.httpPort, '/film.mp4');
    expect(current.body.equals(patternBytes(0, lengthBytes, 7))).toBe(true);
  });

  it('slowly: many viewers at one place cost one request, and each gets its bytes as they come', async () => {
    const { nginx, edge } = await startPair();
    await using _nginx = nginx;
    await using _edge = edge;
    const viewers = await Promise.all(
      Array.from({ length: 20 }, () => get(edge.httpPort, '/slow/film.mp4', { range: 'bytes=0-3999999' })),
    );
    for (const { body } of viewers) expect(body.equals(patternBytes(0, 4_000_000))).toBe(true);
    expect(edge.stats().counters.originRequests).toBe(1);
  });

  it('without ranges: a place far behind comes out of the whole', async () => {
    const { nginx, edge } = await startPair();
    await using _nginx = nginx;
    await using _edge = edge;
    const answer = await get(edge.httpPort, '/whole/film.mp4', { range: 'bytes=-1000' });
    expect([answer.status, answer.body.equals(patternBytes(lengthBytes - 1_000, 1_000))]).toEqual([206, true]);
  });

  it('killed in the middle and started again: the viewer gets all of it', async () => {
    const { port, nginx, edge } = await startPair();
    await using _edge = edge;
    await using _nginx = nginx;
    const response = await openGet(edge.httpPort, '/slow/film.mp4');
    const pieces: Buffer[] = [];
    let received = 0;
    response.on('data', (bytes: Buffer) => {
      pieces.push(bytes);
      received += bytes.length;
    });
    await eventually('a part has come', () => received > 3_000_000);
    process.kill(nginx.pid, 'SIGKILL');
    await eventually('the edge has noticed', () => edge.stats().counters.originErrors > 0);
    await using _restarted = await startNginx(port);
    await eventually('all has come', () => {
      edge.clock.advance(100);
      return received === lengthBytes;
    });
    expect(Buffer.concat(pieces).equals(patternBytes(0, lengthBytes))).toBe(true);
  });
});
