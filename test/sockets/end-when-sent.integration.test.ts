import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { endWhenSent } from '../../src/sockets/end-when-sent.ts';
import { eventually } from '../support/condition.ts';
import { socketPair } from '../support/socket-pair.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

/** More than the system takes of a connection that nobody reads. */
const byteLength = 32_000_000;

let server: Server;
let clock: VirtualClock;
let near: Socket;
let far: Socket;
let takenBytes: number;
/** The peer reads until less than this is left to be sent. */
let leftBytes: number;

beforeEach(async () => {
  clock = new VirtualClock();
  server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  ({ accepted: far, other: near } = await socketPair(server));
  if (near.connecting) await once(near, 'connect');
  takenBytes = 0;
  leftBytes = 0;
  far.on('data', (bytes) => {
    takenBytes += bytes.length;
    if (queuedBytes() < leftBytes) far.pause();
  });
  far.pause();
  far.on('error', () => {});
});

afterEach(async () => {
  for (const socket of [near, far]) socket.destroy();
  server.close();
  await once(server, 'close');
});

/** Undocumented, as in the code under test: what libuv holds of the write that has begun. */
const queuedBytes = () => (near as { _handle?: { writeQueueSize: number } })._handle?.writeQueueSize ?? 0;

describe('endWhenSent', () => {
  it('waits while the peer takes what was sent, even where a single write takes it many seconds', async () => {
    near.write(Buffer.alloc(byteLength));
    const ended = endWhenSent(near, clock);
    for (let turn = 0; turn < 2; turn++) {
      leftBytes = queuedBytes();
      far.resume();
      // What is read at first is what the system had taken before.
      await eventually('some more is sent', () => far.isPaused());
      clock.advance(3_000);
      expect(near.destroyed).toBe(false);
    }
    leftBytes = 0;
    far.resume();
    await ended;
    await eventually('all of it was read', () => takenBytes === byteLength);
  });

  it('gives up when the peer takes nothing for three seconds', async () => {
    near.write(Buffer.alloc(byteLength));
    const ended = endWhenSent(near, clock);
    await eventually('the system has taken what it takes', () => near.bytesWritten > 0);
    clock.advance(2_999);
    expect(near.destroyed).toBe(false);
    clock.advance(1);
    if (!near.destroyed) clock.advance(3_000);
    await ended;
    expect(takenBytes).toBe(0);
  });

  it('gives up when the peer has not taken all in ten seconds', async () => {
    near.write(Buffer.alloc(byteLength));
    const ended = endWhenSent(near, clock);
    far.resume();
    await eventually('some is read', () => takenBytes > 1_000_000);
    far.pause();
    clock.advance(11_000);
    clock.advance(3_000);
    await ended;
    expect(takenBytes).toBeLessThan(byteLength);
  });

  it('closes a connection that the peer leaves open', async () => {
    const ended = endWhenSent(near, clock);
    clock.advance(3_000);
    await ended;
    expect(near.destroyed).toBe(true);
  });
});
