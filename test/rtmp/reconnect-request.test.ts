import { afterEach, describe, expect, it } from 'vitest';
import { CloseBudget } from '../../src/base/close-budget.ts';
import { amf0Object, propertiesOf } from '../../src/formats/amf0/value.ts';
import { eventually } from '../support/condition.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { RawConnection } from './raw-connection.ts';
import { startTestIngest, type TestIngest } from './test-ingest.ts';

const reconnect = 1;

let opened: RawConnection[] = [];
let directory: TestIngest['directory'] | undefined;
afterEach(() => {
  for (const connection of opened) connection.destroy();
  opened = [];
  directory?.close();
});

async function start(reconnectUrl?: string): Promise<{ server: TestIngest; clock: VirtualClock }> {
  const clock = new VirtualClock();
  const server = await startTestIngest({ clock, rtmp: { reconnectUrl } });
  directory = server.directory;
  return { server, clock };
}

async function publisher({ port }: TestIngest, name: string, capsEx?: number): Promise<RawConnection> {
  const connection = await RawConnection.at('handshaken', port);
  opened.push(connection);
  const properties = { app: 'live', tcUrl: `rtmp://127.0.0.1:${port}/live` };
  await connection.connect(capsEx === undefined ? properties : { ...properties, capsEx });
  await connection.createStream();
  await connection.publish(name);
  return connection;
}

function requests(connection: RawConnection): (string | undefined)[] {
  return connection.commands().flatMap((command) => {
    const information = propertiesOf(command.args[0]);
    if (information?.get('code') !== 'NetConnection.Connect.ReconnectRequest') return [];
    const tcUrl = information.get('tcUrl');
    return [typeof tcUrl === 'string' ? tcUrl : undefined];
  });
}

describe('a server that is going to close', () => {
  it('says in the answer to connect that it asks clients to reconnect', async () => {
    const { server } = await start();
    const connection = await RawConnection.at('connected', server.port);
    opened.push(connection);
    const capsEx = propertiesOf(connection.commands()[0]?.commandObject)?.get('capsEx');
    expect(Number(capsEx) & reconnect).toBe(reconnect);
    await server.ingest.close();
  });

  it('asks those that can, on message stream 0, and lets them leave by themselves; others are closed at once', async () => {
    const { server } = await start('rtmp://198.51.100.7:1935');
    const able = await publisher(server, 'able', 7);
    const unable = await publisher(server, 'unable', 6);
    const old = await publisher(server, 'old');
    const closed = server.ingest.close();
    await unable.serverCloses();
    await old.serverCloses();
    const status = await able.status('NetConnection.Connect.ReconnectRequest');
    expect(status).toMatchObject({ command: 'onStatus', level: 'status', messageStreamId: 0 });
    expect(requests(able)).toEqual(['rtmp://198.51.100.7:1935/live']);
    expect([...requests(unable), ...requests(old)]).toEqual([]);
    expect(server.followed('live/able').events).toEqual(['start']);
    able.end();
    await closed;
    expect(server.followed('live/able').events).toEqual(['start', 'stop']);
    expect(server.ingest.stats().closed).toEqual({ SERVER_CLOSING: 2, PEER_LEFT: 1 });
  });

  it('names no address when none is set, and ends who stays', async () => {
    const { server, clock } = await start();
    const able = await publisher(server, 'able', 1);
    const closed = server.ingest.close();
    await able.status('NetConnection.Connect.ReconnectRequest');
    expect(requests(able)).toEqual([undefined]);
    expect(able.closed).toBe(false);
    clock.advance(750);
    await able.serverCloses();
    await closed;
    expect(server.ingest.stats().closed).toEqual({ SERVER_CLOSING: 1 });
  });

  it('waits no longer than its budget for peers that stay and read nothing', async () => {
    const { server, clock } = await start();
    for (const capsEx of [reconnect, undefined]) {
      (await publisher(server, `stubborn-${capsEx}`, capsEx)).stopReading();
    }
    let closed = false;
    void server.ingest.close(CloseBudget.of(clock, 600)).then(() => {
      closed = true;
    });
    // Half of it to connect again, the rest to read the goodbye.
    for (const stepMs of [300, 299]) {
      await new Promise((resolve) => setImmediate(resolve));
      clock.advance(stepMs);
    }
    await new Promise((resolve) => setImmediate(resolve));
    expect(closed).toBe(false);
    clock.advance(1);
    await eventually('it is closed', () => closed);
    expect(server.ingest.stats().connections).toBe(0);
  });

  it('sends nothing to a client that is in its handshake or has not connected', async () => {
    const { server } = await start();
    const fresh = await RawConnection.at('fresh', server.port);
    const handshaken = await RawConnection.at('handshaken', server.port);
    opened.push(fresh, handshaken);
    handshaken.sendCommand('createStream', 1, amf0Object({ capsEx: 1 }));
    await eventually('it is answered', () => handshaken.statuses().length === 1);
    await server.ingest.close();
    await fresh.serverCloses();
    await handshaken.serverCloses();
    expect(requests(handshaken)).toEqual([]);
  });
});
