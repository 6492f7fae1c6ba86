import { copyFileSync, mkdirSync, mkdtempSync, rmSync, statSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/cli/system-clock.ts';
import { type Edge, startEdge } from '../../../src/edge/edge.ts';
import { edgeSchema } from '../../../src/edge/settings.ts';
import { amf0Object } from '../../../src/formats/amf0/value.ts';
import { messageType } from '../../../src/formats/rtmp/message.ts';
import type { Origin } from '../../../src/origin/origin.ts';
import { RawConnection } from '../../rtmp/raw-connection.ts';
import { makeClip, remux } from '../../rtmp/sample-clip.ts';
import { StoredPlayer } from '../../rtmp/stored-house.ts';
import { eventually } from '../../support/condition.ts';
import { packetHashes, run } from '../../support/ffmpeg.ts';
import { LiveHouse } from '../../support/live-relay.ts';
import { LogRecorder } from '../../support/log-recorder.ts';

const seconds = 12;

let clips: string;
let folder: string;
let house: LiveHouse;
let origin: Origin;
let edge: Edge;
let log: LogRecorder;

beforeAll(async () => {
  clips = mkdtempSync(join(tmpdir(), 'streamfront-stored-rtmp-'));
  // Larger than what an edge fetches ahead, so that there is something left to lose.
  const codecs = ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '25', '-bf', '2', '-pix_fmt', 'yuv420p'];
  const constant = ['-b:v', '4000k', '-minrate', '4000k', '-maxrate', '4000k', '-bufsize', '1000k', '-nal-hrd', 'cbr'];
  await makeClip(join(clips, 'tail.mp4'), seconds, [...codecs, ...constant, '-c:a', 'aac']);
  await remux(join(clips, 'tail.mp4'), join(clips, 'film.flv'));
});

afterAll(() => {
  rmSync(clips, { recursive: true, force: true });
});

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'streamfront-library-'));
  mkdirSync(join(folder, 'dir'));
  house = new LiveHouse();
  origin = await house.origin({ library: { folder } });
  log = new LogRecorder();
  edge = await startEdge(
    edgeSchema.parse({
      http: { port: 0 },
      rtmp: { port: 0 },
      origins: {
        main: {
          url: `http://127.0.0.1:${origin.httpPort}`,
          rtmp: `rtmp://127.0.0.1:${origin.rtmpPort}`,
          connectTimeout: '200ms',
          connectAttempts: 1,
        },
      },
      cache: { slice: '256KiB', readAhead: '512KiB' },
    }),
    { clock: systemClock, log },
  );
  house.defer(() => edge.close());
});

