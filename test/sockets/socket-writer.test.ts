import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SocketWriter } from '../../src/sockets/socket-writer.ts';
import { eventually } from '../support/condition.ts';
import { socketPair } from '../support/socket-pair.ts';

let server: Server;
const open = new Set<Socket>();

beforeEach(async () => {
  server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
});

afterEach(async () => {
  for (const socket of open) socket.destroy();
  open.clear();
  server.close();
  await once(server, 'close');
});

/** Both ends of a connection; the far one does not read yet. `meanwhile`: when the far end has its descriptor. */
async function connection(meanwhile = () => {}): Promise<{ near: Socket; far: Socket }> {
  const { accepted: near, other: far } = await socketPair(server, meanwhile);
  for (const socket of [near, far]) open.add(socket.on('error', () => {}));
  return { near, far };
}

/** Everything that comes until the far end says it was all. */
async function readAll(socket: Socket): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of socket) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** Undocumented, as in the code under test: how it is seen that a write did not pass through the stream. */
const descriptorOf = (socket: Socket) => (socket as { _handle?: { fd: number } })._handle?.fd;

describe('SocketWriter', () => {
  test('writes to the descriptor while the peer reads, past the stream', async () => {
    const { near, far } = await connection();
    const writer = new SocketWriter(near);
    let throughStream = 0;
    const write = near.write.bind(near);
    near.write = (bytes: Uint8Array | string) => {
      throughStream++;
      return write(bytes);
    };
    far.resume();
    for (let index = 0; index < 10; index++) expect(writer.write(randomBytes(100))).toBe(true);
    // The first one finds out whether anything waits in the stream.
    expect(throughStream).toBe(1);
  });

  test('writes texts and what follows them in one piece, and what the system does not take through the stream', async () => {
    const { near, far } = await connection();
    const writer = new SocketWriter(near);
    const sent: Buffer[] = [];
    const give = (texts: readonly string[], body?: Buffer) => {
      sent.push(Buffer.from(texts.join(''), 'latin1'), body ?? Buffer.alloc(0));
      return writer.writeTexts(texts, body);
    };
    expect(give(['head: ', 'caf\u00e9', '\r\n'])).toBe(true);
    expect(give(['head, '], randomBytes(1_000))).toBe(true);
    expect(give(['longer than what is copied at once'.repeat(3_000)], randomBytes(10))).toBe(false);
    let heldBack = 0;
    for (let index = 0; index < 200; index++) {
      if (!give(['a text '.repeat(index * 30), 'and another'], randomBytes(40_000))) heldBack++;
      if (!give(['texts alone '.repeat(index * 7)])) heldBack++;
    }
    expect(heldBack).toBeGreaterThan(0);
    const reading = readAll(far);
    near.end();
    expect(digest(await reading)).toBe(digest(Buffer.concat(sent)));
    expect(writer.writeTexts(['late'])).toBe(false);
  });

  test('has taken bytes that were lent when it returns, also those that have to wait', async () => {
    const { near, far } = await connection();
    const writer = new SocketWriter(near);
    const sent: Buffer[] = [];
    const lent = Buffer.alloc(50_000);
    let heldBack = 0;
    for (let index = 0; index < 400; index++) {
      const length = 1 + ((index * 7_919) % lent.length);
      lent.fill(randomBytes(61), 0, length);
      sent.push(Buffer.from(lent.subarray(0, length)));
      if (!writer.writeLent(lent, length)) heldBack++;
      lent.fill('overwritten');
    }
    expect(heldBack).toBeGreaterThan(0);
    const reading = readAll(far);
    near.end();
    expect(digest(await reading)).toBe(digest(Buffer.concat(sent)));
    expect(writer.writeLent(lent, 5)).toBe(false);
  });

  test('is behind what somebody else has written to the stream, once it has yielded', async () => {
    const { near, far } = await connection();
    const writer = new SocketWriter(near);
    expect(writer.write(Buffer.from('first '))).toBe(true);
    const theirs = randomBytes(20_000_000);
    near.write(theirs);
    writer.yield();
    expect(writer.write(Buffer.from(' last'))).toBe(false);
    const reading = readAll(far);
    near.end();
    const expected = Buffer.concat([Buffer.from('first '), theirs, Buffer.from(' last')]);
    expect(digest(await reading)).toBe(digest(expected));
  });

  test('keeps the order while the peer stops reading and goes on, in single writes and gathered ones', async () => {
    const { near, far } = await connection();
    const writer = new SocketWriter(near);
    const sent: Buffer[] = [];
    const give = (length: number) => {
      const bytes = randomBytes(length);
      sent.push(bytes);
      return writer.write(bytes);
    };
    let reading: Promise<Buffer> | undefined;
    let heldBack = 0;
    for (let index = 0; index < 600; index++) {
      if (!give(1 + ((index * 7_919) % 50_000))) heldBack++;
      if (index % 7 === 0) {
        writer.together(() => {
          give(10);
          give(20_000);
        });
      }
      if (index === 300) {
        expect(writer.queuedBytes).toBeGreaterThan(1_000_000);
        reading = readAll(far);
        await once(near, 'drain');
        expect(writer.queuedBytes).toBe(0);
      }
    }
    expect(heldBack).toBeGreaterThan(0);
    near.end();
    const received = await reading;
    expect(received?.length).toBe(Buffer.concat(sent).length);
    expect(digest(received ?? Buffer.alloc(0))).toBe(digest(Buffer.concat(sent)));
  });

  test('writes nothing to a connection that has got the descriptor of one which is gone', async () => {
    const first = await connection();
    const writer = new SocketWriter(first.near);
    expect(writer.write(Buffer.from('first'))).toBe(true);
    const descriptor = descriptorOf(first.near);
    const second = await connection(() => first.near.destroy());
    expect(descriptorOf(second.near)).toBe(descriptor);

    expect(writer.write(Buffer.from('stray'))).toBe(false);
    second.near.end('second');
    expect((await readAll(second.far)).toString()).toBe('second');
  });

  test('writes nothing to such a connection either when its own socket has not said yet that it is gone', async () => {
    const first = await connection();
    const writer = new SocketWriter(first.near);
    expect(writer.write(Buffer.from('first'))).toBe(true);
    first.near.destroy();
    // Before the event `close`: nothing has been awaited.
    expect(writer.write(Buffer.from('stray'))).toBe(false);
    expect((await readAll(first.far)).toString()).toBe('first');
  });

  test('writes nothing to a connection that its peer has reset, as soon as the socket hears of it', async () => {
    const { near, far } = await connection();
    const writer = new SocketWriter(near);
    expect(writer.write(Buffer.from('first'))).toBe(true);
    const heard = new Promise<boolean>((resolve) => {
      near.once('error', () => resolve(writer.write(Buffer.from('stray'))));
    });
    near.resume();
    far.resetAndDestroy();
    expect(await heard).toBe(false);
  });

  test('says that all was taken at once when nothing waits, and else when the peer has read it', async () => {
    const { near, far } = await connection();
    const writer = new SocketWriter(near);
    const said: string[] = [];
    writer.write(Buffer.from('first '));
    writer.whenTaken(() => said.push('first'));
    expect(said).toEqual(['first']);
    const bytes = randomBytes(40_000_000);
    const expected = digest(Buffer.concat([Buffer.from('first '), bytes, Buffer.from('third')]));
    writer.write(bytes);
    writer.whenTaken(() => {
      bytes.fill('overwritten');
      said.push('second');
    });
    writer.write(Buffer.from('third'));
    for (let turn = 0; turn < 20; turn++) await setImmediate();
    expect(said).toEqual(['first']);
    const reading = readAll(far);
    near.end();
    expect(digest(await reading)).toBe(expected);
    expect(said).toEqual(['first', 'second']);
  });

  test.each([
    ['is destroyed', (near: Socket) => void near.destroy()],
    ['is reset', (_near: Socket, far: Socket) => void far.resetAndDestroy()],
    ['has ended, when that is over', (near: Socket, far: Socket) => void (near.end(), far.resume().end())],
  ])('says once that nothing is read any more of a connection that %s', async (_name, part) => {
    const { near, far } = await connection();
    near.resume();
    const writer = new SocketWriter(near);
    let said = 0;
    writer.write(Buffer.alloc(20_000_000));
    writer.whenTaken(() => said++);
    part(near, far);
    writer.whenTaken(() => said++);
    await eventually('it is said', () => said === 2 && near.closed);
    writer.whenTaken(() => said++);
    expect(said).toBe(3);
  });

  test('writes nothing once it was stopped, and goes through any stream that is no socket', () => {
    const taken: string[] = [];
    const stream = new Duplex({
      read() {},
      write(bytes: Buffer, _, done) {
        taken.push(bytes.toString());
        done();
      },
    });
    const writer = new SocketWriter(stream);
    expect(writer.write(Buffer.from('a'))).toBe(true);
    expect(writer.write(Buffer.from('b'))).toBe(true);
    writer.stop();
    expect(writer.write(Buffer.from('c'))).toBe(false);
    expect(taken).toEqual(['a', 'b']);
  });
});
