import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UpstreamError } from '../../src/base/errors.ts';
import { systemClock } from '../../src/cli/system-clock.ts';
import { openMediaFile } from '../../src/rtmp/media-file/media-file.ts';
import { type PublishItem, type PublishOptions, publishRtmp } from '../../src/rtmp/rtmp-publisher.ts';
import { eventually } from '../support/condition.ts';
import { packetHashes } from '../support/ffmpeg.ts';
import { LogRecorder } from '../support/log-recorder.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { freePort } from '../support/free-port.ts';
import { startNginxRtmp, startNodeMediaServer } from './other-rtmp-servers.ts';
import { RawConnection } from './raw-connection.ts';
import { makeClip } from './sample-clip.ts';
import { aac, audioUnit, avc, endlessMedia, finiteMedia, videoUnit } from './sample-media.ts';
import { startTestIngest, type TestIngest } from './test-ingest.ts';

let server: TestIngest;

beforeEach(async () => {
  server = await startTestIngest();
});

afterEach(async () => {
  await server.close();
});

function publish(options: Partial<PublishOptions> & { readonly name?: string } = {}) {
  const { name = 'published', ...rest } = options;
  return publishRtmp({
    url: `rtmp://127.0.0.1:${server.port}/live/${name}`,
    source: finiteMedia(10),
    clock: systemClock,
    log: new LogRecorder(),
    pacing: 'none',
    ...rest,
  });
}

describe('publishRtmp', () => {
  it('delivers every frame as it was given, and leaves the name free', async () => {
    const summary = await publish({ source: finiteMedia(100) });
    expect(summary).toMatchObject({ videoFrames: 100, audioFrames: 100, ended: 'finished' });
    const { events, units, configs } = server.followed('live/published');
    await eventually('the publication has ended', () => events.includes('stop'));
    expect(configs.map((config) => config.codecString)).toEqual(['avc1.64000c', 'mp4a.40.2']);
    expect(units).toEqual(Array.from({ length: 100 }, (_, number) => [videoUnit(number), audioUnit(number)]).flat());
  });

  it('sends a configuration that changes on the way', async () => {
    const other = { ...aac, description: Uint8Array.of(0x12, 0x10) };
    async function* changing(): AsyncGenerator<PublishItem, void, undefined> {
      yield* finiteMedia(3);
      yield { kind: 'config', config: other };
      yield { kind: 'unit', unit: audioUnit(3) };
    }
    await publish({ source: changing() });
    const { configs, units } = server.followed('live/published');
    await eventually('all arrived', () => units.length === 7);
    expect(configs.map((config) => Buffer.from(config.description ?? []).toString('hex'))).toEqual([
      Buffer.from(avc.description).toString('hex'),
      '118856e500',
      '1210',
    ]);
  });

  it('says the encoder and what else is given in the metadata', async () => {
    const { source } = endlessMedia();
    async function* named(): AsyncGenerator<PublishItem, void, undefined> {
      yield { kind: 'metadata', properties: { encoder: 'StreamFront demo' } };
      yield* source;
    }
    const stop = new AbortController();
    const finished = publish({ source: named(), signal: stop.signal, pacing: 'realtime' });
    await eventually(
      'the name of the encoder',
      () => server.directory.get('live/published')?.publication?.encoder === 'StreamFront demo',
    );
    stop.abort();
    await finished;
  });

  it('paces by decode time without drift: each frame is due at its time from the first, late waits do not add up', async () => {
    const clock = new VirtualClock();
    const { units } = server.followed('live/published');
    const { source } = endlessMedia();
    const stop = new AbortController();
    const finished = publish({ source, signal: stop.signal, pacing: 'realtime', clock });
    await eventually('the first frames', () => units.length === 2);
    // Timers that come 7 ms late each time: frame n is still there when its time has come.
    for (let number = 1; number <= 20; number++) {
      await eventually('the next frame waits', () => clock.pendingTimers === 1);
      const dueMs = number * 40;
      clock.advance(dueMs - 1 - clock.monotonicMs());
      expect(units.length).toBe(number * 2);
      clock.advance(8);
      await eventually(`frame ${number}`, () => units.length === number * 2 + 2);
    }
    stop.abort();
    await finished;
  });

  it('goes on from where it is when it was held up for long, instead of sending all at once', async () => {
    const clock = new VirtualClock();
    const { units } = server.followed('live/published');
    const { source } = endlessMedia();
    const stop = new AbortController();
    const finished = publish({ source, signal: stop.signal, pacing: 'realtime', clock });
    await eventually('the first frames', () => units.length === 2);
    await eventually('the next frame waits', () => clock.pendingTimers === 1);
    clock.advance(60_000);
    await eventually('it waits again', () => clock.pendingTimers === 1);
    await eventually('a few frames came', () => units.length >= 4);
    expect(units.length).toBeLessThan(10);
    stop.abort();
    await finished;
  });

  it('when aborted says goodbye to the server, and resolves', async () => {
    const stop = new AbortController();
    const { source } = endlessMedia();
    const finished = publish({ source, signal: stop.signal, pacing: 'realtime' });
    const { events, units } = server.followed('live/published');
    await eventually('it publishes', () => units.length > 0);
    stop.abort();
    expect(await finished).toMatchObject({ ended: 'aborted' });
    await eventually('the publication has ended', () => events.includes('stop'));
    expect(server.ingest.stats().closed).toEqual({ PEER_LEFT: 1 });
  });

  it('when aborted resolves although the source hangs or the server does not answer', async () => {
    async function* hanging(): AsyncGenerator<PublishItem, void, undefined> {
      yield { kind: 'config', config: avc };
      await new Promise(() => {});
    }
    const stop = new AbortController();
    const finished = publish({ source: hanging(), signal: stop.signal });
    await eventually('it publishes', () => server.directory.get('live/published')?.publication !== undefined);
    stop.abort();
    expect(await finished).toMatchObject({ videoFrames: 0, ended: 'aborted' });

    const silent = await startSilentServer();
    const early = new AbortController();
    const connecting = publish({ url: silent.url, signal: early.signal });
    await eventually('it has connected', () => silent.sockets.length === 1);
    early.abort();
    expect(await connecting).toMatchObject({ ended: 'aborted', sentBytes: 0 });
    await silent.close();
  });

  it('when aborted does not wait for a server that takes nothing any more', async () => {
    const deaf = await startDeafProxy(server.port);
    const stop = new AbortController();
    const { source, sent } = endlessMedia();
    const finished = publish({ url: deaf.url, source, signal: stop.signal });
    let before = -1;
    await eventually('nothing more can be sent', async () => {
      before = sent.length;
      await new Promise((resolve) => {
        setTimeout(resolve, 200);
      });
      return before > 0 && sent.length === before;
    });
    stop.abort();
    expect(await finished).toMatchObject({ ended: 'aborted' });
    await deaf.close();
  });

  it('fails with what the source throws, and leaves the name free', async () => {
    async function* broken(): AsyncGenerator<PublishItem, void, undefined> {
      yield* finiteMedia(2);
      throw new Error('the disk is gone');
    }
    await expect(publish({ source: broken() })).rejects.toThrow('the disk is gone');
    await eventually('the name is free', () => server.directory.get('live/published')?.publication === undefined);
  });
});

