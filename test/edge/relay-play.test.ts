import { get } from 'node:http';
import { describe, expect, it } from 'vitest';
import { amf0Object } from '../../src/formats/amf0/value.ts';
import { encodeAudioTag } from '../../src/formats/flv/audio-tag.ts';
import { messageType } from '../../src/formats/rtmp/message.ts';
import { aac, audioUnit, videoUnit } from '../rtmp/sample-media.ts';
import { eventually } from '../support/condition.ts';
import { LiveHouse } from '../support/live-relay.ts';
import { TcpGateway } from '../support/tcp-gateway.ts';
import { RawConnection, tagOf } from '../rtmp/raw-connection.ts';

/** A way to `port` that ends with the house. */
async function gatewayTo(house: LiveHouse, port: number): Promise<TcpGateway> {
  const gateway = await TcpGateway.to(port);
  house.defer(() => gateway.close());
  return gateway;
}

/** What a player is told that asks for what is not there. */
async function refusedPlay(port: number, name: string) {
  const connection = await RawConnection.at('streaming', port);
  connection.sendCommand('play', 5, null, [name], 1);
  const refusal = await eventually('a refusal', () => connection.statuses().find(({ level }) => level === 'error'));
  connection.destroy();
  return refusal;
}

describe('playing from an edge', () => {
  it('fetches a stream once for 50 players of three protocols, and no longer when idleGrace is over after the last', async () => {
    await using house = new LiveHouse();
    const origin = await house.origin();
    const gateway = await gatewayTo(house, origin.rtmpPort);
    const edge = await house.edge([gateway.port], { idleGrace: '300ms' });
    await house.publish(origin.rtmpPort, 'stage').started();
    const [viewers, flvViewers] = await Promise.all([
      Promise.all(Array.from({ length: 20 }, () => house.viewer(edge.rtmpPort, 'stage'))),
      Promise.all(
        Array.from({ length: 30 }, (_, i) =>
          house.flvViewer(edge.httpPort, 'stage', i % 2 === 0 ? 'http' : 'web-socket'),
        ),
      ),
    ]);
    await Promise.all(viewers.map((viewer) => viewer.getsFrames(25, 20_000)));
    await eventually('all get FLV', () => flvViewers.every(({ media }) => media.length >= 50), 20_000);
    expect(gateway.connections).toBe(1);
    expect(edge.stats().live.streams).toEqual([
      { path: 'live/stage', state: 'playing', origin: 'main', viewers: 50, pulls: 1 },
    ]);
    expect(viewers.flatMap((viewer) => viewer.timesThatGoBack)).toEqual([]);

    for (const viewer of [...viewers.slice(1), ...flvViewers]) viewer.leave();
    await eventually('one is left', () => edge.stats().live.streams[0]?.viewers === 1);
    viewers[0]?.leave();
    await eventually('nothing is fetched any more', () => edge.stats().live.streams.length === 0);
    const [again] = [await house.viewer(edge.rtmpPort, 'stage')];
    await again.getsFrames(5);
    expect(gateway.connections).toBe(2);
  });

  it('goes on fetching for whoever comes back within idleGrace', async () => {
    await using house = new LiveHouse();
    const origin = await house.origin();
    const gateway = await gatewayTo(house, origin.rtmpPort);
    const edge = await house.edge([gateway.port], { idleGrace: '20s' });
    await house.publish(origin.rtmpPort, 'stage').started();
    const first = await house.viewer(edge.rtmpPort, 'stage');
    await first.getsFrames(5);
    first.leave();
    await eventually('nobody watches', () => edge.stats().live.streams[0]?.viewers === 0);
    const second = await house.viewer(edge.rtmpPort, 'stage');
    await second.getsFrames(5);
    expect(gateway.connections).toBe(1);
  });

  it('asks again when the connection to the origin breaks; players stay and their time never goes back', async () => {
    await using house = new LiveHouse();
    const origin = await house.origin();
    const gateway = await gatewayTo(house, origin.rtmpPort);
    const edge = await house.edge([gateway.port]);
    await house.publish(origin.rtmpPort, 'stage').started();
    const viewer = await house.viewer(edge.rtmpPort, 'stage');
    await viewer.getsFrames(30);
    gateway.cut();
    await eventually('the edge has noticed', () => edge.stats().live.streams[0]?.state !== 'playing');
    gateway.mend();
    await viewer.getsFrames(60, 15_000);
    expect(edge.stats().live.streams[0]?.pulls).toBe(2);
    expect(viewer.timesThatGoBack).toEqual([]);
    expect(viewer.connection.closed).toBe(false);
  });

  it('gives players nothing twice, and leaves nothing out, when the connection breaks within a GOP', async () => {
    await using house = new LiveHouse();
    const origin = await house.origin();
    const gateway = await gatewayTo(house, origin.rtmpPort);
    const edge = await house.edge([gateway.port]);
    const encoder = await RawConnection.at('publishing', origin.rtmpPort, 'stage');
    house.defer(() => encoder.destroy());
    encoder.sendHeaders();
    const units = Array.from({ length: 20 }, (_, i) => [
      videoUnit(i, 70_000 + i * 40),
      audioUnit(i, 70_000 + i * 40),
    ]).flat();
    const send = (from: number, to: number) => units.slice(from, to).forEach((unit) => encoder.sendUnit(unit));
    send(0, 16);
    const viewer = await house.viewer(edge.rtmpPort, 'stage');
    await eventually('what there is has come', () => viewer.media.length === 16);
    gateway.cut();
    await eventually('the edge has noticed', () => edge.stats().live.streams[0]?.state !== 'playing');
    // Nobody brings these over at once.
    send(16, 26);
    await eventually('the origin has them', () => origin.directory.get('live/stage')?.runningGop.length === 26);
    gateway.mend();
    await eventually('what was missed has come', () => viewer.media.length >= 26);
    send(26, 40);
    await eventually('what followed has come', () => viewer.media.length >= 40);
    expect(edge.stats().live.streams[0]?.pulls).toBe(2);
    expect(viewer.media.map(({ timestampMs }) => timestampMs)).toEqual(units.map(({ timestampMs }) => timestampMs));
    expect(viewer.media.map(({ payload }) => payload)).toEqual(units.map(tagOf));
  });

  it('plays on when the origin is another process with another publisher, whose time begins at 0', async () => {
    await using house = new LiveHouse();
    const before = await house.origin();
    const gateway = await gatewayTo(house, before.rtmpPort);
    const edge = await house.edge([gateway.port]);
    const publisher = await house.publish(before.rtmpPort, 'stage').started();
    const viewer = await house.viewer(edge.rtmpPort, 'stage');
    await viewer.getsFrames(60);
    gateway.cut();
    await publisher.stop();
    await before.close();

    const after = await house.origin();
    gateway.mend(after.rtmpPort);
    // It is there, and does not know the stream yet.
    await eventually('the edge has asked it', () =>
      edge.log.lines.some(({ fields }) => 'code' in fields && fields['code'] === 'PLAY_STREAM_NOT_FOUND'),
    );
    await house.publish(after.rtmpPort, 'stage').started();
    await viewer.getsFrames(60, 15_000);
    expect(viewer.timesThatGoBack).toEqual([]);
    expect(viewer.connection.closed).toBe(false);
  });

  it('begins anew with another publisher that has fewer tracks', async () => {
    await using house = new LiveHouse();
    const origin = await house.origin();
    const edge = await house.edge([origin.rtmpPort]);
    const publisher = await house.publish(origin.rtmpPort, 'stage').started();
    await (await house.viewer(edge.rtmpPort, 'stage')).getsFrames(5);
    await publisher.stop();
    const encoder = await RawConnection.at('publishing', origin.rtmpPort, 'stage');
    house.defer(() => encoder.destroy());
    const audio = encodeAudioTag({ kind: 'sequence-header', codec: 'aac', trackId: 0, description: aac.description });
    encoder.sendMessage({ typeId: messageType.audio, payload: audio }, 4);
    let number = 0;
    const sending = setInterval(() => encoder.sendUnit(audioUnit(number++)), 20);
    house.defer(() => clearInterval(sending));
    const late = await house.viewer(edge.rtmpPort, 'stage');
    await eventually('sound alone comes', () => late.media.length >= 20);
    expect(late.frames).toEqual([]);
  });

  it('tells players that the stream is over when the origin says so', async () => {
    await using house = new LiveHouse();
    const origin = await house.origin({ live: { reconnectGrace: '0s' } });
    const edge = await house.edge([origin.rtmpPort]);
    const publisher = await house.publish(origin.rtmpPort, 'stage').started();
    const viewer = await house.viewer(edge.rtmpPort, 'stage');
    await viewer.getsFrames(5);
    await publisher.stop();
    await viewer.connection.status('NetStream.Play.UnpublishNotify');
    expect(edge.stats().live.streams).toEqual([]);
  });

  it('tells players when the stream has been gone for longer than originGrace', async () => {
    await using house = new LiveHouse();
    const origin = await house.origin();
    const gateway = await gatewayTo(house, origin.rtmpPort);
    const edge = await house.edge([gateway.port], { originGrace: '500ms' });
    await house.publish(origin.rtmpPort, 'stage').started();
    const viewer = await house.viewer(edge.rtmpPort, 'stage');
    await viewer.getsFrames(5);
    gateway.cut();
    await viewer.connection.status('NetStream.Play.UnpublishNotify');
    expect(edge.log.lines.some(({ fields }) => 'code' in fields && fields['code'] === 'RELAY_ORIGIN_GONE')).toBe(true);
  });

  it('says StreamNotFound for a name that no origin knows, and asks once for a stampede', async () => {
    await using house = new LiveHouse();
    const origin = await house.origin();
    const gateway = await gatewayTo(house, origin.rtmpPort);
    const edge = await house.edge([gateway.port]);
    const refusals = await Promise.all(Array.from({ length: 40 }, () => refusedPlay(edge.rtmpPort, 'nowhere')));
    expect(new Set(refusals.map(({ code }) => code))).toEqual(new Set(['NetStream.Play.StreamNotFound']));
    expect(refusals[0]?.description).toBe('there is no stream live/nowhere now');
    expect(gateway.connections).toBe(1);
    expect(edge.stats().live.refused).toEqual({ PLAY_STREAM_NOT_FOUND: 40 });
    await house.publish(origin.rtmpPort, 'nowhere').started();
    await eventually('the no is forgotten', async () => {
      const viewer = await house.viewer(edge.rtmpPort, 'nowhere');
      await eventually('an answer', () =>
        viewer.connection.statuses().some(({ code }) => code.startsWith('NetStream.Play.')),
      );
      return viewer.connection.statuses().some(({ code }) => code === 'NetStream.Play.Start');
    });
  });

  it('takes a stream from the next origin of the group, and new pulls from the first again', async () => {
    await using house = new LiveHouse();
    const [primary, backup] = [await house.origin(), await house.origin()];
    const gateway = await gatewayTo(house, primary.rtmpPort);
    const edge = await house.edge([gateway.port, backup.rtmpPort]);
    for (const { rtmpPort } of [primary, backup]) await house.publish(rtmpPort, 'stage').started();
    await house.publish(backup.rtmpPort, 'only-there').started();
    const viewer = await house.viewer(edge.rtmpPort, 'stage');
    await viewer.getsFrames(10);
    const originOf = (path: string) => edge.stats().live.streams.find((stream) => stream.path === path)?.origin;
    expect(originOf('live/stage')).toBe('main');
    // The first knows nothing of it.
    await (await house.viewer(edge.rtmpPort, 'only-there')).getsFrames(5);
    expect(originOf('live/only-there')).toBe('backup-1');

    gateway.cut();
    await eventually('the next is asked', () => originOf('live/stage') === 'backup-1');
    await viewer.getsFrames(30);
    expect(viewer.timesThatGoBack).toEqual([]);
    gateway.mend();
    await house.publish(primary.rtmpPort, 'another').started();
    await (await house.viewer(edge.rtmpPort, 'another')).getsFrames(5);
    expect(originOf('live/another')).toBe('main');
    expect(originOf('live/stage')).toBe('backup-1');
  });

  it('says in plain words what nothing answers for', async () => {
    await using house = new LiveHouse();
    const origin = await house.origin();
    const edge = await house.edge(
      [origin.rtmpPort],
      {},
      {
        distributions: [{ name: 'site', hosts: ['www.example.org'], behaviours: [{}] }],
        streaming: [
          { name: 'live', hosts: ['live.example.org'], apps: ['live'], behaviours: [{ stream: 'live/open-*' }] },
        ],
      },
    );
    const refusedConnect = async (app: string, host: string) => {
      const connection = await RawConnection.at('handshaken', edge.rtmpPort);
      connection.sendCommand('connect', 1, amf0Object({ app, tcUrl: `rtmp://${host}/${app}` }));
      await connection.serverCloses();
      return connection.statuses().find(({ level }) => level === 'error');
    };
    const [unknown, web, app] = await Promise.all([
      refusedConnect('live', 'elsewhere.example.org'),
      refusedConnect('live', 'www.example.org:1935'),
      refusedConnect('cfx/st', 'live.example.org'),
    ]);
    for (const refusal of [unknown, web, app]) expect(refusal?.code).toBe('NetConnection.Connect.Rejected');
    expect(unknown?.description).toBe(
      'DistributionNotFound: no streaming distribution answers for elsewhere.example.org',
    );
    expect(web?.description).toContain('DistributionTypeMismatch: www.example.org:1935 is a web distribution');
    expect(app?.description).toContain('InvalidInstance: there is no application "cfx/st" here');

    const player = await RawConnection.at('handshaken', edge.rtmpPort);
    await player.connect({ app: 'live', tcUrl: 'rtmp://live.example.org/live' });
    await player.createStream();
    player.sendCommand('play', 5, null, ['closed-1'], 1);
    const refusal = await player.status('NetStream.Play.StreamNotFound');
    expect(refusal.description).toBe('InvalidURI: no behaviour answers for live/closed-1');
  });

  it('gives as FLV what the distribution of the host has, and leaves the same path on other hosts to the web', async () => {
    await using house = new LiveHouse();
    const origin = await house.origin();
    const streaming = [
      { name: 'events', hosts: ['events.example.org'], apps: ['live'] },
      { name: 'channels', hosts: ['channels.example.org'], apps: ['tv'] },
    ];
    const edge = await house.edge([origin.rtmpPort], {}, { streaming });
    const statusOf = (host: string, path: string) =>
      new Promise<number | undefined>((resolve, reject) => {
        const asked = get({ host: '127.0.0.1', port: edge.httpPort, path, headers: { host } }, (answer) => {
          answer.resume();
          resolve(answer.statusCode);
        });
        asked.on('error', reject);
      });
    // 404 says the relay, 502 the web distribution, whose origin is not there.
    expect(await statusOf('events.example.org', '/live/stage.flv')).toBe(404);
    expect(await statusOf('channels.example.org', '/live/stage.flv')).toBe(502);
    expect(await statusOf('channels.example.org', '/tv/stage.flv')).toBe(404);
    expect(await statusOf('events.example.org', '/tv/stage.flv')).toBe(502);
    expect(await statusOf('www.example.org', '/live/stage.flv')).toBe(502);
  });

  it('refuses to fetch from itself, also over another edge', async () => {
    await using house = new LiveHouse();
    const nowhere = await gatewayTo(house, 1);
    const first = await house.edge([nowhere.port]);
    const second = await house.edge([first.rtmpPort]);
    nowhere.mend(first.rtmpPort);
    expect((await refusedPlay(first.rtmpPort, 'stage')).description).toContain('would come from this server itself');
    nowhere.mend(second.rtmpPort);
    expect((await refusedPlay(second.rtmpPort, 'other')).description).toContain('would come from this server itself');
  });

  it('gives a stream of another edge on, one after the other', async () => {
    await using house = new LiveHouse();
    const origin = await house.origin();
    const near = await house.edge([origin.rtmpPort]);
    const far = await house.edge([near.rtmpPort]);
    await house.publish(far.rtmpPort, 'stage').started();
    const viewer = await house.viewer(far.rtmpPort, 'stage');
    await viewer.getsFrames(30);
    expect(viewer.timesThatGoBack).toEqual([]);
    expect(near.stats().live.streams[0]?.viewers).toBe(1);
  });
});
