import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { Origin } from '../../src/origin/origin.ts';
import { makeCertificate } from '../support/certificates.ts';
import { eventually } from '../support/condition.ts';
import { type PacketHashes, packetHashes, run } from '../support/ffmpeg.ts';
import { grantedLease } from '../support/granted-lease.ts';
import { LiveHouse } from '../support/live-relay.ts';
import type { LogRecorder } from '../support/log-recorder.ts';
import { memoryInUseMiB } from './collect-garbage.ts';
import { makeClip } from './sample-clip.ts';
import { aac, avc, videoUnit } from './sample-media.ts';

const keyframeInterval = 25;

let folder: string;
let clip: string;
let source: PacketHashes;
let house: LiveHouse;
let origin: Origin & { readonly log: LogRecorder };

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'streamfront-players-'));
  clip = await makeClip(join(folder, 'clip.flv'), 5);
  source = await packetHashes(clip);
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

beforeEach(() => {
  house = new LiveHouse();
});

afterEach(async () => {
  await house[Symbol.asyncDispose]();
});

/** ffmpeg publishes the clip in real time. Resolves when more than one GOP has been sent; `finished` at the end. */
async function publishClip(name: string): Promise<{ readonly finished: Promise<unknown> }> {
  const url = `rtmp://127.0.0.1:${origin.rtmpPort}/live/${name}`;
  const args = ['-nostdin', '-v', 'error', '-re', '-i', clip, '-c', 'copy', '-f', 'flv', url];
  const child = spawn('ffmpeg', args, { stdio: ['ignore', 'ignore', 'inherit'] });
  const finished = once(child, 'exit');
  await eventually('the stream runs', () => origin.directory.get(`live/${name}`)?.publication !== undefined);
  await new Promise((resolve) => setTimeout(resolve, 1_600));
  return { finished };
}

/** Everything from one of the keyframes on: nothing is missing, nothing comes twice. */
function expectFromKeyframeOn(played: PacketHashes): void {
  // How soon a program begins to read is the machine's affair; a whole GOP it gets in any case.
  expect(played.video.length).toBeGreaterThanOrEqual(keyframeInterval);
  expect(played.video).toEqual(source.video.slice(-played.video.length));
  expect((source.video.length - played.video.length) % keyframeInterval).toBe(0);
  expect(played.video.length).toBeLessThan(source.video.length);
  expect(played.audio.length).toBeGreaterThan(30);
  expect(played.audio).toEqual(source.audio.slice(-played.audio.length));
}

/** What a program reads until the server ends the stream. */
async function streamsOf(file: string): Promise<string> {
  const result = await run('ffprobe', ['-v', 'error', '-show_entries', 'stream=codec_name', '-of', 'csv=p=0', file]);
  return result.standardOutput.trim().split('\n').join();
}

describe.each(['adaptive', '0ms', '100ms', '350ms'])('with a merge window of %s, packet by packet,', (mergeWindow) => {
  it('ffmpeg and rtmpdump play over RTMP, ffmpeg over HTTP-FLV and a browser’s WebSocket over WS-FLV', async () => {
    // Players end by themselves when the publisher leaves.
    origin = await house.origin({ live: { reconnectGrace: '0s' }, fanOut: { mergeWindow } });
    const { finished } = await publishClip('clip');
    const rtmpUrl = `rtmp://127.0.0.1:${origin.rtmpPort}/live/clip`;
    const dumped = join(folder, `dumped-${mergeWindow}.flv`);
    const overWebSocket = join(folder, `web-socket-${mergeWindow}.flv`);
    const [ffmpegRtmp, ffmpegHttp] = await Promise.all([
      packetHashes(rtmpUrl),
      packetHashes(`http://127.0.0.1:${origin.httpPort}/live/clip.flv`),
      run('rtmpdump', ['-q', '--live', '-r', rtmpUrl, '-o', dumped]),
      recordWebSocket(`ws://127.0.0.1:${origin.httpPort}/live/clip.flv`, overWebSocket),
      finished,
    ]);
    expectFromKeyframeOn(ffmpegRtmp);
    expectFromKeyframeOn(ffmpegHttp);
    expectFromKeyframeOn(await packetHashes(dumped));
    expectFromKeyframeOn(await packetHashes(overWebSocket));
    // No track of text or data beside them.
    expect(await streamsOf(dumped)).toBe('h264,aac');
    expect(await streamsOf(overWebSocket)).toBe('h264,aac');
  });
});

