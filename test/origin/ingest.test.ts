import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/base/errors.ts';
import { RawConnection } from '../rtmp/raw-connection.ts';
import { audioUnit, videoUnit } from '../rtmp/sample-media.ts';
import { type Neighbour, startNeighbour, startTestIngest, type TestIngest } from '../rtmp/test-ingest.ts';
import { eventually } from '../support/condition.ts';

const stageKey = 'stage-key-0123';
const rotatedKey = 'stage-key-4567';
const keys = [
  { stream: 'live/stage', key: stageKey },
  { stream: 'live/stage', key: rotatedKey },
  { stream: 'live/neighbour', key: 'neighbour-key' },
];

let server: TestIngest | undefined;
let neighbour: Neighbour | undefined;
afterEach(async () => {
  await neighbour?.endsWhole();
  neighbour = undefined;
  await server?.close();
  server = undefined;
});

async function start(auth: 'loopback' | 'key'): Promise<TestIngest> {
  server = await startTestIngest({ publish: { auth, keys } });
  return server;
}

async function tryToPublish({ port }: TestIngest, streamName: string, app = 'live'): Promise<RawConnection> {
  const connection = await RawConnection.at('handshaken', port);
  await connection.connect({ app, tcUrl: `rtmp://127.0.0.1:${port}/${app}` });
  // As an encoder in a hurry does it: all at once, media behind it.
  connection.sendCommand('releaseStream', 2, null, [streamName]);
  connection.sendCommand('FCPublish', 3, null, [streamName]);
  await connection.createStream();
  connection.sendCommand('publish', 5, null, [streamName, 'live'], 1);
  connection.sendHeaders();
  connection.sendUnit(videoUnit(0));
  return connection;
}

describe('startIngest, asked to publish,', () => {
  it.each([
    ['without a key', 'stage', 'live', 'PUBLISH_KEY_MISSING', 'NetStream.Publish.Unauthorized'],
    ['with a wrong key', 'stage?key=not-the-right-key', 'live', 'PUBLISH_KEY_WRONG', 'NetStream.Publish.Unauthorized'],
    [
      'with the key of another stream',
      `other?key=${stageKey}`,
      'live',
      'PUBLISH_KEY_WRONG',
      'NetStream.Publish.Unauthorized',
    ],
    ['under a name that is none', `a b?key=${stageKey}`, 'live', 'PUBLISH_NAME_INVALID', 'NetStream.Publish.BadName'],
    ['in another application', 'stage', `vod?key=${stageKey}`, 'PUBLISH_APP_UNKNOWN', 'NetStream.Publish.BadName'],
  ])('%s refuses before any Start, delivers nothing and closes', async (_, streamName, app, code, statusCode) => {
    const ingest = await start('key');
    const connection = await tryToPublish(ingest, streamName, app);
    await connection.serverCloses();
    const statuses = connection.statuses();
    expect(statuses.filter(({ code }) => code === 'NetStream.Publish.Start')).toEqual([]);
    expect(statuses.at(-1)).toMatchObject({ command: 'onStatus', level: 'error', code: statusCode });
    expect(ingest.directory.list()).toEqual([]);
    const warning = await ingest.warning(code);
    expect(warning.fields['peer']).toBe(`127.0.0.1:${connection.port}`);
    expect(ingest.ingest.stats().closed).toEqual({ [code]: 1 });
    // Neither the right key nor what was tried instead is in the log or in what the encoder is told.
    for (const secret of [stageKey, rotatedKey, 'not-the-right-key']) {
      expect(ingest.log.text + JSON.stringify(statuses)).not.toContain(secret);
    }
  });

  it.each([
    ['in the stream name', `stage?key=${stageKey}`, 'live'],
    ['in the application', 'stage', `live?key=${stageKey}`],
    ['that is the other of two', `stage?key=${rotatedKey}`, 'live'],
  ])('with the right key %s admits, and never logs it', async (_, streamName, app) => {
    const ingest = await start('key');
    const connection = await tryToPublish(ingest, streamName, app);
    await connection.status('NetStream.Publish.Start');
    await eventually('the frame arrives', () => ingest.followed('live/stage').units.length === 1);
    expect(ingest.log.text + JSON.stringify(connection.statuses())).not.toContain('stage-key');
    connection.destroy();
  });

  it('on a busy name without a credential refuses as busy; the first publisher loses nothing', async () => {
    const ingest = await start('loopback');
    neighbour = await startNeighbour(ingest);
    const second = await tryToPublish(ingest, 'neighbour');
    await second.serverCloses();
    expect(second.statuses().at(-1)).toMatchObject({ code: 'NetStream.Publish.BadName', level: 'error' });
    await ingest.warning('PUBLISH_BUSY');
    await neighbour.goesOn();
  });

  it('on a busy name with another credential of the same stream refuses as busy', async () => {
    const ingest = await start('key');
    const first = await tryToPublish(ingest, `stage?key=${stageKey}`);
    await first.status('NetStream.Publish.Start');
    const second = await tryToPublish(ingest, `stage?key=${rotatedKey}`);
    await second.serverCloses();
    await ingest.warning('PUBLISH_BUSY');
    expect(first.closed).toBe(false);
    first.destroy();
  });

  it('on a busy name with the same credential takes the stream over at once; late frames of the first are lost', async () => {
    const ingest = await start('key');
    const first = await tryToPublish(ingest, `stage?key=${stageKey}`);
    const { units, events } = ingest.followed('live/stage');
    await eventually('the first publishes', () => units.length === 1);
    const stream = ingest.directory.get('live/stage');
    const second = await tryToPublish(ingest, `stage?key=${stageKey}`);
    await second.status('NetStream.Publish.Start');
    first.sendUnit(audioUnit(66));
    await first.serverCloses();
    expect(first.statuses().at(-1)).toMatchObject({ code: 'NetStream.Failed' });
    second.sendUnit(audioUnit(7));
    await eventually('the second publishes', () => units.length === 3);
    expect(units).toEqual([videoUnit(0), videoUnit(0), audioUnit(7)]);
    expect(events).toEqual(['start', 'stop', 'start']);
    expect(ingest.directory.get('live/stage')).toBe(stream);
    expect(stream?.publication?.peer).toBe(`127.0.0.1:${second.port}`);
    second.destroy();
  });

  it.each([
    ['for a name', stageKey, 'live'],
    ['within a name', `show-${stageKey}`, 'live'],
    ['for a name, and again where it belongs', `${stageKey}?key=${stageKey}`, 'live'],
    ['for an application', 'stage', stageKey],
  ])('with a stream key %s refuses, says where it belongs, and never logs it', async (_, streamName, app) => {
    const ingest = await start('loopback');
    const connection = await tryToPublish(ingest, streamName, app);
    await connection.serverCloses();
    const status = connection.statuses().at(-1);
    expect(status).toMatchObject({ level: 'error', code: 'NetStream.Publish.Unauthorized' });
    expect(status?.description).toContain('NAME?key=YOUR-KEY');
    expect((await ingest.warning('PUBLISH_NAME_IS_KEY')).fields['stream']).toBeUndefined();
    expect(ingest.log.text + JSON.stringify(connection.statuses())).not.toContain(stageKey);
    expect(ingest.directory.list()).toEqual([]);
  });

  it('refuses with the path of the stream in the log, where it is one', async () => {
    const ingest = await start('key');
    await (await tryToPublish(ingest, 'stage')).serverCloses();
    expect((await ingest.warning('PUBLISH_KEY_MISSING')).fields['stream']).toBe('live/stage');
    await (await tryToPublish(ingest, 'a b')).serverCloses();
    expect((await ingest.warning('PUBLISH_NAME_INVALID')).fields['stream']).toBeUndefined();
  });

  it('answers FCPublish with the refusal that publish would meet: no Start for a busy name', async () => {
    const ingest = await start('loopback');
    neighbour = await startNeighbour(ingest);
    const connection = await RawConnection.at('connected', ingest.port);
    connection.sendCommand('FCPublish', 3, null, ['neighbour']);
    const answer = await eventually('onFCPublish', () =>
      connection.statuses().find(({ command }) => command === 'onFCPublish'),
    );
    expect(answer).toMatchObject({ level: 'error', code: 'NetStream.Publish.BadName' });
    connection.destroy();
  });

  it.each([['live'], ['record'], ['append'], ['somethingElse'], []])(
    'takes the publication type %s',
    async (...type) => {
      const ingest = await start('loopback');
      const connection = await RawConnection.at('streaming', ingest.port);
      connection.sendCommand('publish', 5, null, ['typed', ...type], 1);
      await connection.status('NetStream.Publish.Start');
      connection.destroy();
    },
  );

  it('twice with one credential on one connection ends that connection and leaves no ghost', async () => {
    const ingest = await start('key');
    const connection = await tryToPublish(ingest, `stage?key=${stageKey}`);
    await connection.status('NetStream.Publish.Start');
    const other = await connection.createStream(9);
    connection.sendCommand('publish', 10, null, [`stage?key=${stageKey}`, 'live'], other);
    await connection.serverCloses();
    await eventually('the name is free', () => ingest.directory.get('live/stage')?.publication === undefined);
  });
});