describe('publishRtmp says in plain words', () => {
  it('that nobody listens', async () => {
    const failed = publish({ url: `rtmp://127.0.0.1:${await freePort()}/live/x` });
    await expect(failed).rejects.toThrow(UpstreamError);
    await expect(failed).rejects.toThrow(/nobody listens/);
  });

  it('that the name is busy, with what the server says', async () => {
    const busy = await RawConnection.at('publishing', server.port, 'busy');
    await expect(publish({ name: 'busy' })).rejects.toThrow(
      /NetStream\.Publish\.BadName: live\/busy is being published/,
    );
    busy.destroy();
  });

  it('that the key is wrong, without repeating it', async () => {
    const guarded = await startTestIngest({ publish: { auth: 'key', keys: [{ stream: '*', key: 'the-right-key' }] } });
    const url = `rtmp://127.0.0.1:${guarded.port}/live/stage?key=the-wrong-key`;
    const error = await publish({ url }).catch((error: unknown) => error);
    expect(String(error)).toMatch(/NetStream\.Publish\.Unauthorized/);
    expect(String(error)).not.toContain('the-wrong-key');
    await guarded.close();
  });

  it('why the server ended a publication that was under way', async () => {
    const guarded = await startTestIngest({ publish: { auth: 'key', keys: [{ stream: '*', key: 'the-right-key' }] } });
    const url = `rtmp://127.0.0.1:${guarded.port}/live/stage?key=the-right-key`;
    const first = publish({ url, source: endlessMedia().source, pacing: 'realtime' });
    const outcome = first.catch((error: unknown) => String(error));
    await eventually('it publishes', () => guarded.followed('live/stage').units.length > 0);
    const second = publish({ url });
    expect(await outcome).toMatch(/another encoder with the same stream key took over/);
    await second;
    await guarded.close();
  });

  it.each([
    [
      'does not speak RTMP',
      (socket: Socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'),
      /does not speak RTMP/,
    ],
    ['closes at once', (socket: Socket) => socket.end(), /closed the connection/],
    ['breaks off', (socket: Socket) => socket.resetAndDestroy(), /broke the connection off|closed the connection/],
  ])('that the server %s', async (_, answer, words) => {
    const odd = await startSilentServer(answer);
    await expect(publish({ url: odd.url })).rejects.toThrow(words);
    await odd.close();
  });

  it('that the server does not answer within the deadline', async () => {
    const clock = new VirtualClock();
    const silent = await startSilentServer();
    const failed = publish({ url: silent.url, clock });
    await eventually('it waits for the handshake', () => silent.receivedBytes() === 1_537);
    clock.advance(10_000);
    await expect(failed).rejects.toThrow(/no handshake from the RTMP server at 127\.0\.0\.1:\d+ in 10000 ms/);
    expect(clock.pendingTimers).toBe(0);
    await silent.close();
  });

  it.each([
    '',
    'http://host/live/x',
    'rtmp://host',
    'rtmp://host/live',
    'rtmp://host/live/',
    'rtmp://host:99999/live/x',
  ])('that %j is no address', async (url) => {
    await expect(publish({ url })).rejects.toThrow(/rtmp:\/\/HOST/);
  });
});

describe('publishRtmp to other servers', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'streamfront-publisher-'));
  });

  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it.each([
    ['nginx-rtmp', startNginxRtmp],
    ['node-media-server', startNodeMediaServer],
  ])('%s takes a clip, and what it records is the clip', async (_, start) => {
    const clip = await makeClip(join(folder, 'clip.mp4'), 3);
    const other = await start(folder);
    await using _ends = other.server;
    const file = await openMediaFile(clip);
    const summary = await publish({
      url: `rtmp://127.0.0.1:${other.server.port}/live/clip`,
      source: file.items({ loop: false }),
      pacing: 'realtime',
    });
    await file.close();
    expect(summary).toMatchObject({ videoFrames: 75, ended: 'finished' });
    const original = await packetHashes(clip);
    const recorded = await eventually('the recording is whole', async () => {
      const [recording] = other.recordings();
      const hashes = recording === undefined ? undefined : await packetHashes(recording).catch(() => undefined);
      return hashes !== undefined && hashes.video.length >= 75 ? hashes : undefined;
    });
    expect(recorded.video).toEqual(original.video);
    // nginx-rtmp begins with the first keyframe: audio of before is not in its recording.
    expect(original.audio.slice(-recorded.audio.length)).toEqual(recorded.audio);
    expect(recorded.audio.length).toBeGreaterThan(original.audio.length - 10);
  });
});