afterEach(async () => {
  await house[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

function put(clip: string, name: string): void {
  copyFileSync(join(clips, clip), join(folder, name));
  settle(name);
}

/** A file that has just been written may still be written to: none is played as long as it is so young. */
function settle(name: string): void {
  const aMinuteAgo = new Date(Date.now() - 60_000);
  utimesSync(join(folder, name), aMinuteAgo, aMinuteAgo);
}

const url = (): string => `rtmp://127.0.0.1:${edge.rtmpPort}/cfx/st`;

async function player(app = 'cfx/st'): Promise<StoredPlayer> {
  const connection = await RawConnection.at('handshaken', edge.rtmpPort);
  house.defer(() => connection.destroy());
  await connection.connect({ app, tcUrl: `rtmp://127.0.0.1/${app}` });
  await connection.createStream();
  connection.messages.length = 0;
  return new StoredPlayer(connection);
}

const asMuch = ['-rtmp_buffer', '600000'];

describe('an edge with a library behind it', () => {
  it('gives ffmpeg and rtmpdump the packets of the file, in all forms of its name', async () => {
    put('tail.mp4', 'dir/video.mp4');
    put('film.flv', 'media.flv');
    const whole = await packetHashes(join(clips, 'tail.mp4'));
    for (const name of ['dir/video.mp4', 'mp4:dir/video', 'media.flv']) {
      expect(await packetHashes(`${url()}/${name}`, asMuch)).toEqual(whole);
    }
    const dumped = join(folder, 'dumped.flv');
    for (const args of [
      ['-r', `${url()}/mp4:dir/video.mp4`],
      ['--rtmp', url(), '--playpath', 'mp4:dir/video'],
    ]) {
      expect(await run('rtmpdump', ['-q', ...args, '-o', dumped])).toMatchObject({ code: 0 });
      expect(await packetHashes(dumped)).toEqual(whole);
    }
  });

  it('tells the length before anything is played, and plays from anywhere', async () => {
    put('tail.mp4', 'video.mp4');
    const viewer = await player();
    viewer.connection.sendCommand('getStreamLength', 8, null, ['mp4:video']);
    const result = await eventually('the length', () =>
      viewer.connection.commands().find(({ name, transactionId }) => name === '_result' && transactionId === 8),
    );
    expect(result.args[0]).toBeCloseTo(seconds, 0);
    viewer.send('play', 'mp4:video', 7_500);
    await viewer.getsFrames((times) => times.length > 20);
    expect(viewer.frames()[0]).toBeGreaterThanOrEqual(6_900);
    expect(viewer.frames()[0]).toBeLessThanOrEqual(7_100);
    const before = viewer.messageCount;
    viewer.send('seek', 2_500);
    await viewer.isTold('NetStream.Seek.Notify');
    await viewer.getsFrames((times) => times.length > 20, before);
    expect(viewer.frames(before).some((time) => time >= 1_900 && time <= 2_100)).toBe(true);
  });

  it('refuses what it has not, what can be no name and what is no media, each with its reason', async () => {
    copyFileSync(import.meta.filename, join(folder, 'text.mp4'));
    settle('text.mp4');
    for (const [name, code, sentence] of [
      ['mp4:nothing', 'NetStream.Play.StreamNotFound', 'no file'],
      ['mp4:../secret', 'NetStream.Play.StreamNotFound', 'InvalidURI'],
      ['mp4:text', 'NetStream.Play.Failed', 'MP4, MOV, FLV and MP3'],
    ] as const) {
      const viewer = await player();
      viewer.send('play', name);
      expect((await viewer.connection.status(code)).description).toContain(sentence);
      await viewer.connection.serverCloses();
    }
    const connection = await RawConnection.at('handshaken', edge.rtmpPort);
    house.defer(() => connection.destroy());
    connection.sendCommand('connect', 1, amf0Object({ app: 'vod', tcUrl: 'rtmp://127.0.0.1/vod' }));
    const rejected = await connection.status('NetConnection.Connect.Rejected');
    expect(rejected.description).toContain('InvalidInstance');
  });

  it('plays what it has while the origin is gone, and the rest when it is back', async () => {
    put('tail.mp4', 'video.mp4');
    const viewer = await player();
    viewer.send('play', 'mp4:video');
    await viewer.getsFrames((times) => (times.at(-1) ?? 0) >= 1_960);
    const { httpPort, rtmpPort } = origin;
    await origin.close();
    viewer.setBuffer(600_000);
    await viewer.settled();
    expect(viewer.frames().at(-1)).toBeLessThan((seconds - 1) * 1_000);
    expect(viewer.told()).not.toContain('NetStream.Play.Failed');
    origin = await house.origin({ library: { folder }, http: { port: httpPort } }, rtmpPort);
    await viewer.isTold('NetStream.Play.Complete');
    expect(viewer.frames()).toHaveLength(seconds * 25);
  });

  it('ends a file that is replaced in the middle, and plays the new one to who comes then', async () => {
    put('tail.mp4', 'video.mp4');
    const viewer = await player();
    viewer.send('play', 'mp4:video');
    await viewer.getsFrames((times) => times.length > 20);
    rmSync(join(folder, 'video.mp4'));
    await makeClip(join(folder, 'video.mp4'), 2);
    settle('video.mp4');
    viewer.setBuffer(600_000);
    await viewer.isTold('NetStream.Play.Failed');
    expect(viewer.connection.statuses().at(-1)?.code).toBe('NetStream.Play.Stop');
    const next = await player();
    next.send('play', 'mp4:video');
    await next.isTold('NetStream.Play.Complete');
    expect(next.connection.messages.some(({ message }) => message.typeId === messageType.video)).toBe(true);
    expect(statSync(join(folder, 'video.mp4')).size).toBeLessThan(1 << 20);
  });

  it('plays live streams beside', async () => {
    put('tail.mp4', 'video.mp4');
    await house.publish(origin.rtmpPort, 'stage').started();
    const live = await house.viewer(edge.rtmpPort, 'stage');
    const viewer = await player();
    viewer.send('play', 'mp4:video');
    await viewer.getsFrames((times) => times.length > 20);
    await live.getsFrames(10);
  });
});
