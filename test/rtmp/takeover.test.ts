import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/cli/system-clock.ts';
import { startOrigin } from '../../src/origin/origin.ts';
import { originSchema } from '../../src/origin/settings.ts';
import { eventually } from '../support/condition.ts';
import { LogRecorder } from '../support/log-recorder.ts';
import { type StallingProxy, startStallingProxy } from '../support/stalling-proxy.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { RawConnection } from './raw-connection.ts';
import { audioUnit, videoUnit } from './sample-media.ts';
import { startTestIngest, type TestIngest } from './test-ingest.ts';

const oldKey = 'stage-key-0123';
const newKey = 'stage-key-4567';
const keys = [
  { stream: 'live/stage', key: oldKey },
  { stream: 'live/stage', key: newKey },
];

let closing: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closing.toReversed()) await close();
  closing = [];
});

async function startIngest(clock?: VirtualClock): Promise<{ server: TestIngest; proxy: StallingProxy }> {
  const server = await startTestIngest({ publish: { auth: 'key', keys }, ...(clock === undefined ? {} : { clock }) });
  closing.push(() => server.close());
  const proxy = await startStallingProxy(server.port);
  closing.push(() => proxy.close());
  return { server, proxy };
}

async function tryToPublish(port: number, key: string): Promise<RawConnection> {
  const connection = await RawConnection.at('streaming', port);
  closing.push(() => connection.destroy());
  connection.sendCommand('publish', 5, null, [`stage?key=${key}`, 'live'], 1);
  return connection;
}

async function publish(port: number, key: string): Promise<RawConnection> {
  const connection = await tryToPublish(port, key);
  await connection.status('NetStream.Publish.Start');
  connection.sendHeaders();
  return connection;
}

describe('a publisher whose connection is dead without a word', () => {
  it('loses its stream at once to one with the same credential, and nothing of it arrives afterwards', async () => {
    const { server, proxy } = await startIngest();
    const first = await publish(proxy.port, oldKey);
    first.sendUnit(videoUnit(0));
    const { units, events } = server.followed('live/stage');
    await eventually('the first publishes', () => units.length === 1);
    const stream = server.directory.get('live/stage');
    proxy.stall();
    first.sendUnit(audioUnit(66));
    const beforeMs = performance.now();
    const second = await publish(server.port, oldKey);
    expect(performance.now() - beforeMs).toBeLessThan(1_000);
    second.sendUnit(audioUnit(7));
    await eventually('the second publishes', () => units.length === 2);
    expect(units).toEqual([videoUnit(0), audioUnit(7)]);
    expect(events).toEqual(['start', 'stop', 'start']);
    expect(server.directory.get('live/stage')).toBe(stream);
    // The server does not wait for a peer that takes no goodbye.
    await eventually('the dead connection is gone', () => server.ingest.stats().connections === 1);
    expect(server.ingest.stats().closed).toEqual({ PUBLISH_TAKEN_OVER: 1 });
    await second.isAnswered(1);
  });

  it('keeps it from others, who are refused before any Start, until its deadline; then the name is free', async () => {
    const clock = new VirtualClock();
    const { server, proxy } = await startIngest(clock);
    await publish(proxy.port, oldKey);
    proxy.stall();
    const early = await tryToPublish(server.port, newKey);
    let passedMs = 1_000;
    await eventually('it is refused', () => {
      clock.advance(50);
      passedMs += 50;
      return early.statuses().some(({ code, level }) => code === 'NetStream.Publish.BadName' && level === 'error');
    });
    expect(early.statuses().map(({ code }) => code)).not.toContain('NetStream.Publish.Start');
    clock.advance(1_000);
    await early.serverCloses();
    expect((await server.warning('PUBLISH_BUSY')).fields['stream']).toBe('live/stage');
    clock.advance(19_999 - passedMs);
    expect(server.directory.get('live/stage')?.publication).toBeDefined();
    clock.advance(1);
    expect((await server.warning('RTMP_PUBLISHER_SILENT')).fields['stream']).toBe('live/stage');
    await publish(server.port, newKey);
  });
});

describe('encoders that take a stream from each other', () => {
  it('are stopped after five times: whoever publishes then goes on, the next is refused and told why', async () => {
    const { server } = await startIngest();
    let holder = await publish(server.port, oldKey);
    for (let i = 0; i < 5; i++) {
      const next = await publish(server.port, oldKey);
      await holder.serverCloses();
      holder = next;
    }
    const refused = await tryToPublish(server.port, oldKey);
    const status = await refused.status('NetStream.Publish.BadName');
    expect(status.description).toMatch(/same stream key.*5 times within a minute: stop all but one.*in \d+ s/);
    await refused.serverCloses();
    expect((await server.warning('PUBLISH_QUARREL')).fields['stream']).toBe('live/stage');
    holder.sendUnit(videoUnit(0));
    await eventually('the holder goes on', () => server.followed('live/stage').units.length === 1);
    // A name that nobody holds is free, quarrel or not.
    holder.end();
    await eventually('it has left', () => server.directory.get('live/stage')?.publication === undefined);
    await publish(server.port, oldKey);
  });
});

describe('viewers over HTTP', () => {
  it('go on over a takeover from a dead connection: a discontinuity in the same epoch, and the waiting are answered', async () => {
    const settings = originSchema.parse({
      http: { port: 0 },
      rtmp: { port: 0 },
      publish: { auth: 'key', keys },
      live: { segment: '1s' },
    });
    const origin = await startOrigin(settings, {
      clock: systemClock,
      log: new LogRecorder(),
      siteDirectory: undefined,
    });
    closing.push(() => origin.close());
    const proxy = await startStallingProxy(origin.rtmpPort);
    closing.push(() => proxy.close());
    const playlistUrl = `http://127.0.0.1:${origin.httpPort}/live/stage/video.m3u8`;
    const playlist = async (query = '') => (await fetch(`${playlistUrl}${query}`)).text();
    const epochsOf = (text: string) =>
      new Set([...text.matchAll(/([\w-]+)\/video\/\d+\.m4s/g)].map((match) => match[1]));

    const first = await publish(proxy.port, oldKey);
    for (let number = 0; number < 100; number++) first.sendUnit(videoUnit(number));
    const before = await eventually('three segments', async () => {
      const text = await playlist();
      return text.includes('/video/3.m4s') && text;
    });
    proxy.stall();
    const waiting = playlist('?_HLS_msn=5');
    const second = await publish(origin.rtmpPort, oldKey);
    for (let number = 0; number < 150; number++) second.sendUnit(videoUnit(number));
    const after = await waiting;
    expect(after).toContain('#EXT-X-DISCONTINUITY\n');
    expect(after).toContain('/video/5.m4s');
    expect(epochsOf(after)).toEqual(epochsOf(before));
    expect(epochsOf(after).size).toBe(1);
  });
});
