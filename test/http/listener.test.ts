import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/base/errors.ts';
import type { Log } from '../../src/base/log.ts';
import { type HttpListener, type HttpListenerOptions, startHttpListener } from '../../src/http/listener.ts';

const quietLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => quietLog,
};

const open: HttpListener[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((listener) => listener.close(0)));
});

async function listener(options: Partial<HttpListenerOptions> = {}): Promise<HttpListener> {
  const started = await startHttpListener({
    name: 'edge',
    host: '127.0.0.1',
    port: 0,
    setting: 'edge.http.port',
    handler: (_request, response) => void response.end('handled'),
    log: quietLog,
    ...options,
  });
  open.push(started);
  return started;
}

describe('startHttpListener', () => {
  it('answers GET and HEAD /healthz with 200 while it can serve, and with 503 and the sentence when not', async () => {
    const troubles: string[] = [];
    const { port } = await listener({ health: () => troubles[0] });
    const healthy = await fetch(`http://127.0.0.1:${port}/healthz`);
    expect([healthy.status, await healthy.text(), healthy.headers.get('cache-control')]).toEqual([
      200,
      'ok\n',
      'no-store',
    ]);
    const head = await fetch(`http://127.0.0.1:${port}/healthz`, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
    troubles.push('the store is gone');
    const sick = await fetch(`http://127.0.0.1:${port}/healthz`);
    expect([sick.status, await sick.text()]).toEqual([503, 'the store is gone\n']);
  });

  it('names address, port and setting when the port is in use', async () => {
    const { port } = await listener();
    const second = listener({ port });
    await expect(second).rejects.toThrow(ConfigError);
    await expect(second).rejects.toThrow(`port ${port} on 127.0.0.1 is in use: choose another with edge.http.port`);
  });

  it('answers 500 for a handler that throws or rejects, and goes on serving', async () => {
    const logged: string[] = [];
    const { port } = await listener({
      log: { ...quietLog, error: (_fields, message) => void logged.push(message) },
      handler: (request, response) => {
        if (request.url === '/throws') throw new Error('secret');
        if (request.url === '/rejects') return Promise.reject(new Error('secret'));
        response.end('fine');
        return undefined;
      },
    });
    for (const path of ['/throws', '/rejects']) {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`);
      expect([answer.status, await answer.text()]).toEqual([500, 'internal error\n']);
    }
    expect(logged).toEqual(['request failed', 'request failed']);
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('fine');
  });

  it('breaks the connection when a handler fails in the middle of its answer', async () => {
    const { port } = await listener({
      handler: async (_request, response) => {
        response.writeHead(200, { 'Content-Length': 10 });
        response.write('half');
        await new Promise((resolve) => setImmediate(resolve));
        throw new Error('too late');
      },
    });
    const answer = await fetch(`http://127.0.0.1:${port}/`);
    await expect(answer.text()).rejects.toThrow();
  });

  it('takes a URL of 8,192 bytes', async () => {
    const { port } = await listener();
    expect((await fetch(`http://127.0.0.1:${port}/${'a'.repeat(8_191)}`)).status).toBe(200);
  });

  it('writes no 400 into the body of an answer that is on its way', async () => {
    const { port } = await listener({
      handler: (_request, response) => {
        response.writeHead(200, { 'Content-Length': 100 });
        response.write('begun');
      },
    });
    const socket = connect(port, '127.0.0.1');
    let answer = '';
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      answer += text;
      if (answer.endsWith('begun')) socket.write('\0garbage\r\n\r\n');
    });
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await once(socket, 'close');
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK/);
    expect(answer).toMatch(/begun$/);
  });

  it('close ends idle connections at once, running ones when done, stuck ones after the grace', async () => {
    let finish: (() => void) | undefined;
    const started = await listener({
      handler: (request, response) => {
        response.write('begun ');
        if (request.url === '/slow') finish = () => void response.end('done');
      },
    });
    const idle = connect(started.port, '127.0.0.1');
    await once(idle, 'connect');
    const idleClosed = once(idle, 'close');
    const slow = await fetch(`http://127.0.0.1:${started.port}/slow`);
    const stuck = await fetch(`http://127.0.0.1:${started.port}/stuck`);
    const closed = started.close(300);
    await idleClosed;
    await expect(fetch(`http://127.0.0.1:${started.port}/`)).rejects.toThrow();
    finish?.();
    expect(await slow.text()).toBe('begun done');
    await expect(stuck.text()).rejects.toThrow();
    await closed;
  });
});
