import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { defaultDeadlines } from '../../src/http/listener-bounds.ts';
import { eventually } from '../support/condition.ts';
import { withoutSharedReading } from '../support/without-shared-reading.ts';
import { exchange, rawClient, startTestListener } from './test-listener.ts';

const get = (target: string, more = '') => `GET ${target} HTTP/1.1\r\nHost: a\r\n${more}\r\n`;
const last = (target: string) => get(target, 'Connection: close\r\n');

/** The bodies of the answers, in order: each is a word and a target. */
function bodies(answer: string): string[] {
  return [...answer.matchAll(/\r\n\r\n((?:quick|slow) \/[a-z0-9/]*)/g)].map(([, body]) => body ?? '');
}

describe.each([
  ['read past the stream', () => undefined],
  ['read through the stream', withoutSharedReading],
])('the fast path, %s,', (_way, arrange) => {
  let arranged: Disposable | undefined;
  beforeEach(() => {
    arranged = arrange();
  });
  afterEach(() => arranged?.[Symbol.dispose]());

  it('answers in order, and passes on one by one what is for the slow way', async () => {
    await using listener = await startTestListener();
    const answer = await exchange(
      listener.port,
      `${get('/quick/a')}${get('/slow/b')}${get('/quick/c')}${get('/slow/d')}${get('/slow/e')}${last('/slow/f')}`,
    );
    expect(bodies(answer)).toEqual([
      'quick /quick/a',
      'slow /slow/b',
      'quick /quick/c',
      'slow /slow/d',
      'slow /slow/e',
      'slow /slow/f',
    ]);
    expect(listener.quick).toEqual(['/quick/a', '/quick/c']);
  });

  it.each([
    ['a request that is not plain', 'HEAD /gone HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a request that the responder leaves for good', get('/gone')],
  ])('is left for good with %s', async (_what, leaving) => {
    await using listener = await startTestListener();
    const answer = await exchange(listener.port, `${get('/quick/a')}${leaving}${get('/quick/b')}${last('/slow/c')}`);
    expect(answer.match(/HTTP\/1\.1 200/g)).toHaveLength(4);
    expect([listener.quick, listener.handled]).toEqual([['/quick/a'], ['/gone', '/quick/b', '/slow/c']]);
  });

  it('passes bodies of any length and framing through, and takes the connection back behind them', async () => {
    const body = Buffer.from(Array.from({ length: 3_000_000 }, (_, index) => 33 + (index % 89)));
    await using listener = await startTestListener({
      handler: (_request, response) => {
        // Without a length: in chunks of its own.
        for (let at = 0; at < body.length; at += 100_000) response.write(body.subarray(at, at + 100_000));
        response.end();
      },
    });
    const answer = await exchange(listener.port, `${get('/slow/a')}${get('/quick/b')}${get('/slow/c')}${last('/d')}`);
    expect(listener.quick).toEqual(['/quick/b']);
    const [first = ''] = /^[^]*?\r\n0\r\n\r\n/.exec(answer) ?? [];
    const text = first.slice(first.indexOf('\r\n\r\n') + 4).replaceAll(/(?:^|\r\n)[0-9a-f]+\r\n/g, '');
    expect(text.replace(/\r\n$/, '') === body.toString()).toBe(true);
    expect(answer.match(/HTTP\/1\.1 200/g)).toHaveLength(4);
  });

  it('tells who answers that the viewer has left', async () => {
    for (const leave of ['destroy', 'end'] as const) {
      let asked = false;
      const left: string[] = [];
      await using listener = await startTestListener({
        handler: (request, response) => {
          asked = true;
          response.on('close', () => left.push(`${request.url} ${response.writableFinished}`));
        },
      });
      const client = rawClient(listener.port);
      client.socket.write(get('/slow/a'));
      await eventually('the request', () => asked);
      client.socket[leave]();
      await eventually(`the end of the response (${leave})`, () => left.length > 0);
      expect(left).toEqual(['/slow/a false']);
    }
  });

  it('closes the connection behind an answer that says so', async () => {
    await using listener = await startTestListener({
      handler: (_request, response) => {
        response.shouldKeepAlive = false;
        response.end('slow /last');
      },
    });
    const answer = await exchange(listener.port, get('/slow/a') + get('/quick/b'));
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*Connection: close\r\n[^]*slow \/last/);
    expect(listener.quick).toEqual([]);
  });

  it('ends with the answers that others give, when the listener closes', async () => {
    let finish: (() => void) | undefined;
    const listener = await startTestListener({
      handler: (_request, response) => {
        response.write('begun ');
        finish = () => response.end('done');
      },
    });
    const client = rawClient(listener.port);
    client.socket.write(get('/slow/a'));
    await eventually('the beginning', () => client.text().includes('begun'));
    const closed = listener.close(5_000);
    finish?.();
    expect(await client.closed()).toMatch(/done\r\n0\r\n\r\n$/);
    await closed;
  });

  it('takes a request in pieces, whatever the pieces', async () => {
    await using listener = await startTestListener();
    const bytes = get('/quick/a') + get('/quick/b') + last('/slow/c');
    for (let at = 1; at < bytes.length; at++) {
      const client = rawClient(listener.port);
      client.socket.write(bytes.slice(0, at));
      await sleep(1);
      client.socket.write(bytes.slice(at));
      expect(bodies(await client.closed())).toEqual(['quick /quick/a', 'quick /quick/b', 'slow /slow/c']);
    }
  });

  it('takes the same request as often as it comes, alone or behind others', async () => {
    await using listener = await startTestListener();
    const client = rawClient(listener.port);
    const asked = ['/quick/a', '/quick/a', '/slow/a', '/slow/a', '/quick/a', '/quick/b', '/quick/a'];
    for (const [index, target] of asked.entries()) {
      client.socket.write(get(target));
      await eventually('the answer', () => bodies(client.text()).length > index);
    }
    client.socket.write(get('/quick/a') + get('/quick/a') + last('/slow/c'));
    const all = [...asked, '/quick/a', '/quick/a', '/slow/c'].map((target) => `${target.split('/')[1]} ${target}`);
    expect(bodies(await client.closed())).toEqual(all);
  });

  it('says of the connection what the slow way says', async () => {
    await using listener = await startTestListener();
    const [quick, slow] = (await exchange(listener.port, get('/quick/a') + get('/slow/b') + last('/slow/c')))
      .split('HTTP/1.1 200 OK\r\n')
      .slice(1);
    const connectionFields = (head = '') =>
      head.split('\r\n').filter((line) => /^(?:connection|keep-alive):/i.test(line));
    expect(connectionFields(quick)).toEqual(connectionFields(slow));
    expect(connectionFields(quick)).toHaveLength(2);
  });

  it('makes no further answer while a viewer has not taken the one before', async () => {
    await using listener = await startTestListener();
    const client = rawClient(listener.port);
    client.socket.pause();
    const bytes = 40_000_000;
    client.socket.write(get(`/quick/${bytes}`).repeat(3));
    await eventually('the first answer', () => listener.quick.length > 0);
    await sleep(50);
    expect(listener.quick).toHaveLength(1);
    client.socket.resume();
    client.socket.end();
    const answer = await client.closed();
    expect(answer.match(/HTTP\/1\.1 200/g)).toHaveLength(3);
    expect(answer.length).toBeGreaterThan(3 * bytes);
  });

  it('takes the rest of a request that comes while an answer is being sent', async () => {
    await using listener = await startTestListener();
    const client = rawClient(listener.port);
    client.socket.pause();
    client.socket.write(get('/quick/20000000'));
    await eventually('the first answer', () => listener.quick.length > 0);
    for (const piece of ['GET /sl', 'ow HTTP/1.1\r\nHo', 'st: a\r\nConnection: close\r\n\r\n']) {
      client.socket.write(piece);
      await sleep(5);
    }
    client.socket.resume();
    expect((await client.closed()).slice(-10)).toBe('slow /slow');
  });

  it('gives a viewer that asks for nothing more what it asked for, and closes', async () => {
    await using listener = await startTestListener();
    const client = rawClient(listener.port);
    client.socket.end(get('/quick/3000000'));
    expect((await client.closed()).length).toBeGreaterThan(3_000_000);
  });

  it('leaves requests to change protocols to who can', async () => {
    await using listener = await startTestListener({
      upgrade: {
        wants: () => true,
        upgrade: (_request, socket, head) => socket.end(`HTTP/1.1 101 Switching Protocols\r\n\r\n${head.toString()}`),
      },
    });
    const answer = await exchange(
      listener.port,
      `${get('/quick/a')}GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nfirst`,
    );
    expect(answer).toMatch(/quick \/quick\/aHTTP\/1\.1 101 Switching Protocols\r\n\r\nfirst$/);
  });

  it('lets who took a connection over read on it, what came before and what comes', async () => {
    await using listener = await startTestListener({
      upgrade: {
        wants: () => true,
        upgrade: (_request, socket, head) => {
          socket.write(`HTTP/1.1 101 Switching Protocols\r\n\r\n${head.toString()}`);
          socket.pipe(socket);
        },
      },
    });
    const client = rawClient(listener.port);
    client.socket.write(
      `${get('/quick/a')}GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n0`,
    );
    await eventually('the change', () => client.text().endsWith('\r\n\r\n0'));
    for (let i = 1; i < 10; i++) {
      client.socket.write(String(i));
      await eventually('the echo', () => client.text().endsWith(String(i)));
    }
    const long = 'x'.repeat(3_000_000);
    client.socket.end(long);
    expect((await client.closed()).split('\r\n\r\n').at(-1)).toBe(`0123456789${long}`);
  });

  it('hands over a request with a body, of which some came with the head, and reads all of it', async () => {
    const uploads = new Map<string | undefined, number>();
    await using listener = await startTestListener({
      handler: async (request, response) => {
        let length = 0;
        for await (const piece of request) length += (piece as Buffer).length;
        uploads.set(request.url, length);
        response.end('slow /kept');
      },
    });
    const client = rawClient(listener.port);
    const length = 5_000_000;
    client.socket.write(`${get('/quick/a')}POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n1234`);
    await eventually('the first answer', () => client.text().endsWith('quick /quick/a'));
    client.socket.write('b'.repeat(length - 4));
    client.socket.write(last('/slow/c'));
    expect(bodies(await client.closed())).toEqual(['quick /quick/a', 'slow /kept', 'slow /kept']);
    expect(Object.fromEntries(uploads)).toEqual({ '/b': length, '/slow/c': 0 });
  });
});

