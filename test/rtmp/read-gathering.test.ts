import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ReadGathering } from '../../src/rtmp/read-gathering.ts';
import { readShared } from '../../src/sockets/shared-reading.ts';
import { eventually } from '../support/condition.ts';
import { aRoundTrip, socketPair } from '../support/socket-pair.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

let server: Server;
let clock: VirtualClock;
let near: Socket;
let far: Socket;
let received: Buffer[];
/** What was asked, and what is answered. */
let asked: number[];
let patienceMs: number;
let readNow: () => void;
let shared = false;

beforeEach(async () => {
  clock = new VirtualClock();
  received = [];
  asked = [];
  patienceMs = 40;
  server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  ({ accepted: near, other: far } = await socketPair(server));
  const leaveUnreadMs = (maxMs: number, read: () => void) => {
    asked.push(maxMs);
    readNow = read;
    return Math.min(maxMs, patienceMs);
  };
  const gathering: ReadGathering = new ReadGathering(near, clock, leaveUnreadMs, () => reading?.readPresent());
  const take = (bytes: Buffer) => {
    received.push(Buffer.from(bytes));
    gathering.received(bytes.length);
  };
  const reading = shared ? readShared(near, (bytes, length) => take(bytes.subarray(0, length))) : undefined;
  expect(reading !== undefined).toBe(shared);
  if (reading === undefined) near.on('data', take);
});

afterEach(async () => {
  for (const socket of [near, far]) socket.destroy();
  server.close();
  await once(server, 'close');
});

const receivedText = () => Buffer.concat(received).toString();

async function sent(text: string): Promise<void> {
  await new Promise((resolve) => far.write(text, resolve));
}