interface SilentServer {
  readonly url: string;
  readonly sockets: Socket[];
  receivedBytes(): number;
  close(): Promise<void>;
}

/** Takes connections and says nothing, or what `answer` says to the first bytes. */
async function startSilentServer(answer: (socket: Socket) => void = () => {}): Promise<SilentServer> {
  const sockets: Socket[] = [];
  let receivedBytes = 0;
  const silent: Server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.once('data', () => answer(socket));
    socket.on('data', (bytes) => {
      receivedBytes += bytes.length;
    });
  }).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const address = silent.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `rtmp://127.0.0.1:${port}/live/x`,
    sockets,
    receivedBytes: () => receivedBytes,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      silent.close();
      await once(silent, 'close');
    },
  };
}

/** Stands before a server, and reads nothing more of the publisher once that may begin. */
async function startDeafProxy(port: number): Promise<{ readonly url: string; close(): Promise<void> }> {
  const sockets: Socket[] = [];
  const proxy = createServer((downstream) => {
    const upstream = connect({ host: '127.0.0.1', port });
    sockets.push(downstream, upstream);
    for (const socket of [downstream, upstream]) socket.on('error', () => {});
    downstream.on('data', (bytes: Buffer) => upstream.write(bytes));
    upstream.on('data', (bytes: Buffer) => {
      downstream.write(bytes);
      if (bytes.includes('NetStream.Publish.Start') && bytes.includes('onStatus')) downstream.pause();
    });
  }).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const address = proxy.address();
  return {
    url: `rtmp://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}/live/deaf`,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      proxy.close();
      await once(proxy, 'close');
    },
  };
}
