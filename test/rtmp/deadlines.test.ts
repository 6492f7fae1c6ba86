import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { concatenated, type0Chunk } from '../corpus/rtmp/hostile-input.ts';
import { eventually } from '../support/condition.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { memoryInUseMiB } from './collect-garbage.ts';
import { RawConnection, type Stage } from './raw-connection.ts';
import { audioUnit } from './sample-media.ts';
import { startNeighbour, startTestIngest, type TestIngest } from './test-ingest.ts';

let clock: VirtualClock;
let server: TestIngest;
let opened: RawConnection[];

beforeEach(async () => {
  clock = new VirtualClock();
  server = await startTestIngest({ clock });
  opened = [];
});

afterEach(async () => {
  for (const connection of opened) connection.destroy();
  await eventually('all connections are gone', () => server.ingest.stats().connections === 0);
  await server.close();
  expect(clock.pendingTimers).toBe(0);
});

async function at(stage: Stage, name?: string): Promise<RawConnection> {
  const connection = await RawConnection.at(stage, server.port, name);
  opened.push(connection);
  return connection;
}

describe('a session has a deadline in every state', () => {
  const states: [string, Stage, number, string][] = [
    ['without a byte of its handshake', 'fresh', 5_000, 'RTMP_HANDSHAKE_TIMEOUT'],
    ['without connect', 'handshaken', 10_000, 'RTMP_CONNECT_TIMEOUT'],
    ['without createStream', 'connected', 20_000, 'RTMP_PUBLISH_TIMEOUT'],
    ['without publish', 'streaming', 20_000, 'RTMP_PUBLISH_TIMEOUT'],
    ['without media', 'publishing', 20_000, 'RTMP_PUBLISHER_SILENT'],
  ];
  it.each(states)('%s', async (_, stage, limitMs, code) => {
    const connection = await at(stage);
    await eventually('the server has the connection', () => server.ingest.stats().connections === 1);
    // Now the server, too, is in this state.
    if (stage !== 'fresh') await connection.isAnswered(0);
    clock.advance(limitMs - 1);
    if (stage !== 'fresh') await connection.isAnswered(1);
    expect(server.ingest.stats()).toMatchObject({ connections: 1, closed: {} });
    clock.advance(1);
    await connection.serverCloses();
    expect((await server.warning(code)).fields['peer']).toBe(`127.0.0.1:${connection.port}`);
    expect(server.ingest.stats().closed).toEqual({ [code]: 1 });
  });

  it('that half a handshake does not move', async () => {
    const connection = await at('fresh');
    connection.send(Uint8Array.of(3, 0, 0, 0));
    await eventually('the server has the connection', () => server.ingest.stats().connections === 1);
    clock.advance(4_000);
    connection.send(new Uint8Array(800));
    clock.advance(1_000);
    await connection.serverCloses();
    await server.warning('RTMP_HANDSHAKE_TIMEOUT');
  });

  it('that pings and bytes of a message that never ends do not move while it publishes', async () => {
    const connection = await at('publishing', 'trickle');
    // A message of 1,000 bytes begins, and goes on chunk by chunk.
    connection.send(type0Chunk(7, { length: 1_000, typeId: 9, messageStreamId: 1 }, new Uint8Array(128)));
    clock.advance(10_000);
    await connection.isAnswered(1);
    connection.send(concatenated([0xc7], new Uint8Array(128)));
    clock.advance(9_999);
    await connection.isAnswered(2);
    clock.advance(1);
    await connection.serverCloses();
    await server.warning('RTMP_PUBLISHER_SILENT');
    expect(server.directory.get('live/trickle')?.publication).toBeUndefined();
  });

  it('that media moves: a publisher goes on for as long as it sends', async () => {
    const connection = await at('publishing', 'long');
    connection.sendHeaders();
    const { units } = server.followed('live/long');
    for (let number = 0; number < 10; number++) {
      connection.sendUnit(audioUnit(number));
      await eventually('the frame arrives', () => units.length === number + 1);
      clock.advance(19_999);
    }
    expect(connection.closed).toBe(false);
    clock.advance(1);
    await connection.serverCloses();
  });

  it('that begins anew when a publication ends', async () => {
    const connection = await at('publishing', 'pause');
    clock.advance(15_000);
    connection.sendCommand('closeStream', 0, null, [], 1);
    await connection.status('NetStream.Unpublish.Success');
    clock.advance(19_999);
    await connection.isAnswered(1);
    clock.advance(1);
    await connection.serverCloses();
    await server.warning('RTMP_PUBLISH_TIMEOUT');
  });

  it('so that after 200 s nobody idle is left, and the one who publishes has lost nothing', async () => {
    const neighbour = await startNeighbour(server);
    const idle = await Promise.all(
      (['fresh', 'handshaken', 'connected', 'streaming', 'publishing'] as const).map((stage) => at(stage)),
    );
    await eventually('all are there', () => server.ingest.stats().connections === 6);
    for (let second = 0; second < 200; second += 10) {
      await neighbour.goesOn();
      clock.advance(10_000);
    }
    for (const connection of idle) await connection.serverCloses();
    expect(server.ingest.stats().closed).toEqual({
      RTMP_HANDSHAKE_TIMEOUT: 1,
      RTMP_CONNECT_TIMEOUT: 1,
      RTMP_PUBLISH_TIMEOUT: 2,
      RTMP_PUBLISHER_SILENT: 1,
    });
    await neighbour.endsWhole();
  });
});

describe('1,000 connections with half a handshake', () => {
  it('cost little memory each and are all closed by the deadline, while a publisher goes on', async () => {
    const neighbour = await startNeighbour(server);
    const beforeMiB = memoryInUseMiB();
    for (let i = 0; i < 1_000; i++) {
      const connection = await at('fresh');
      connection.send(Uint8Array.of(3, ...new Uint8Array(700)));
    }
    await eventually('all are there', () => server.ingest.stats().connections === 1_001);
    await neighbour.goesOn();
    // Both ends of each connection are in this process. A server that reserves 1 MiB ahead would need a thousand.
    expect(memoryInUseMiB() - beforeMiB).toBeLessThan(20);
    clock.advance(5_000);
    await eventually('all are closed', () => opened.every((connection) => connection.closed));
    expect(server.ingest.stats().closed['RTMP_HANDSHAKE_TIMEOUT']).toBe(1_000);
    await neighbour.endsWhole();
  });
});

describe('a stream whose publisher is gone', () => {
  it('ends after the reconnect grace: its followers are told first of the stop, then of the end', async () => {
    const connection = await at('publishing', 'graceful');
    const { events } = server.followed('live/graceful');
    connection.reset();
    await eventually('the stop is told', () => events.length === 2);
    clock.advance(59_999);
    expect(events).toEqual(['start', 'stop']);
    clock.advance(1);
    expect(events).toEqual(['start', 'stop', 'end']);
    expect(server.directory.get('live/graceful')).toBeUndefined();
  });

  it('goes on as the same stream when the publisher is back within the grace', async () => {
    const first = await at('publishing', 'back');
    const stream = server.directory.get('live/back');
    first.end();
    await eventually('the stop is told', () => server.followed('live/back').events.length === 2);
    clock.advance(30_000);
    await at('publishing', 'back');
    clock.advance(5_000);
    expect(server.directory.get('live/back')).toBe(stream);
    expect(server.followed('live/back').events).toEqual(['start', 'stop', 'start']);
  });
});
