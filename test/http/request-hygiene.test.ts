import { describe, expect, it } from 'vitest';
import { eventually } from '../support/condition.ts';
import { exchange, rawClient, startTestListener } from './test-listener.ts';

const target = (bytes: number) => `/${'a'.repeat(bytes - 1)}`;

/** RFC 9112 §2.2, §3, §5 and §6: what two readers might understand in two ways is refused. */
const refused: readonly (readonly [what: string, bytes: string, status: number])[] = [
  [
    'both Content-Length and Transfer-Encoding',
    'POST /quick HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    400,
  ],
  [
    'a GET with both Content-Length and Transfer-Encoding',
    'GET /quick HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    400,
  ],
  [
    'two different Content-Lengths',
    'POST /quick HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd',
    400,
  ],
  [
    'the same Content-Length twice',
    'POST /quick HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc',
    400,
  ],
  ['a Content-Length of +3', 'POST /quick HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc', 400],
  ['a Content-Length of 3, 3', 'POST /quick HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\nabc', 400],
  ['a Content-Length of 0x3', 'POST /quick HTTP/1.1\r\nHost: a\r\nContent-Length: 0x3\r\n\r\nabc', 400],
  ['a negative Content-Length', 'POST /quick HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n', 400],
  [
    'a Transfer-Encoding that does not end in chunked',
    'POST /quick HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n',
    400,
  ],
  [
    'a Transfer-Encoding with a vertical tab',
    'POST /quick HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n',
    400,
  ],
  ['two Host fields', 'GET /quick HTTP/1.1\r\nHost: a\r\nhOST: b\r\n\r\n', 400],
  ['the same Host twice', 'GET /quick HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n', 400],
  ['no Host field', 'GET /quick HTTP/1.1\r\n\r\n', 400],
  ['an obsolete line fold', 'GET /quick HTTP/1.1\r\nHost: a\r\nX-A: b\r\n c\r\nX-D: e\r\n\r\n', 400],
  ['a fold in a field that is known', 'GET /quick HTTP/1.1\r\nHost: a\r\nAccept: b\r\n c\r\n\r\n', 400],
  ['a fold before the first field', 'GET /quick HTTP/1.1\r\n Host: a\r\nHost: a\r\n\r\n', 400],
  ['a NUL in a field', 'GET /quick HTTP/1.1\r\nHost: a\r\nAccept: b\0c\r\n\r\n', 400],
  ['a NUL in the target', 'GET /quick\0 HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ['a bare LF between fields', 'GET /quick HTTP/1.1\r\nHost: a\r\nAccept: b\nX-B: c\r\n\r\n', 400],
  ['bare LFs only', 'GET /quick HTTP/1.1\nHost: a\n\n', 400],
  ['a bare CR in a field', 'GET /quick HTTP/1.1\r\nHost: a\r\nAccept: b\rX-B: c\r\n\r\n', 400],
  ['a space before the colon', 'GET /quick HTTP/1.1\r\nHost: a\r\nAccept : b\r\n\r\n', 400],
  ['a space before the colon of Host', 'GET /quick HTTP/1.1\r\nHost : a\r\n\r\n', 400],
  ['a line without a colon', 'GET /quick HTTP/1.1\r\nHost: a\r\nAccept\r\n\r\n', 400],
  ['a space within the target', 'GET /quick a HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ['HTTP/1.10', 'GET /quick HTTP/1.10\r\nHost: a\r\n\r\n', 400],
  ['HTTP/3.7', 'GET /quick HTTP/3.7\r\nHost: a\r\n\r\n', 400],
  ['a version in small letters', 'GET /quick http/1.1\r\nHost: a\r\n\r\n', 400],
  ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
  ['no HTTP at all', '\x16\x03\x01\x02\x00\x01\r\n\r\n', 400],
  ['a URL of more than 8,192 bytes', `GET ${target(8_193)} HTTP/1.1\r\nHost: a\r\n\r\n`, 414],
  ['a head of more than 20,480 bytes', `GET /quick HTTP/1.1\r\nHost: a\r\nX-A: ${'a'.repeat(21_000)}\r\n\r\n`, 431],
  [
    'a head of more than 20,480 bytes in a field that is known',
    `GET /quick HTTP/1.1\r\nHost: a\r\nCookie: ${'a'.repeat(21_000)}\r\n\r\n`,
    431,
  ],
  ['a head that never ends', `GET /quick HTTP/1.1\r\nHost: a\r\nCookie: ${'a'.repeat(40_000)}`, 431],
];

describe.each([
  ['on the fast path', ''],
  ['on a connection that has left it', 'HEAD /before HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['behind a request that was answered at once', 'GET /quick/before HTTP/1.1\r\nHost: a\r\n\r\n'],
])('a request that two readers might take for two things, %s', (_where, before) => {
  it.each(refused)('%s is refused, and the connection closed', async (_what, bytes, status) => {
    await using listener = await startTestListener();
    const client = rawClient(listener.port);
    if (before !== '') {
      client.socket.write(before);
      await eventually('the answer to the request before', () => /\r\n\r\n/.test(client.text()));
    }
    client.socket.write(bytes, 'latin1');
    const answer = await client.closed();
    const statuses = [...answer.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, code]) => Number(code));
    expect(statuses).toEqual(before === '' ? [status] : [200, status]);
    expect(answer.slice(answer.lastIndexOf('HTTP/1.1 '))).toMatch(/^Connection: close\r$/m);
    expect([...listener.handled, ...listener.quick].filter((url) => !url.endsWith('/before'))).toEqual([]);
  });
});

describe('a body that two readers might take for two things', () => {
  it.each([
    ['a chunk size that is no number', 'x\r\nabc\r\n0\r\n\r\n'],
    ['a chunk size with a sign', '+3\r\nabc\r\n0\r\n\r\n'],
    ['a chunk size with a prefix', '0x3\r\nabc\r\n0\r\n\r\n'],
    ['a chunk that is longer than its size', '2\r\nabc\r\n0\r\n\r\n'],
    ['a chunk size behind a bare LF', '3\nabc\r\n0\r\n\r\n'],
    ['a chunk extension without an end', `3;${'a'.repeat(20_000)}\r\nabc\r\n0\r\n\r\n`],
  ])('%s breaks the request off, and nothing behind it is a request', async (_what, body) => {
    let broken = 0;
    await using listener = await startTestListener({
      handler: (request, response) => {
        request.on('error', () => undefined);
        request.on('close', () => {
          if (!request.complete) broken++;
        });
        request.resume().on('end', () => response.end('whole'));
      },
    });
    const head = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n';
    const answer = await exchange(listener.port, `${head}${body}GET /quick HTTP/1.1\r\nHost: a\r\n\r\n`);
    expect(answer).toMatch(/^(?:HTTP\/1\.1 (?:400|413)|$)/);
    expect([broken, listener.quick, listener.handled]).toEqual([1, [], []]);
  });
});

describe('requests within the bounds', () => {
  it('a URL of 8,192 bytes is taken, on both ways', async () => {
    await using listener = await startTestListener();
    const quick = `/quick${'a'.repeat(8_186)}`;
    const answer = await exchange(
      listener.port,
      `GET ${quick} HTTP/1.1\r\nHost: a\r\n\r\nGET ${target(8_192)} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`,
    );
    expect(answer.match(/HTTP\/1\.1 200/g)).toHaveLength(2);
    expect([listener.quick.length, listener.handled.length]).toEqual([1, 1]);
  });

  it('an absolute-form target goes the slow way, as it came', async () => {
    await using listener = await startTestListener();
    await exchange(listener.port, 'GET http://b/quick HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    expect([listener.quick, listener.handled]).toEqual([[], ['http://b/quick']]);
  });
});
