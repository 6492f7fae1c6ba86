import { createServer, type Socket } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UpstreamError } from '../../src/base/errors.ts';
import { Upstream, type UpstreamExchange } from '../../src/http/upstream.ts';
import { freePort } from '../support/free-port.ts';
import { withoutSharedReading } from '../support/without-shared-reading.ts';

interface Answer {
  readonly bodyBytes: number;
  /** The answer leaves in pieces of these lengths, over and over. */
  readonly pieces: readonly number[];
  /** The viewer pauses after so many pieces of the body, over and over; 0: never. */
  readonly pauseAfter: number;
  readonly announced: boolean;
}

const answer: fc.Arbitrary<Answer> = fc.record({
  bodyBytes: fc.oneof(fc.integer({ min: 0, max: 400_000 }), fc.constantFrom(0, 1, 65_535, 65_536, 65_537)),
  pieces: fc.array(fc.oneof(fc.integer({ min: 1, max: 90 }), fc.integer({ min: 1_000, max: 200_000 })), {
    minLength: 1,
    maxLength: 6,
  }),
  pauseAfter: fc.nat(4),
  announced: fc.boolean(),
});

let answers: readonly Answer[] = [];

function bodyOf(index: number, lengthBytes: number): Buffer {
  const body = Buffer.alloc(lengthBytes);
  for (let at = 0; at < lengthBytes; at++) body[at] = (at * 31 + index * 97 + (at >> 8)) & 0xff;
  return body;
}

const long = 'x'.repeat(3_000);

function bytesOf(index: number): Buffer {
  const { announced, bodyBytes } = answers[index] ?? { announced: true, bodyBytes: 0 };
  const body = bodyOf(index, bodyBytes);
  const head = `HTTP/1.1 200 OK\r\nX-Number: ${index}\r\nX-Long: ${long}${index}\r\n`;
  if (announced) return Buffer.concat([Buffer.from(`${head}Content-Length: ${bodyBytes}\r\n\r\n`), body]);
  const chunk = bodyBytes === 0 ? [] : [Buffer.from(`${bodyBytes.toString(16)}\r\n`), body, Buffer.from('\r\n')];
  return Buffer.concat([Buffer.from(`${head}Transfer-Encoding: chunked\r\n\r\n`), ...chunk, Buffer.from('0\r\n\r\n')]);
}

const server = createServer((socket) => {
  let heads = '';
  socket.on('data', (bytes) => {
    heads += bytes.toString('latin1');
    for (let end = heads.indexOf('\r\n\r\n'); end >= 0; end = heads.indexOf('\r\n\r\n')) {
      const index = Number(/^GET \/(\d+)/.exec(heads)?.[1]);
      heads = heads.slice(end + 4);
      send(socket, bytesOf(index), answers[index]?.pieces ?? [1_000], 0);
    }
  });
  socket.on('error', () => {});
  socket.setNoDelay(true);
});

function send(socket: Socket, bytes: Buffer, pieces: readonly number[], turn: number): void {
  if (bytes.length === 0 || socket.destroyed) return;
  const length = pieces[turn % pieces.length] ?? 1;
  socket.write(bytes.subarray(0, length));
  // Short ones only for a while: there are many.
  const rest = turn > 60 ? [200_000] : pieces;
  setImmediate(() => send(socket, bytes.subarray(length), rest, turn + 1));
}

let port = 0;
beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
});
afterAll(() => server.close());

function upstreamOf(maxConnections: number): Upstream {
  const url = `http://127.0.0.1:${port}`;
  return new Upstream({ url, connectTimeoutMs: 5_000, connectAttempts: 1, responseTimeoutMs: 20_000, maxConnections });
}

/** Copies of what came, and the memory that it came in. */
function fetched(upstream: Upstream, index: number): Promise<{ body: Buffer; head: string; memories: Set<unknown> }> {
  const { pauseAfter } = answers[index] ?? { pauseAfter: 0 };
  const { promise, resolve, reject } = Promise.withResolvers<Awaited<ReturnType<typeof fetched>>>();
  const pieces: Buffer[] = [];
  const memories = new Set<unknown>();
  let head = '';
  const exchange: UpstreamExchange = upstream.fetch(
    { method: 'GET', target: `/${index}`, fields: [] },
    {
      onHead: (_status, fields) => (head = fields.join('\n')),
      onData: (bytes) => {
        pieces.push(Buffer.from(bytes));
        memories.add(bytes.buffer);
        if (pauseAfter === 0 || pieces.length % pauseAfter !== 0) return;
        exchange.pause();
        setImmediate(() => setImmediate(() => exchange.resume()));
      },
      onEnd: () => resolve({ body: Buffer.concat(pieces), head, memories }),
      onError: reject,
    },
  );
  return promise;
}

async function check(given: readonly Answer[], maxConnections: number): Promise<void> {
  answers = given;
  const upstream = upstreamOf(maxConnections);
  try {
    const all = await Promise.all(given.map((_, index) => fetched(upstream, index)));
    all.forEach(({ body, head }, index) => {
      expect(head).toContain(`X-Number\n${index}\n`);
      expect(head).toContain(`${long}${index}\n`);
      expect(body.equals(bodyOf(index, given[index]?.bodyBytes ?? 0))).toBe(true);
    });
  } finally {
    await upstream.close();
  }
}

const property = fc.asyncProperty(
  fc.array(answer, { minLength: 1, maxLength: 6 }),
  fc.integer({ min: 1, max: 3 }),
  check,
);

describe('Upstream', () => {
  it('gives every answer its own head and bytes, however they come and whoever pauses', async () => {
    await fc.assert(property, { numRuns: 25 });
  });

  it('gives the same where Node does not read into a shared buffer', async () => {
    using _without = withoutSharedReading();
    await fc.assert(property, { numRuns: 3 });
  });

  it('fails where there is no origin', async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    const upstream = new Upstream({
      url,
      connectTimeoutMs: 5_000,
      connectAttempts: 2,
      responseTimeoutMs: 5_000,
      maxConnections: 1,
    });
    await expect(fetched(upstream, 0)).rejects.toThrow(UpstreamError);
    await upstream.close();
  });

  it('lends a body whose length is known, all in the same memory', async () => {
    answers = [{ bodyBytes: 3_000_000, pieces: [200_000], pauseAfter: 0, announced: true }];
    const upstream = upstreamOf(1);
    const { memories } = await fetched(upstream, 0);
    // What came with the head is its own.
    expect(memories.size).toBeLessThanOrEqual(2);
    await upstream.close();
  });
});
