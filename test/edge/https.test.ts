import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect as connectPlainly } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { edgeSchema } from '../../src/edge/settings.ts';
import { type CertificateFiles, makeCertificate } from '../support/certificates.ts';
import { eventually } from '../support/condition.ts';
import { get, startTestEdge, startTestOrigin, type TestEdge } from './test-edge.ts';

let folder: string;
let files: CertificateFiles;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'https-'));
  files = await makeCertificate(folder, 'first');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const cachedOrigin = () =>
  startTestOrigin((request, response) => {
    response.writeHead(200, { 'Cache-Control': 'max-age=60' });
    response.end(`body of ${request.url}`);
  });

async function secure(edge: TestEdge, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({ host: '127.0.0.1', port: edge.httpsPort, ca: readFileSync(files.certificate), ...options });
  await once(socket, 'secureConnect');
  return socket;
}

/** One request on a TLS connection; the answer up to its end. */
async function ask(socket: TLSSocket, path: string, lines = ''): Promise<string> {
  let text = '';
  socket.setEncoding('latin1').on('data', (piece: string) => (text += piece));
  socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n${lines}\r\n`);
  return eventually('an answer', () => (text.includes(`body of ${path}`) ? text : undefined));
}

async function httpsGet(edge: TestEdge, path: string): Promise<{ status: number; location: string | undefined }> {
  const request = httpsRequest({
    host: '127.0.0.1',
    port: edge.httpsPort,
    path,
    ca: readFileSync(files.certificate),
    agent: false,
  });
  request.end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  response.resume();
  return { status: response.statusCode ?? 0, location: response.headers.location };
}

describe('an edge over HTTPS', () => {
  it('answers from the same object as over HTTP, on the fast path too, in TLS 1.2 and 1.3', async () => {
    await using origin = await cachedOrigin();
    await using edge = await startTestEdge(origin.url, {}, { https: { port: 0, ...files } });
    await get(edge.httpPort, '/a');
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const socket = await secure(edge, { maxVersion, ALPNProtocols: ['h2', 'http/1.1'] });
      expect([socket.getProtocol(), socket.alpnProtocol]).toEqual([maxVersion, 'http/1.1']);
      expect(await ask(socket, '/a')).toContain('X-Cache: Hit from streamfront');
      expect(await ask(socket, '/a', 'X-Unknown: 1\r\n')).toContain('X-Cache: Hit from streamfront');
      socket.destroy();
    }
    expect(edge.stats().quickHits).toBe(2);
    expect(origin.requests).toHaveLength(1);
  });

  it('sends a large body in pieces, whole and in order, then the next answer', async () => {
    const body = Buffer.from(Array.from({ length: 1_000_003 }, (_, index) => index % 251));
    await using origin = await startTestOrigin((_request, response) => {
      response.writeHead(200, { 'Cache-Control': 'max-age=60', 'Content-Length': body.length }).end(body);
    });
    await using edge = await startTestEdge(origin.url, {}, { https: { port: 0, ...files } });
    await get(edge.httpPort, '/a');
    const socket = await secure(edge);
    const pieces: Buffer[] = [];
    socket.on('data', (piece: Buffer) => pieces.push(piece));
    socket.end('GET /a HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(2));
    await once(socket, 'close');
    const all = Buffer.concat(pieces);
    for (const begin of [0, all.length / 2]) {
      const bodyAt = all.indexOf('\r\n\r\n', begin) + 4;
      expect(all.subarray(bodyAt, bodyAt + body.length).equals(body)).toBe(true);
    }
    expect(edge.stats().quickHits).toBe(2);
  });

  it('refuses what is older than TLS 1.2', async () => {
    await using origin = await cachedOrigin();
    await using edge = await startTestEdge(origin.url, {}, { https: { port: 0, ...files } });
    await expect(
      secure(edge, { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' }),
    ).rejects.toThrow();
  });

  it('resumes a session by its ticket', async () => {
    await using origin = await cachedOrigin();
    await using edge = await startTestEdge(origin.url, {}, { https: { port: 0, ...files } });
    const first = await secure(edge);
    let session: Buffer | undefined;
    first.on('session', (ticket: Buffer) => (session = ticket));
    await ask(first, '/a');
    const ticket = await eventually('a ticket', () => session);
    first.destroy();
    const second = await secure(edge, { session: ticket });
    expect(second.isSessionReused()).toBe(true);
    second.destroy();
  });

  it('takes a new certificate without a restart; connections that are there stay', async () => {
    await using origin = await cachedOrigin();
    const mine = await makeCertificate(folder, 'changing');
    await using edge = await startTestEdge(origin.url, {}, { https: { port: 0, ...mine } });
    const old = await secure(edge, { ca: readFileSync(mine.certificate) });
    const before = old.getPeerX509Certificate()?.fingerprint256;
    await makeCertificate(folder, 'changing');
    edge.clock.advance(10_000);
    const renewed = await secure(edge, { ca: readFileSync(mine.certificate) });
    expect(renewed.getPeerX509Certificate()?.fingerprint256).not.toBe(before);
    await ask(old, '/a');
    old.destroy();
    renewed.destroy();
  });

  it('ends a connection that begins a handshake and stops, when it closes', async () => {
    await using origin = await cachedOrigin();
    const edge = await startTestEdge(origin.url, {}, { https: { port: 0, ...files } });
    const stopped = connectPlainly(edge.httpsPort ?? 0, '127.0.0.1');
    stopped.on('error', () => undefined);
    await once(stopped, 'connect');
    stopped.write('\x16\x03\x01');
    const ended = once(stopped, 'close');
    await edge.close();
    await ended;
  });

  it('says TLS in the log, and nothing secret', async () => {
    await using origin = await cachedOrigin();
    const logFolder = join(folder, 'access-log');
    const edge = await startTestEdge(
      origin.url,
      {},
      { https: { port: 0, ...files }, accessLog: { folder: logFolder } },
    );
    const socket = await secure(edge);
    await ask(socket, '/a');
    await ask(socket, '/a');
    socket.destroy();
    await get(edge.httpPort, '/a?key=hunter2', { cookie: 'hunter2', authorization: 'hunter2' });
    await edge.close();
    const text = readdirSync(logFolder)
      .map((name) => readFileSync(join(logFolder, name), 'latin1'))
      .join('');
    const lines = text.split('\n').filter((line) => /^\d/.test(line));
    expect(lines.map((line) => [16, 20, 13].map((index) => line.split('\t')[index]))).toEqual([
      ['https', 'TLSv1.3', 'Miss'],
      ['https', 'TLSv1.3', 'Hit'],
      ['http', '-', 'Hit'],
    ]);
    expect(text).not.toContain('hunter2');
  });
});

describe('viewerProtocol', () => {
  it('https-only: 403 over HTTP, on the fast path too', async () => {
    await using origin = await cachedOrigin();
    await using edge = await startTestEdge(
      origin.url,
      { viewerProtocol: 'https-only' },
      { https: { port: 0, ...files } },
    );
    expect((await httpsGet(edge, '/a')).status).toBe(200);
    expect(origin.requests[0]?.headers['x-forwarded-proto']).toBe('https');
    const refused = await get(edge.httpPort, '/a');
    expect([refused.status, refused.text.includes('HTTPS_ONLY')]).toEqual([403, true]);
    const socket = await secure(edge);
    expect(await ask(socket, '/a')).toContain('X-Cache: Hit');
    socket.destroy();
    expect(origin.requests).toHaveLength(1);
  });

  it('redirect-to-https: 301 for GET and HEAD, 307 for the rest, to the same path and query', async () => {
    await using origin = await cachedOrigin();
    await using edge = await startTestEdge(
      origin.url,
      { viewerProtocol: 'redirect-to-https' },
      { https: { port: 0, ...files } },
    );
    const host = { host: 'a.example:8080' };
    for (const [method, status] of [
      ['GET', 301],
      ['HEAD', 301],
      ['OPTIONS', 307],
    ] as const) {
      const { status: got, headers } = await get(edge.httpPort, '/a%20b?x=1', host, method);
      expect([got, headers.location, headers['x-cache']]).toEqual([
        status,
        `https://a.example:${edge.httpsPort}/a%20b?x=1`,
        'Redirect from streamfront',
      ]);
    }
    expect(origin.requests).toHaveLength(0);
    expect((await httpsGet(edge, '/a')).status).toBe(200);
  });

  it('redirect-to-https names publicPort, and no port where it is 443', async () => {
    await using origin = await cachedOrigin();
    await using edge = await startTestEdge(
      origin.url,
      { viewerProtocol: 'redirect-to-https' },
      { https: { port: 0, publicPort: 443, ...files } },
    );
    expect((await get(edge.httpPort, '/a', { host: '[::1]:8080' })).headers.location).toBe('https://[::1]/a');
    expect((await get(edge.httpPort, '/a', { host: 'a"b' })).status).toBe(400);
  });

  it('redirect-to-https without a place to go is a finding', () => {
    const parsed = edgeSchema.safeParse({
      distributions: [{ name: 'site', behaviours: [{ viewerProtocol: 'redirect-to-https' }] }],
    });
    expect(parsed.error?.issues.map(({ path, message }) => [path.join('.'), message])).toEqual([
      [
        'distributions.0.behaviours.0.viewerProtocol',
        'there is no HTTPS to send viewers to: edge.https says where it listens',
      ],
    ]);
  });
});