describe('startIngest', () => {
  it('closes connections beyond maxConnections at once, counts them, and logs that once', async () => {
    server = await startTestIngest({ rtmp: { maxConnections: 2 } });
    const { ingest, log } = server;
    const first = await RawConnection.at('connected', server.port);
    const second = await RawConnection.at('connected', server.port);
    for (let i = 0; i < 5; i++) await (await RawConnection.open(server.port)).serverCloses();
    expect(ingest.stats()).toEqual({ connections: 2, accepted: 2, closed: { RTMP_TOO_MANY_CONNECTIONS: 5 } });
    expect(log.lines.filter(({ fields }) => fields['code'] === 'RTMP_TOO_MANY_CONNECTIONS')).toHaveLength(1);
    await first.isAnswered(1);
    second.end();
    await eventually('there is room again', () => ingest.stats().connections === 1);
    (await RawConnection.at('connected', server.port)).destroy();
    first.destroy();
  });

  it('does not listen for everybody while nobody needs a key, and says which settings decide', async () => {
    const failed = startTestIngest({ rtmp: { host: '0.0.0.0' } });
    await expect(failed).rejects.toThrow(ConfigError);
    await expect(failed).rejects.toThrow(/origin\.publish\.keys.*origin\.publish\.auth/);
  });

  it('says which setting to change when the port is in use', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => {
      other.listen(0, '127.0.0.1', resolve);
    });
    const address = other.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const failed = startTestIngest({ rtmp: { port } });
    await expect(failed).rejects.toThrow(ConfigError);
    await expect(failed).rejects.toThrow(new RegExp(`port ${port} .*in use.*origin\\.rtmp\\.port`));
    other.close();
  });

  it('when closed ends publications, frees the port and leaves the directory to its owner', async () => {
    const ingest = await startTestIngest();
    const { port } = ingest;
    const connection = await RawConnection.at('publishing', port);
    await RawConnection.at('fresh', port);
    await ingest.ingest.close();
    await connection.serverCloses();
    expect(ingest.followed('live/hostile').events).toEqual(['start', 'stop']);
    expect(ingest.directory.get('live/hostile')).toBeDefined();
    ingest.directory.close();
    server = await startTestIngest({ rtmp: { port } });
    expect(server.port).toBe(port);
  });
});