describe.each([
  ['read as a stream', false],
  ['read into the shared buffer', true],
])('ReadGathering of a socket %s', (_how, isShared) => {
  beforeAll(() => {
    shared = isShared;
  });

  it('reads nothing until the time is over, and then all that has come', async () => {
    clock.advance(20);
    await sent('first ');
    await eventually('it was read', () => received.length === 1);
    await sent('second ');
    await aRoundTrip(server);
    await sent('third');
    await aRoundTrip(server);
    clock.advance(39);
    await aRoundTrip(server);
    expect(receivedText()).toBe('first ');
    clock.advance(1);
    await eventually('it was read', () => receivedText() === 'first second third');
    expect(received).toHaveLength(2);
  });

  it('reads at once what comes when nothing had come until the time was over', async () => {
    clock.advance(20);
    await sent('first ');
    await eventually('it was read', () => received.length === 1);
    clock.advance(40);
    await sent('second ');
    await eventually('it was read', () => receivedText() === 'first second ');
  });

  it('goes on reading at once while nobody can wait', async () => {
    patienceMs = 0;
    for (const text of ['first ', 'second ', 'third']) {
      clock.advance(20);
      await sent(text);
      await eventually('it was read', () => receivedText().endsWith(text));
    }
    expect(asked).toHaveLength(3);
  });

  it('asks for less the more comes, so that little waits unread', async () => {
    clock.advance(20);
    await sent('x'.repeat(20_000));
    await eventually('it was read', () => asked.length === 1);
    expect(asked[0]).toBeLessThan(50);
  });

  it('is patient for longer when the first seconds are over, the time by which media is dated', async () => {
    patienceMs = Infinity;
    const mostMs: number[] = [];
    for (const ageMs of [20, 2_900, 200]) {
      clock.advance(ageMs);
      await sent('x');
      await eventually('it was read', () => asked.length > mostMs.length);
      mostMs.push(asked.at(-1) ?? 0);
    }
    expect(mostMs).toEqual([100, 100, 2_000]);
  });

  it('leaves more unread the more it has found at once, as the system takes more then', async () => {
    patienceMs = 50;
    clock.advance(3_000);
    let roomBytes = 0;
    // 640 bytes a millisecond: 49,152 bytes are 77 ms of that.
    for (let round = 0; round < 30; round++) {
      const count = asked.length;
      await sent('x'.repeat(32_000));
      await aRoundTrip(server);
      clock.advance(50);
      await eventually('it was read', () => asked.length > count);
      roomBytes = (asked.at(-1) ?? 0) * 640;
    }
    const smallRoom = roomBytes;
    patienceMs = 200;
    for (let round = 0; round < 12; round++) {
      const count = received.length;
      await sent('x'.repeat(128_000));
      await aRoundTrip(server);
      clock.advance(200);
      await eventually('it was read', () => received.length > count);
      roomBytes = (asked.at(-1) ?? 0) * 640;
    }
    expect(smallRoom).toBeLessThan(60_000);
    expect(roomBytes).toBeGreaterThan(120_000);
  });

  it('reads an encoder at once that has sent all that the system takes: it may have waited for us', async () => {
    patienceMs = 50;
    clock.advance(3_000);
    await sent('x'.repeat(1_000));
    await eventually('it was read', () => asked.length === 1);
    far.write('x'.repeat(8_000_000));
    await aRoundTrip(server);
    clock.advance(50);
    await eventually('all of it was read', () => Buffer.concat(received).length === 8_001_000);
    expect(asked).toHaveLength(1);
  });

  it('never leaves more than a mebibyte unread, however much the system takes', () => {
    patienceMs = 1_000;
    clock.advance(3_000);
    const gathering = new ReadGathering(near, clock, (maxMs) => {
      asked.push(maxMs);
      return 50;
    });
    for (let round = 0; round < 100; round++) {
      clock.advance(50);
      for (let read = 0; read < 20; read++) gathering.received(60_000);
    }
    const bytesPerMs = (20 * 60_000) / 50;
    expect((asked.at(-1) ?? 0) * bytesPerMs).toBeGreaterThan(700_000);
    expect((asked.at(-1) ?? 0) * bytesPerMs).toBeLessThan(1_150_000);
  });

  it('reads what lies there within two turns of the event loop when somebody cannot wait any more, and then as before', async () => {
    patienceMs = 1_000;
    clock.advance(3_000);
    await sent('first ');
    await eventually('it was read', () => received.length === 1);
    await sent('second ');
    await aRoundTrip(server);
    expect(receivedText()).toBe('first ');
    clock.advance(500);
    readNow();
    await setImmediate();
    await setImmediate();
    expect(receivedText()).toBe('first second ');
    await sent('third');
    await aRoundTrip(server);
    // The pause that was ended is over now, and the one that began since is not.
    clock.advance(500);
    await aRoundTrip(server);
    expect(receivedText()).toBe('first second ');
    clock.advance(500);
    await eventually('it was read', () => receivedText() === 'first second third');
  });

  it('does nothing more for who could not wait when it is read anyway, or closed', async () => {
    clock.advance(20);
    await sent('first');
    await eventually('it was read', () => received.length === 1);
    clock.advance(40);
    readNow();
    near.destroy();
    await once(near, 'close');
    readNow();
    expect(receivedText()).toBe('first');
  });

  it('hears that the peer has left, a little later', async () => {
    clock.advance(20);
    await sent('last');
    await eventually('it was read', () => received.length === 1);
    const ended = once(near, 'end');
    far.end();
    clock.advance(40);
    await ended;
  });

  it('leaves a socket alone that was closed meanwhile', async () => {
    clock.advance(20);
    await sent('last');
    await eventually('it was read', () => received.length === 1);
    near.destroy();
    await once(near, 'close');
    clock.advance(40);
    expect(near.destroyed).toBe(true);
  });

  it('asks nobody where it cannot stop reading', () => {
    // No socket of TCP: as one over TLS.
    const other = new PassThrough();
    const gathering = new ReadGathering(other, clock, () => {
      throw new Error('asked');
    });
    clock.advance(20);
    gathering.received(4);
  });
});

describe('ReadGathering of a socket whose descriptor can be read at once', () => {
  beforeAll(() => {
    shared = true;
  });

  it('takes what lies there in the turn in which the time is over, and waits on', async () => {
    clock.advance(20);
    await sent('first ');
    await eventually('it was read', () => received.length === 1);
    await sent('second ');
    await aRoundTrip(server);
    clock.advance(40);
    expect(receivedText()).toBe('first second ');
    await sent('third');
    await aRoundTrip(server);
    clock.advance(39);
    await aRoundTrip(server);
    expect(receivedText()).toBe('first second ');
    clock.advance(1);
    expect(receivedText()).toBe('first second third');
  });
});
