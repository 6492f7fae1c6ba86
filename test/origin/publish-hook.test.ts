import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { publishSchema } from '../../src/policy/publish-settings.ts';
import { RawConnection } from '../rtmp/raw-connection.ts';
import { audioUnit, videoUnit } from '../rtmp/sample-media.ts';
import { startTestIngest, type TestIngest } from '../rtmp/test-ingest.ts';
import { eventually } from '../support/condition.ts';
import { type HookServer, startHookServer } from '../support/hook-server.ts';

const secret = 'the-secret-of-the-hook';

let hook: HookServer;
let server: TestIngest;
let opened: RawConnection[];

beforeEach(async () => {
  hook = await startHookServer();
  const publish = publishSchema.parse({ auth: 'hook', hook: { url: hook.url, secret, onFailure: 'closed' } });
  server = await startTestIngest({ publish });
  opened = [];
});

afterEach(async () => {
  for (const connection of opened) connection.destroy();
  hook.reply = () => ({ status: 200 });
  await server.close();
  await hook.close();
  expect(server.log.text).not.toContain(secret);
  expect(server.log.text).not.toContain('-their-key');
});

/** As an encoder in a hurry does it: media right behind `publish`. */
async function tryToPublish(streamName: string): Promise<RawConnection> {
  const connection = await RawConnection.at('streaming', server.port);
  opened.push(connection);
  connection.sendCommand('publish', 5, null, [streamName, 'live'], 1);
  connection.sendHeaders();
  connection.sendUnit(videoUnit(0));
  return connection;
}

function events(): string[] {
  return hook.requests.map(({ event }) => `${event.event}${event.reason === undefined ? '' : ` ${event.reason}`}`);
}

describe('the ingest with a publish hook', () => {
  it('starts nothing until the hook has answered, then delivers what was sent meanwhile', async () => {
    const answer = Promise.withResolvers<void>();
    hook.reply = async () => {
      await answer.promise;
      return { status: 200 };
    };
    const connection = await tryToPublish('stage?key=a-their-key');
    await eventually('the hook is asked', () => hook.requests.length === 1);
    await connection.isAnswered(1);
    expect(connection.statuses().map(({ code }) => code)).toEqual(['NetConnection.Connect.Success']);
    expect(server.directory.list()).toEqual([]);
    answer.resolve();
    await connection.status('NetStream.Publish.Start');
    await eventually('the frame arrives', () => server.followed('live/stage').units.length === 1);
    expect(server.followed('live/stage').units).toEqual([videoUnit(0)]);
    expect(hook.requests[0]?.event).toMatchObject({ path: 'live/stage', key: 'a-their-key' });
    connection.end();
    await eventually('the hook is told of the end', () => events().join() === 'publish,unpublish ended');
  });

  it('refuses with the words of the hook before any Start, and names the stream in the log', async () => {
    hook.reply = () => ({ status: 403, body: 'your season ticket has expired' });
    const connection = await tryToPublish('stage?key=a-their-key');
    await connection.serverCloses();
    const statuses = connection.statuses().filter(({ command }) => command === 'onStatus');
    expect(statuses).toHaveLength(1);
    expect(statuses[0]).toMatchObject({
      level: 'error',
      code: 'NetStream.Publish.Unauthorized',
      description: 'your season ticket has expired',
    });
    expect((await server.warning('PUBLISH_HOOK_REFUSED')).fields['stream']).toBe('live/stage');
    expect(server.directory.list()).toEqual([]);
    expect(events()).toEqual(['publish']);
  });

  it('refuses when the hook fails and is to be closed', async () => {
    hook.reply = () => ({ status: 500, body: 'Error: at line 7' });
    const connection = await tryToPublish('stage');
    await connection.serverCloses();
    expect(connection.statuses().at(-1)?.code).toBe('NetStream.Publish.BadName');
    expect(connection.statuses().at(-1)?.description).not.toContain('line 7');
    expect(server.directory.list()).toEqual([]);
  });

  it('lets the credential that the hook names take the stream over, whatever the key; others are refused', async () => {
    hook.reply = ({ key }) => ({
      status: 200,
      body: JSON.stringify({ credential: key === 'z-their-key' ? 'Zoe' : 'Ada' }),
    });
    const first = await tryToPublish('stage?key=a-their-key');
    await first.status('NetStream.Publish.Start');
    const other = await tryToPublish('stage?key=z-their-key');
    await other.serverCloses();
    expect(other.statuses().at(-1)).toMatchObject({ code: 'NetStream.Publish.BadName' });
    expect(other.statuses().map(({ code }) => code)).not.toContain('NetStream.Publish.Start');
    expect(first.closed).toBe(false);
    const second = await tryToPublish('stage?key=b-their-key');
    await second.status('NetStream.Publish.Start');
    await first.serverCloses();
    second.sendUnit(audioUnit(1));
    await eventually('the second publishes', () => server.followed('live/stage').units.length === 3);
    expect(server.followed('live/stage').events).toEqual(['start', 'stop', 'start']);
    await eventually(
      'the hook is told of both',
      () =>
        events()
          .filter((event) => event.startsWith('unpublish'))
          .join() === 'unpublish not-started,unpublish taken-over',
    );
  });

  it('asks nobody any more for an encoder that has left, and starts nothing for it', async () => {
    const answer = Promise.withResolvers<void>();
    hook.reply = async ({ event }) => {
      if (event === 'publish') await answer.promise;
      return { status: 200 };
    };
    const connection = await tryToPublish('stage');
    await eventually('the hook is asked', () => hook.requests.length === 1);
    connection.reset();
    await eventually('the hook is told', () => events().join() === 'publish,unpublish not-started');
    answer.resolve();
    await eventually('the connection is gone', () => server.ingest.stats().connections === 0);
    expect(server.directory.list()).toEqual([]);
  });

  it('tells of every end when the server closes', async () => {
    const connections = await Promise.all(['one', 'two', 'three'].map((name) => tryToPublish(name)));
    for (const connection of connections) await connection.status('NetStream.Publish.Start');
    await server.ingest.close();
    expect(events().filter((event) => event === 'unpublish ended')).toHaveLength(3);
  });
});
