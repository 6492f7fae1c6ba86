import { describe, expect, it } from 'vitest';
import { withOwnData } from '../../src/base/own-copies.ts';
import type { AccessUnit } from '../../src/formats/media/access-unit.ts';
import { LibrtmpPublication } from '../rtmp/librtmp-publication.ts';
import { avc, videoUnit } from '../rtmp/sample-media.ts';
import { eventually } from '../support/condition.ts';
import { run } from '../support/ffmpeg.ts';
import { LiveHouse, Viewer } from '../support/live-relay.ts';
import { TcpGateway } from '../support/tcp-gateway.ts';
import { RawConnection } from '../rtmp/raw-connection.ts';

/** What an encoder is told that tries to publish, and everything that it was told. */
async function tryToPublish(port: number, name: string) {
  const connection = await RawConnection.at('connected', port);
  // In the order of OBS and ffmpeg.
  connection.sendCommand('releaseStream', 2, null, [name]);
  connection.sendCommand('FCPublish', 3, null, [name]);
  await connection.createStream();
  connection.sendCommand('publish', 5, null, [name, 'live'], 1);
  await connection.serverCloses();
  const codes = connection.statuses().map(({ code }) => code);
  return { codes, refusal: connection.statuses().find(({ level }) => level === 'error') };
}

