import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readShared, type SharedReading } from '../../src/sockets/shared-reading.ts';
import { eventually } from '../support/condition.ts';
import { aRoundTrip } from '../support/socket-pair.ts';
import { withoutSharedReading } from '../support/without-shared-reading.ts';

let server: Server;
const open = new Set<Socket>();

beforeEach(async () => {
  server = createServer({ allowHalfOpen: true });
  await once(server.listen(0, '127.0.0.1'), 'listening');
});

afterEach(async () => {
  for (const socket of open) socket.destroy();
  open.clear();
  server.close();
  await once(server, 'close');
});

/** A connection that `onAccepted` gets hold of before anything is read. */
async function connection<Result>(
  onAccepted: (near: Socket) => Result,
): Promise<{ near: Socket; far: Socket; result: Result }> {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  const accepted = new Promise<{ near: Socket; result: Result }>((resolve) => {
    server.once('connection', (near: Socket) => resolve({ near, result: onAccepted(near) }));
  });
  const far = connect({ port: address.port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
  const { near, result } = await accepted;
  for (const socket of [near, far]) open.add(socket.on('error', () => {}));
  return { near, far, result };
}

interface Reader {
  readonly buffers: Set<Buffer>;
  readonly text: () => string;
  readonly reading: SharedReading;
}

function reader(near: Socket): Reader {
  const buffers = new Set<Buffer>();
  let text = '';
  const reading = readShared(near, (bytes, length) => {
    buffers.add(bytes);
    text += bytes.toString('latin1', 0, length);
  });
  if (reading === undefined) throw new Error('this version of Node does not let an accepted socket be read so');
  return { buffers, text: () => text, reading };
}

/** Past the stream. Returns what begins to read again. */
function stopReading(near: Socket): () => void {
  const handle = Reflect.get(near, '_handle') as { readStop(): void; readStart(): void };
  handle.readStop();
  return () => handle.readStart();
}

const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

describe('readShared', () => {
  test('gives each connection what came on it, in one and the same buffer', async () => {
    const a = await connection(reader);
    const b = await connection(reader);
    for (let i = 0; i < 20; i++) {
      a.far.write(`a${i};`);
      b.far.write(`b${i};`);
      await eventually('both', () => a.result.text().endsWith(`a${i};`) && b.result.text().endsWith(`b${i};`));
    }
    const all = (name: string) => Array.from({ length: 20 }, (_, i) => `${name}${i};`).join('');
    expect([a.result.text(), b.result.text()]).toEqual([all('a'), all('b')]);
    expect(a.near.bytesRead).toBe(all('a').length);
    expect(new Set([...a.result.buffers, ...b.result.buffers]).size).toBe(1);
  });

  test('takes what lies there of a connection that is not read, all of it at once', async () => {
    const { near, far, result } = await connection(reader);
    stopReading(near);
    const sent = randomBytes(100_000).toString('latin1');
    await new Promise((resolve) => far.write(sent, 'latin1', resolve));
    await aRoundTrip(server);
    expect(result.text()).toBe('');
    result.reading.readPresent();
    expect(digest(Buffer.from(result.text(), 'latin1'))).toBe(digest(Buffer.from(sent, 'latin1')));
    result.reading.readPresent();
    expect(result.text()).toHaveLength(sent.length);
    expect([...result.buffers]).toHaveLength(1);
  });

  test('takes no end, which shows when the connection is read again, and nothing of one that is closed', async () => {
    const { near, far, result } = await connection(reader);
    const readAgain = stopReading(near);
    far.end('last');
    await aRoundTrip(server);
    result.reading.readPresent();
    result.reading.readPresent();
    expect(result.text()).toBe('last');
    expect(near.readableEnded).toBe(false);
    const ended = once(near, 'end');
    readAgain();
    await ended;
    near.destroy();
    result.reading.readPresent();
    await once(near, 'close');
    result.reading.readPresent();
    expect(result.text()).toBe('last');
  });

  test('reads nothing while the socket is paused, and all of it afterwards', async () => {
    const { near, far, result } = await connection(reader);
    near.pause();
    const sent = randomBytes(300_000).toString('latin1');
    far.write(sent, 'latin1');
    await eventually('the end of writing', () => far.writableLength < 300_000);
    expect(result.text()).toBe('');
    near.resume();
    await eventually('all', () => result.text().length === sent.length);
    expect(result.text()).toBe(sent);
  });

  test('leaves the end to the event, and the way back open', async () => {
    const { near, far, result } = await connection(reader);
    let ended = false;
    near.on('end', () => (ended = true));
    far.end('last words');
    await eventually('the end', () => ended);
    expect(result.text()).toBe('last words');
    near.end('an answer');
    let answer = '';
    for await (const piece of far) answer += String(piece);
    expect(answer).toBe('an answer');
    await eventually('the close', () => near.closed);
  });

  test('says that the peer has reset the connection', async () => {
    const { near, far } = await connection(reader);
    const failed = once(near, 'error');
    far.resetAndDestroy();
    expect(await failed).toMatchObject([{ code: 'ECONNRESET' }]);
    await eventually('the close', () => near.closed);
  });

  test('gives a socket back that is read as any other, at the pace of who reads it', async () => {
    const { near, far, result } = await connection(reader);
    far.write('first');
    await eventually('the first bytes', () => result.text() === 'first');
    result.reading.end();
    const sent = randomBytes(8_000_000);
    far.end(sent);
    // Nobody reads yet: no more is taken in than the stream holds, and what is on its way.
    await eventually('a full stream', () => near.readableLength >= near.readableHighWaterMark);
    expect(near.readableLength).toBeLessThan(near.readableHighWaterMark + 2 * 65_536);
    const pieces: Buffer[] = [];
    for await (const piece of near) pieces.push(piece as Buffer);
    expect(digest(Buffer.concat(pieces))).toBe(digest(sent));
    expect(result.text()).toBe('first');
  });

  test('leaves a socket as it is where it cannot be told', async () => {
    const take = () => {
      throw new Error('it was told');
    };
    expect(readShared(new Duplex({ read() {}, write() {} }), take)).toBeUndefined();
    using _hidden = withoutSharedReading();
    const { near, far, result } = await connection((socket) => readShared(socket, take));
    expect(result).toBeUndefined();
    far.write('as ever');
    expect(String((await once(near, 'data'))[0])).toBe('as ever');
  });
});