describe('deadlines of a listener', () => {
  const short = { ...defaultDeadlines, headMs: 200, requestMs: 400, keepAliveMs: 200, silenceMs: 300 };

  it.each([
    ['a connection that says nothing', ''],
    ['a request that stops in its first line', 'GET /qui'],
    ['a request that stops in its fields', 'GET /quick HTTP/1.1\r\nHost: a\r\nAccept: '],
    ['a request that is for the slow way and stops', 'POST /slow HTTP/1.1\r\nHost: a\r\nAccept: '],
  ])('%s is answered 408 and closed', async (_what, bytes) => {
    await using listener = await startTestListener({ deadlines: short });
    const answer = await exchange(listener.port, bytes);
    expect(answer).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\nConnection: close\r\n/);
    expect([listener.handled, listener.quick]).toEqual([[], []]);
  });

  it.each(['GET /quick HTTP/1.1\r\nHost: a\r\nCookie: ', 'POST /slow HTTP/1.1\r\nHost: a\r\nCookie: '])(
    'a head that comes byte by byte (%j) is ended all the same',
    async (beginning) => {
      await using listener = await startTestListener({ deadlines: short });
      const client = rawClient(listener.port);
      client.socket.write(beginning);
      const dripping = setInterval(() => client.socket.write('a'), 20);
      const answer = await client.closed();
      clearInterval(dripping);
      expect(answer).toMatch(/^HTTP\/1\.1 408 /);
    },
  );

  it('a body that does not come is ended', async () => {
    await using listener = await startTestListener({
      deadlines: { ...short, silenceMs: 5_000 },
      handler: (request, response) => {
        request.on('error', () => undefined).resume();
        request.on('end', () => response.end());
      },
    });
    const answer = await exchange(listener.port, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc');
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
  });

  it.each([['/quick/a'], ['/slow/a']])('a connection without a further request (%s) is closed', async (target) => {
    await using listener = await startTestListener({ deadlines: short });
    const answer = await exchange(listener.port, get(target));
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*a$/);
  });

  it('a viewer that reads nothing of an answer is let go', async () => {
    await using listener = await startTestListener({ deadlines: short });
    const client = rawClient(listener.port);
    client.socket.pause();
    client.socket.write(get('/quick/40000000'));
    await eventually('the end of the answer', () => listener.brokenOff.length > 0);
    client.socket.resume();
    expect((await client.closed()).length).toBeLessThan(40_000_000);
  });
});

describe('closing a listener with connections on the fast path', () => {
  it('ends those that wait at once, and those that are being answered with the answer', async () => {
    const listener = await startTestListener();
    const idle = rawClient(listener.port);
    idle.socket.write(get('/quick/a'));
    const partial = rawClient(listener.port);
    partial.socket.write('GET /quick');
    const busy = rawClient(listener.port);
    busy.socket.pause();
    busy.socket.write(get('/quick/20000000'));
    await eventually('both answers', () => listener.quick.length === 2);
    const closed = listener.close(5_000);
    expect(bodies(await idle.closed())).toEqual(['quick /quick/a']);
    expect(await partial.closed()).toBe('');
    busy.socket.resume();
    expect((await busy.closed()).length).toBeGreaterThan(20_000_000);
    await closed;
  });

  it('ends those that are stuck after the grace', async () => {
    const listener = await startTestListener();
    const stuck = rawClient(listener.port);
    stuck.socket.pause();
    stuck.socket.write(get('/quick/40000000'));
    await eventually('the answer', () => listener.quick.length > 0);
    await listener.close(50);
    stuck.socket.resume();
    if (!stuck.socket.closed) await once(stuck.socket, 'close');
    expect(stuck.text().length).toBeLessThan(40_000_000);
  });
});
