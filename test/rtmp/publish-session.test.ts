import { describe, expect, it } from 'vitest';
import { amf0Object, type Amf0Value, propertiesOf } from '../../src/formats/amf0/value.ts';
import { encodeDataMessage } from '../../src/formats/rtmp/data-message.ts';
import { messageType } from '../../src/formats/rtmp/message.ts';
import { eventually } from '../support/condition.ts';
import { ingestWithNeighbour } from './ingest-with-neighbour.ts';
import type { RawConnection, Stage } from './raw-connection.ts';
import { audioUnit } from './sample-media.ts';

const ingest = ingestWithNeighbour();
const { at } = ingest;

/** The name can be published by somebody else, at once. */
async function isFree(name: string): Promise<void> {
  await eventually(
    `live/${name} has no publisher`,
    () => ingest.server.directory.get(`live/${name}`)?.publication === undefined,
  );
  const other = await at('publishing', name);
  other.sendHeaders();
  other.sendUnit(audioUnit(99));
  await eventually('the other publishes', () => ingest.server.followed(`live/${name}`).units.length > 0);
}

describe('connect', () => {
  it('is answered with the window, the bandwidth, the chunk size and _result, in this order', async () => {
    const connection = await at('connected');
    const order = connection.messages.map(({ message, command }) => command?.name ?? message.typeId);
    expect(order).toEqual([
      messageType.windowAcknowledgementSize,
      messageType.setPeerBandwidth,
      messageType.userControl,
      messageType.setChunkSize,
      '_result',
    ]);
    const [result] = connection.commands();
    expect(result?.transactionId).toBe(1);
    expect(propertiesOf(result?.commandObject)?.get('capabilities')).toBe(31);
    expect(propertiesOf(result?.commandObject)?.get('fmsVer')).toMatch(/^FMS\//);
    expect(propertiesOf(result?.args[0])?.get('objectEncoding')).toBe(0);
  });

  it.each<[string, Record<string, Amf0Value>]>([
    ['without tcUrl', { app: 'live' }],
    ['with a tcUrl that is no URL', { app: 'live', tcUrl: '::: not a URL %%%' }],
    ['without app, which the tcUrl names', { tcUrl: 'rtmp://localhost:1935/live' }],
    ['with AMF3 asked for', { app: 'live', tcUrl: 'rtmp://localhost/live', objectEncoding: 3 }],
    ['with values of unexpected kinds', { app: 'live', tcUrl: 7, flashVer: null, swfUrl: amf0Object({}) }],
  ])('%s is taken, and publishing works', async (_, properties) => {
    const connection = await at('handshaken');
    await connection.connect(properties);
    await connection.createStream();
    await connection.publish('defaults');
    connection.sendCommand('deleteStream', 0, null, [1]);
    await eventually('unpublished', () => ingest.server.directory.get('live/defaults')?.publication === undefined);
  });

  it.each<[string, Amf0Value]>([
    ['without a command object', null],
    ['with a string for a command object', 'live'],
    ['with neither app nor tcUrl', amf0Object({ flashVer: 'x' })],
  ])('%s is rejected and the connection closed', async (_, commandObject) => {
    const connection = await at('handshaken');
    connection.sendCommand('connect', 1, commandObject);
    expect(await connection.status('NetConnection.Connect.Rejected')).toMatchObject({
      command: '_error',
      level: 'error',
    });
    await connection.serverCloses();
    await ingest.server.warning('RTMP_CONNECT_REJECTED');
  });

  it('a second time is an error that ends nothing', async () => {
    const connection = await at('connected');
    connection.sendCommand('connect', 7, amf0Object({ app: 'live' }));
    await connection.status('NetConnection.Call.Failed');
    await connection.isAnswered(1);
  });
});

describe('publish and play in the wrong place are answered with an error status, and end nothing', () => {
  const cases: [string, Stage, string, Amf0Value[], number, string][] = [
    ['publish before connect', 'handshaken', 'publish', ['early', 'live'], 1, 'NetStream.Failed'],
    ['play before connect', 'handshaken', 'play', ['early'], 1, 'NetStream.Failed'],
    ['publish without a name', 'streaming', 'publish', [], 1, 'NetStream.Publish.BadName'],
    ['publish with an empty name', 'streaming', 'publish', ['', 'live'], 1, 'NetStream.Publish.BadName'],
    ['publish with a number for a name', 'streaming', 'publish', [5, 'live'], 1, 'NetStream.Publish.BadName'],
    ['publish on message stream 0', 'streaming', 'publish', ['a', 'live'], 0, 'NetStream.Publish.BadName'],
    ['publish on an unknown message stream', 'streaming', 'publish', ['a', 'live'], 9, 'NetStream.Publish.BadName'],
    ['publish twice', 'publishing', 'publish', ['again', 'live'], 1, 'NetStream.Publish.BadName'],
    ['play without a name', 'streaming', 'play', [], 1, 'NetStream.Play.Failed'],
    ['play of a stream that is there', 'streaming', 'play', ['neighbour'], 1, 'NetStream.Play.Failed'],
    ['play on an unknown message stream', 'streaming', 'play', ['neighbour'], 9, 'NetStream.Play.Failed'],
  ];
  it.each(cases)('%s', async (_, stage, command, args, messageStreamId, code) => {
    const connection = await at(stage, 'misplaced');
    connection.sendCommand(command, 0, null, args, messageStreamId);
    expect(await connection.status(code)).toMatchObject({ command: 'onStatus', level: 'error', messageStreamId });
    await connection.isAnswered(2);
    expect(connection.closed).toBe(false);
  });
});

describe('the commands of an encoder', () => {
  it('releaseStream, getStreamLength and _checkbw have a result; an unknown one an error', async () => {
    const connection = await at('connected');
    connection.sendCommand('releaseStream', 2, null, ['x']);
    connection.sendCommand('getStreamLength', 3, null, ['x']);
    connection.sendCommand('_checkbw', 6, null);
    connection.sendCommand('somethingElse', 8, null);
    connection.sendCommand('somethingElse', 0, null);
    await eventually('four answers', () => connection.commands().length >= 5);
    await connection.isAnswered(3);
    const answers = connection.commands().slice(1);
    expect(answers.map(({ name, transactionId }) => [name, transactionId])).toEqual([
      ['_result', 2],
      ['_result', 3],
      ['_result', 6],
      ['_error', 8],
    ]);
    expect(answers[1]?.args).toEqual([0]);
  });

  it('FCPublish has a result, and onFCPublish Start only once its publication is admitted, just before onStatus', async () => {
    const connection = await at('connected');
    connection.sendCommand('FCPublish', 3, null, ['fc']);
    await connection.isAnswered(3);
    const messageStreamId = await connection.createStream();
    expect(connection.statuses().filter(({ code }) => code.includes('Start'))).toEqual([]);
    expect(ingest.server.directory.get('live/fc')).toBeUndefined();
    await connection.publish('fc', messageStreamId);
    const starts = () => connection.statuses().filter(({ code }) => code === 'NetStream.Publish.Start');
    await eventually('onStatus', () => starts().length === 2);
    expect(starts().map(({ command }) => command)).toEqual(['onFCPublish', 'onStatus']);
    // Once for each FCPublish: who has sent none is told nothing.
    await connection.publish('second', await connection.createStream(9));
    expect(starts().map(({ command }) => command)).toEqual(['onFCPublish', 'onStatus', 'onStatus']);
  });

  it('createStream gives no more than 16 message streams, and a deleted one can be had again', async () => {
    const connection = await at('connected');
    for (let id = 1; id <= 16; id++) expect(await connection.createStream(10 + id)).toBe(id);
    connection.sendCommand('createStream', 90, null);
    await connection.status('NetConnection.Call.Failed');
    connection.sendCommand('deleteStream', 0, null, [7]);
    expect(await connection.createStream(91)).toBe(7);
  });

  it('a start is told by StreamBegin and onStatus on the message stream that published', async () => {
    const connection = await at('streaming');
    expect(await connection.createStream(8)).toBe(2);
    await connection.publish('second', 2);
    expect(connection.statuses().at(-1)).toMatchObject({ code: 'NetStream.Publish.Start', messageStreamId: 2 });
    expect(connection.controls().at(-1)).toEqual({
      kind: 'user-control',
      event: { kind: 'stream-begin', messageStreamId: 2 },
    });
  });

  it('the name of the encoder comes from connect, and better from the metadata', async () => {
    const connection = await at('handshaken');
    await connection.connect({ app: 'live', flashVer: 'FMLE/3.0 (compatible; FMSc/1.0)' });
    await connection.createStream();
    await connection.publish('named');
    const encoder = () => ingest.server.directory.get('live/named')?.publication?.encoder;
    expect(encoder()).toBe('FMLE/3.0 (compatible; FMSc/1.0)');
    const args = ['onMetaData', amf0Object({ width: 320, encoder: 'obs-output module\n(libobs)' })];
    connection.sendMessage(encodeDataMessage({ name: '@setDataFrame', args }, 1));
    await eventually('the better name', () => encoder() === 'obs-output module?(libobs)');
  });
});

describe('a name is free again, without a ghost,', () => {
  it.each<[string, (connection: RawConnection) => void]>([
    ['after FCUnpublish', (connection) => connection.sendCommand('FCUnpublish', 6, null, ['leaving'])],
    ['after deleteStream', (connection) => connection.sendCommand('deleteStream', 0, null, [1])],
    ['after closeStream', (connection) => connection.sendCommand('closeStream', 0, null, [], 1)],
    ['after the end of the connection', (connection) => connection.end()],
    ['after a reset', (connection) => connection.reset()],
    ['after a broken chunk', (connection) => connection.send(Uint8Array.of(0xc0 | 60, 1, 2))],
  ])('%s', async (how, leave) => {
    const name = how.replaceAll(' ', '-');
    const connection = await at('publishing', how === 'after FCUnpublish' ? 'leaving' : name);
    const path = how === 'after FCUnpublish' ? 'live/leaving' : `live/${name}`;
    expect(ingest.server.directory.get(path)?.publication).toBeDefined();
    leave(connection);
    await isFree(path.slice('live/'.length));
  });

  it.each<Stage>(['fresh', 'handshaken', 'connected', 'streaming', 'publishing'])(
    'after a reset of a connection that is %s',
    async (stage) => {
      const name = `reset-${stage}`;
      const connection = await at(stage, name);
      connection.reset();
      await isFree(name);
    },
  );

  it('after three publications on one connection, one after the other', async () => {
    const connection = await at('connected');
    for (const [index, name] of ['one', 'two', 'three'].entries()) {
      const id = await connection.createStream(20 + index);
      await connection.publish(name, id);
      connection.sendHeaders(id);
      connection.sendUnit(audioUnit(index), id);
      await eventually(`${name} arrives`, () => ingest.server.followed(`live/${name}`).units.length === 1);
      connection.sendCommand('deleteStream', 0, null, [id]);
      await eventually(
        `${name} has ended`,
        () => ingest.server.followed(`live/${name}`).events.join() === 'start,stop',
      );
    }
    await connection.isAnswered(5);
  });

  it('after three publications on one connection at once: each takes its own media, all end with it', async () => {
    const connection = await at('connected');
    const names = ['left', 'middle', 'right'];
    for (const [index, name] of names.entries()) {
      const id = await connection.createStream(20 + index);
      await connection.publish(name, id);
      connection.sendHeaders(id);
      connection.sendUnit(audioUnit(index), id);
    }
    await eventually('all three have media', () =>
      names.every((name) => ingest.server.followed(`live/${name}`).units.length === 1),
    );
    for (const [index, name] of names.entries()) {
      expect(ingest.server.followed(`live/${name}`).units[0]?.data).toEqual(audioUnit(index).data);
    }
    connection.end();
    for (const name of names) {
      await eventually(
        `${name} has ended`,
        () => ingest.server.followed(`live/${name}`).events.join() === 'start,stop',
      );
    }
  });
});