describe('publishing through an edge', () => {
  it('makes the stream live at the origin, and playable at every edge', async () => {
    await using house = new LiveHouse();
    const origin = await house.origin();
    const [frankfurt, madrid] = [await house.edge([origin.rtmpPort]), await house.edge([origin.rtmpPort])];
    await house.publish(frankfurt.rtmpPort, 'one').started();
    await house.publish(madrid.rtmpPort, 'two').started();
    const viewers = await Promise.all([
      house.viewer(madrid.rtmpPort, 'one'),
      house.viewer(frankfurt.rtmpPort, 'one'),
      house.viewer(frankfurt.rtmpPort, 'two'),
      house.viewer(origin.rtmpPort, 'two'),
    ]);
    await Promise.all(viewers.map((viewer) => viewer.getsFrames(30)));
    expect(viewers.flatMap((viewer) => viewer.timesThatGoBack)).toEqual([]);
    expect(frankfurt.stats().live.publications).toEqual([
      { path: 'live/one', state: 'passing', origin: 'main', publications: 1, droppedUnits: 0 },
    ]);
  });

  it('names the encoder at the origin, not the edge', async () => {
    await using house = new LiveHouse();
    const origin = await house.origin();
    const edge = await house.edge([origin.rtmpPort]);
    const encoder = await RawConnection.at('handshaken', edge.rtmpPort);
    house.defer(() => encoder.destroy());
    await encoder.connect({ app: 'live', tcUrl: 'rtmp://127.0.0.1/live', flashVer: 'Camera/7' });
    await encoder.createStream();
    await encoder.publish('stage');
    expect(origin.directory.get('live/stage')?.publication?.encoder).toBe('Camera/7');
  });

  it('refuses a second publisher through another edge before Start, in the words of the origin', async () => {
    await using house = new LiveHouse();
    const origin = await house.origin();
    const [first, second] = [await house.edge([origin.rtmpPort]), await house.edge([origin.rtmpPort])];
    const publisher = await house.publish(first.rtmpPort, 'stage').started();
    for (const edge of [first, second]) {
      const { codes, refusal } = await tryToPublish(edge.rtmpPort, 'stage');
      expect(codes).not.toContain('NetStream.Publish.Start');
      expect(refusal).toMatchObject({ code: 'NetStream.Publish.BadName' });
      expect(refusal?.description).toContain('live/stage is being published by another encoder');
    }
    expect(publisher.failure).toBeUndefined();
  });

  it.each(['OBS', 'rtmpdump'] as const)('takes what librtmp sends as %s does', async (dialect) => {
    await using house = new LiveHouse();
    const origin = await house.origin();
    const edge = await house.edge([origin.rtmpPort]);
    const publication = await LibrtmpPublication.start(dialect, edge.rtmpPort, 'stage');
    const units = Array.from({ length: 50 }, (_, number) => videoUnit(number));
    publication.configure([avc]);
    const got: AccessUnit[] = [];
    const ignore = () => {};
    origin.directory.get('live/stage')?.subscribe({
      onPublisherStart: ignore,
      onTrackConfig: ignore,
      onColorInfo: ignore,
      onAccessUnit: (unit) => got.push(withOwnData(unit)),
      onData: ignore,
      onPublisherStop: ignore,
      onEnd: ignore,
    });
    publication.send(units);
    await eventually('all of it is at the origin', () => got.length === units.length);
    expect(got).toEqual(units);
    publication.leave();
  });

  it('tells ffmpeg that the name is busy at the origin', async () => {
    await using house = new LiveHouse();
    const origin = await house.origin();
    const edge = await house.edge([origin.rtmpPort]);
    await house.publish(origin.rtmpPort, 'stage').started();
    const url = `rtmp://127.0.0.1:${edge.rtmpPort}/live/stage`;
    const input = ['-nostdin', '-v', 'error', '-f', 'lavfi', '-i', 'testsrc=s=160x90:r=25:d=5'];
    const result = await run('ffmpeg', [...input, '-c:v', 'libx264', '-preset', 'ultrafast', '-f', 'flv', url]);
    expect(result.code).not.toBe(0);
    expect(result.standardError).toContain('live/stage is being published by another encoder');
  });

  it('lets the same key take the stream over through another edge, and a viewer goes on', async () => {
    await using house = new LiveHouse();
    const origin = await house.origin();
    const publish = {
      auth: 'key',
      keys: [
        { stream: '*', key: 'encoder-key-1' },
        { stream: '*', key: 'encoder-key-2' },
      ],
    } as const;
    const settings = { publish: { auth: publish.auth, keys: [...publish.keys] } };
    const first = await house.edge([origin.rtmpPort], {}, settings);
    const second = await house.edge([origin.rtmpPort], {}, settings);
    const before = await house.publish(first.rtmpPort, 'stage?key=encoder-key-1').started();
    const viewer = await house.viewer(second.rtmpPort, 'stage');
    await viewer.getsFrames(10);
    const other = await tryToPublish(second.rtmpPort, 'stage?key=encoder-key-2');
    expect(other.refusal).toMatchObject({ code: 'NetStream.Publish.BadName' });
    await house.publish(second.rtmpPort, 'stage?key=encoder-key-1').started();
    await eventually('the first is told', () => before.failure);
    expect(before.failure?.message).toContain('PUBLISH_TAKEN_OVER');
    await viewer.getsFrames(50);
    expect(viewer.timesThatGoBack).toEqual([]);
    expect(
      [...first.log.lines, ...second.log.lines, ...origin.log.lines].map((line) => JSON.stringify(line)).join(),
    ).not.toContain('encoder-key');
  });

  it('stops a quarrel of two encoders with one key, each behind an edge of its own: the origin counts', async () => {
    await using house = new LiveHouse();
    const origin = await house.origin();
    const publish = { auth: 'key' as const, keys: [{ stream: '*', key: 'encoder-key-1' }] };
    const edges = [
      await house.edge([origin.rtmpPort], {}, { publish }),
      await house.edge([origin.rtmpPort], {}, { publish }),
    ] as const;
    const portOfTurn = (turn: number) => edges[turn % 2 === 0 ? 0 : 1].rtmpPort;
    let holder = await house.publish(portOfTurn(0), 'stage?key=encoder-key-1').started();
    for (let turn = 1; turn <= 5; turn++) {
      const before = holder;
      holder = await house.publish(portOfTurn(turn), 'stage?key=encoder-key-1').started();
      await eventually('the one before is told', () => before.failure);
    }
    const { codes, refusal } = await tryToPublish(portOfTurn(6), 'stage?key=encoder-key-1');
    expect(codes).not.toContain('NetStream.Publish.Start');
    expect(refusal).toMatchObject({ code: 'NetStream.Publish.BadName' });
    expect(refusal?.description).toMatch(/same stream key.*5 times within a minute: stop all but one/);
    const viewer = await house.viewer(edges[0].rtmpPort, 'stage');
    await viewer.getsFrames(5);
    expect(holder.failure).toBeUndefined();
  });

  it('asks the origin with the key of the edge, which opens no takeover', async () => {
    await using house = new LiveHouse();
    const keys = [{ stream: '*', key: 'key-of-the-edges' }];
    const origin = await house.origin({ publish: { auth: 'key', keys } });
    const rtmp = `rtmp://127.0.0.1:${origin.rtmpPort}?key=key-of-the-edges`;
    const edge = await house.edge(
      [],
      {},
      {
        origins: { main: { url: 'http://127.0.0.1:1', rtmp } },
        streaming: [{ name: 'live' }],
      },
    );
    await house.publish(edge.rtmpPort, 'stage').started();
    const again = await tryToPublish(edge.rtmpPort, 'stage');
    expect(again.refusal).toMatchObject({ code: 'NetStream.Publish.BadName' });
    const closed = await house.edge([origin.rtmpPort]);
    const refused = await tryToPublish(closed.rtmpPort, 'other');
    expect(refused.refusal).toMatchObject({ code: 'NetStream.Publish.Unauthorized' });
    expect([...edge.log.lines, ...origin.log.lines].map((line) => JSON.stringify(line)).join()).not.toContain(
      'key-of-the-edges',
    );
  });

  it('keeps the encoder while the origin is out of reach, and the stream goes on after a discontinuity', async () => {
    await using house = new LiveHouse();
    const origin = await house.origin();
    const gateway = await TcpGateway.to(origin.rtmpPort);
    house.defer(() => gateway.close());
    const edge = await house.edge([gateway.port]);
    const publisher = await house.publish(edge.rtmpPort, 'stage').started();
    const playlistUrl = `http://127.0.0.1:${origin.httpPort}/live/stage/video.m3u8`;
    const playlist = async () => (await fetch(playlistUrl)).text();
    await eventually('there are segments', async () => (await playlist()).includes('#EXTINF'), 15_000);
    const viewer = await Viewer.play(origin.rtmpPort, 'stage');
    house.defer(() => viewer.leave());
    await viewer.getsFrames(5);

    gateway.cut();
    await eventually('the edge has noticed', () => edge.stats().live.publications[0]?.state === 'waiting');
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    gateway.mend();
    await eventually('the origin takes it again', () => edge.stats().live.publications[0]?.publications === 2);
    await viewer.getsFrames(60, 15_000);
    expect(viewer.timesThatGoBack).toEqual([]);
    await eventually(
      'the playlist goes on after the gap',
      async () => {
        const [, after = ''] = (await playlist()).split('#EXT-X-DISCONTINUITY\n');
        return after.includes('#EXTINF');
      },
      15_000,
    );
    expect(publisher.failure).toBeUndefined();
  });

  it('tells the encoder when the origin stays away for longer than originGrace', async () => {
    await using house = new LiveHouse();
    const origin = await house.origin();
    const gateway = await TcpGateway.to(origin.rtmpPort);
    house.defer(() => gateway.close());
    const edge = await house.edge([gateway.port], { originGrace: '500ms' });
    const publisher = await house.publish(edge.rtmpPort, 'stage').started();
    gateway.cut();
    await eventually('the encoder is told', () => publisher.failure);
    expect(publisher.failure?.message).toContain('the origin of live/stage cannot be reached');
    expect(edge.stats().live.publications).toEqual([]);
  });

  it('goes to the next origin of the group when the first is gone, and refuses when all are', async () => {
    await using house = new LiveHouse();
    const backup = await house.origin();
    const gateway = await TcpGateway.to(backup.rtmpPort);
    house.defer(() => gateway.close());
    const nowhere = await TcpGateway.to(1);
    house.defer(() => nowhere.close());
    const edge = await house.edge([nowhere.port, gateway.port]);
    await house.publish(edge.rtmpPort, 'stage').started();
    expect(edge.stats().live.publications[0]?.origin).toBe('backup-1');
    gateway.cut();
    const { codes, refusal } = await tryToPublish(edge.rtmpPort, 'other');
    expect(codes).not.toContain('NetStream.Publish.Start');
    expect(refusal?.description).toContain('the origin of live/other cannot be reached');
  });

  it('refuses what the behaviour does not take, and an edge that is its own origin', async () => {
    await using house = new LiveHouse();
    const origin = await house.origin();
    const reading = await house.edge([origin.rtmpPort], { publish: false });
    expect((await tryToPublish(reading.rtmpPort, 'stage')).refusal?.description).toContain(
      'cannot be published through this edge',
    );

    const nowhere = await TcpGateway.to(1);
    house.defer(() => nowhere.close());
    const looping = await house.edge([nowhere.port]);
    nowhere.mend(looping.rtmpPort);
    const { codes, refusal } = await tryToPublish(looping.rtmpPort, 'stage');
    expect(codes).not.toContain('NetStream.Publish.Start');
    expect(refusal?.description).toContain('would come from this server itself');
    expect(looping.log.lines.some(({ fields }) => 'code' in fields && fields['code'] === 'RELAY_LOOP')).toBe(true);
  });
});