describe('over TLS, packet by packet,', () => {
  it('ffmpeg and rtmpdump play over rtmps:// as well', async () => {
    const certificate = await makeCertificate(folder, 'players');
    origin = await house.origin({
      live: { reconnectGrace: '0s' },
      // As it comes: rtmpdump takes the session tickets of TLS 1.3 for the end of the connection.
      rtmps: { host: '127.0.0.1', port: 0, ...certificate },
    });
    const { finished } = await publishClip('clip');
    const url = `rtmps://127.0.0.1:${origin.rtmpsPort}/live/clip`;
    const dumped = join(folder, 'dumped-tls.flv');
    const [played] = await Promise.all([
      packetHashes(url, ['-tls_verify', '1', '-ca_file', certificate.certificate]),
      run('rtmpdump', ['-q', '--live', '-r', url, '-o', dumped]),
      finished,
    ]);
    expectFromKeyframeOn(played);
    expectFromKeyframeOn(await packetHashes(dumped));
  });
});

async function recordWebSocket(url: string, file: string): Promise<void> {
  const webSocket = new WebSocket(url, { perMessageDeflate: true });
  const pieces: Buffer[] = [];
  webSocket.on('message', (data: Buffer) => pieces.push(data));
  await once(webSocket, 'close');
  writeFileSync(file, Buffer.concat(pieces));
}

/** A player over HTTP that looks at nothing but the bytes after the head. */
class FlvReader {
  readonly socket: Socket;
  readonly #hash = createHash('sha256');
  bytes = 0;
  #headSeen = false;
  closed = false;

  constructor(port: number, name: string) {
    this.socket = connect({ host: '127.0.0.1', port });
    this.socket.write(`GET /live/${name}.flv HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
    this.socket.on('error', () => {});
    this.socket.on('close', () => {
      this.closed = true;
    });
    this.socket.on('data', (bytes: Buffer) => this.#take(bytes));
    house.defer(() => this.socket.destroy());
  }

  get digest(): string {
    return this.#hash.copy().digest('hex');
  }

  #take(bytes: Buffer): void {
    let body = bytes;
    if (!this.#headSeen) {
      const end = bytes.indexOf('\r\n\r\n');
      if (end < 0) throw new Error('the head came in pieces');
      this.#headSeen = true;
      body = bytes.subarray(end + 4);
    }
    this.#hash.update(body);
    this.bytes += body.length;
  }
}

/** The sizes of buffers that one collection has freed are taken off by the next. */
function settledMemoryMiB(): number {
  memoryInUseMiB();
  return memoryInUseMiB();
}

describe('one player among 50 that never reads', () => {
  it('is disconnected and counted; memory stays flat, and the others lose nothing', async () => {
    origin = await house.origin({ live: { windowSize: '1MiB' }, fanOut: { mergeWindow: '20ms', maxQueue: '1MiB' } });
    const lease = grantedLease(origin.directory, { path: 'live/stage', configs: [avc, aac] });
    const frameBytes = 16_000;
    lease.push(videoUnit(0, 0, frameBytes));
    const readers = Array.from({ length: 49 }, () => new FlvReader(origin.httpPort, 'stage'));
    const never = new FlvReader(origin.httpPort, 'stage');
    await eventually('all play', () => [...readers, never].every(({ bytes }) => bytes > frameBytes));
    never.socket.pause();
    const sentTo = () => readers.reduce((least, { bytes }) => Math.min(least, bytes), Infinity);
    const beforeMiB = settledMemoryMiB();
    let sentBytes = readers[0]?.bytes ?? 0;
    let peakMiB = 0;
    // 20 MB: more than its queue, its connection and the system's buffers hold.
    for (let number = 1; number <= 1_250; number++) {
      lease.push(videoUnit(number, number * 40, frameBytes));
      sentBytes += frameBytes;
      if (number % 50 !== 0) continue;
      const atLeast = sentBytes;
      await eventually('the others have it', () => sentTo() >= atLeast, 20_000);
      peakMiB = Math.max(peakMiB, settledMemoryMiB());
    }
    // Its own end does not notice before it reads on.
    const tooSlow = () => origin.log.lines.filter(({ fields }) => fields['code'] === 'PLAYER_TOO_SLOW');
    await eventually('it is disconnected', () => tooSlow().length > 0, 15_000);
    never.socket.resume();
    await eventually('the connection is gone', () => never.closed);
    expect(tooSlow()).toHaveLength(1);
    expect(never.bytes).toBeLessThan(sentBytes);
    // Its queue, buffers of the last GOPs that it held on to, and what the stream itself has grown to.
    expect(peakMiB - beforeMiB).toBeLessThan(14);
    const [first] = readers;
    for (const reader of readers) {
      expect(reader.closed).toBe(false);
      expect(reader.bytes).toBe(first?.bytes);
      expect(reader.digest).toBe(first?.digest);
    }
    expect(first?.bytes).toBeGreaterThan(1_250 * frameBytes);
    lease.release();
  }, 60_000);
});
