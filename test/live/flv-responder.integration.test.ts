import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { type HttpListener, startHttpListener } from '../../src/http/listener.ts';
import { FanOut } from '../../src/live/fan-out.ts';
import { FlvResponder } from '../../src/live/flv-responder.ts';
import { LiveStream } from '../../src/live/live-stream.ts';
import type { PlayAdmission, PlayGate, PlayRequest } from '../../src/live/play-gate.ts';
import { eventually } from '../support/condition.ts';
import { LogRecorder } from '../support/log-recorder.ts';
import { audioConfig, videoConfig, videoUnits } from '../support/synthetic-units.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

/** Admits `live/stage`, refuses what is named for its refusal, never answers for `live/slow`. */
class TestGate implements PlayGate {
  readonly asked: PlayRequest[] = [];
  readonly stream = new LiveStream('live/stage');
  released = 0;
  givenUp = 0;

  admit(request: PlayRequest, signal: AbortSignal): Promise<PlayAdmission> {
    this.asked.push(request);
    const refused = (statusCode: Extract<PlayAdmission, { kind: 'refused' }>['statusCode'], code: string) =>
      Promise.resolve({ kind: 'refused' as const, statusCode, code, sentence: `it is ${code}` });
    switch (request.streamName.split('?')[0]) {
      case 'stage':
        return Promise.resolve({
          kind: 'live',
          path: 'live/stage',
          stream: this.stream,
          release: () => this.released++,
        });
      case 'slow':
        return new Promise((_, reject) => {
          signal.addEventListener('abort', () => {
            this.givenUp++;
            reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
          });
        });
      case 'secret':
        return refused('NetStream.Play.Unauthorized', 'PLAY_UNAUTHORIZED');
      case 'broken':
        return refused('NetStream.Play.Failed', 'PLAY_FAILED');
      default:
        return refused('NetStream.Play.StreamNotFound', 'PLAY_STREAM_NOT_FOUND');
    }
  }
}

let clock: VirtualClock;
let log: LogRecorder;
let gate: TestGate;
let responder: FlvResponder;
let fanOut: FanOut;
let listener: HttpListener;

beforeEach(async () => {
  clock = new VirtualClock();
  log = new LogRecorder();
  gate = new TestGate();
  fanOut = new FanOut({ settings: { mergeWindow: 0, maxQueueBytes: 1_000_000 }, settingsPath: 'test.fanOut', clock });
  const hasApplication = (_: string | undefined, app: string) => ['live', 'shows/evening'].includes(app);
  responder = new FlvResponder({ gate, fanOut, hasApplication, fields: [['X-Edge-Location', 'here']], clock, log });
  listener = await startHttpListener({
    name: 'test',
    host: '127.0.0.1',
    port: 0,
    setting: 'test.http.port',
    handler: (request, response) => {
      if (responder.wants(request)) return responder.answer(request, response);
      response.writeHead(418).end('somebody else');
      return undefined;
    },
    upgrade: responder,
    log,
  });
  gate.stream.startPublication({ peer: 'test', encoder: 'test', startedWallMs: 0 });
  gate.stream.setTrackConfig(videoConfig);
  gate.stream.setTrackConfig(audioConfig);
  for (const unit of videoUnits({ seconds: 1 })) gate.stream.push(unit);
});

afterEach(async () => {
  responder.close();
  await listener.close(500);
});

function url(path: string, scheme = 'http'): string {
  return `${scheme}://127.0.0.1:${listener.port}${path}`;
}

/** Sends `request` as it is, and gives what has come after the first packet. */
async function firstPacket(request: string): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port: listener.port });
  socket.on('error', () => {});
  socket.write(request);
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return bytes.toString('latin1');
}

/** What a WebSocket handshake is answered with, if not with a change of protocol. */
async function refusedUpgrade(path: string): Promise<{ status: number; text: string }> {
  const webSocket = new WebSocket(url(path, 'ws'));
  webSocket.on('error', () => {});
  const [, response] = (await once(webSocket, 'unexpected-response')) as [
    unknown,
    NodeJS.ReadableStream & { statusCode: number },
  ];
  let text = '';
  for await (const piece of response) text += String(piece);
  return { status: response.statusCode, text };
}

describe('FlvResponder over HTTP', () => {
  it('answers with head, FLV header and the GOP in one packet, without a length and without a coding', async () => {
    const packet = await firstPacket(
      'GET /live/stage.flv?key=1 HTTP/1.1\r\nHost: a.example\r\nUser-Agent: test\r\n\r\n',
    );
    const [head = '', body = ''] = packet.split('\r\n\r\n');
    expect(head).toMatch(/^HTTP\/1\.1 200 OK/);
    expect(head).toContain('Content-Type: video/x-flv');
    expect(head).toContain('Access-Control-Allow-Origin: *');
    expect(head).toContain('X-Edge-Location: here');
    expect(head).toContain('Connection: close');
    expect(head).not.toMatch(/Transfer-Encoding|Content-Length/i);
    expect(body.slice(0, 5)).toBe('FLV\x01\x05');
    expect(body.length).toBeGreaterThan(300);
    expect(gate.asked).toMatchObject([
      {
        app: 'live',
        streamName: 'stage?key=1',
        tcUrl: 'rtmp://a.example/live',
        protocol: 'http-flv',
        peerAddress: '127.0.0.1',
        clientName: 'test',
      },
    ]);
    await eventually('the player has left', () => gate.released === 1 && fanOut.stats().players === 0);
  });

  it('answers HEAD with the head alone, OPTIONS with what is allowed, and nothing else', async () => {
    const head = await fetch(url('/live/stage.flv'), { method: 'HEAD' });
    expect(head.status).toBe(200);
    expect(head.headers.get('Content-Type')).toBe('video/x-flv');
    expect(await head.text()).toBe('');
    expect(gate.released).toBe(1);
    const options = await fetch(url('/live/stage.flv'), { method: 'OPTIONS' });
    expect(options.status).toBe(204);
    expect(options.headers.get('Access-Control-Allow-Methods')).toBe('GET, HEAD, OPTIONS');
    const post = await fetch(url('/live/stage.flv'), { method: 'POST', body: 'x' });
    expect(post.status).toBe(405);
    expect(fanOut.stats().players).toBe(0);
  });

  it('says in plain words why not', async () => {
    for (const [name, status] of [
      ['nobody', 404],
      ['secret', 403],
      ['broken', 503],
    ] as const) {
      const answer = await fetch(url(`/live/${name}.flv`));
      expect(answer.status).toBe(status);
      expect(answer.headers.get('Content-Type')).toContain('text/plain');
      expect(answer.headers.get('Cache-Control')).toBe('no-store');
      expect(await answer.text()).toMatch(/^it is PLAY_/);
    }
    expect(log.lines.filter(({ level }) => level === 'warn')).toHaveLength(3);
  });

  it('logs the same refusal once in ten seconds, over HTTP and WebSocket alike, with how many there were', async () => {
    for (let asked = 0; asked < 5; asked++) await fetch(url('/live/nobody.flv'));
    await refusedUpgrade('/live/nobody.flv');
    await fetch(url('/live/secret.flv'));
    const warnings = () => log.lines.filter(({ level }) => level === 'warn');
    const lines = () => warnings().map(({ fields }) => `${String(fields['code'])} ${String(fields['refused'])}`);
    expect(lines()).toEqual(['PLAY_STREAM_NOT_FOUND 1', 'PLAY_UNAUTHORIZED 1']);
    clock.advance(10_000);
    await fetch(url('/live/nobody.flv'));
    expect(lines().slice(2)).toEqual(['PLAY_STREAM_NOT_FOUND 7']);
  });

  it('gives up after 15 s without an answer of the gate, and at once when the player leaves', async () => {
    const answer = fetch(url('/live/slow.flv'));
    await eventually('the gate is asked', () => gate.asked.length === 1);
    clock.advance(15_000);
    expect((await answer).status).toBe(503);
    expect(gate.givenUp).toBe(1);
    const leaving = new AbortController();
    const left = fetch(url('/live/slow.flv'), { signal: leaving.signal }).catch(() => {});
    await eventually('the gate is asked again', () => gate.asked.length === 2);
    leaving.abort();
    await left;
    await eventually('the gate is told', () => gate.givenUp === 2);
    expect(clock.pendingTimers).toBe(0);
  });

  it('wants the applications that it was given, also deep ones, and leaves the rest to others', async () => {
    for (const path of ['/live/stage.m3u8', '/other/stage.flv', '/stage.flv', '/live.flv', '/live/a/stage.flv', '/']) {
      expect((await fetch(url(path))).status).toBe(418);
    }
    await fetch(url('/shows/evening/nobody.flv'));
    expect(gate.asked).toMatchObject([{ app: 'shows/evening', streamName: 'nobody' }]);
  });

  it('ends the answer when the stream ends', async () => {
    const answer = await fetch(url('/live/stage.flv'));
    const body = answer.arrayBuffer();
    await eventually('it plays', () => fanOut.stats().players === 1);
    gate.stream.end();
    expect((await body).byteLength).toBeGreaterThan(300);
    expect(gate.released).toBe(1);
  });

  it('lets players wait for a publisher, and gives them the header that fits what comes', async () => {
    gate.stream.stopPublication();
    const answer = await fetch(url('/live/stage.flv'));
    expect(answer.status).toBe(200);
    gate.stream.startPublication({ peer: 'test', encoder: 'test', startedWallMs: 0 });
    gate.stream.setTrackConfig(videoConfig);
    for (const unit of videoUnits({ seconds: 0.1 })) gate.stream.push(unit);
    gate.stream.end();
    const body = Buffer.from(await answer.arrayBuffer());
    expect(body.subarray(0, 5).toString('latin1')).toBe('FLV\x01\x01');
  });
});

describe('FlvResponder over WebSocket', () => {
  it('gives the same bytes as over HTTP, uncompressed, and counts the player until it leaves', async () => {
    const webSocket = new WebSocket(url('/live/stage.flv', 'ws'), { perMessageDeflate: true });
    const pieces: Buffer[] = [];
    webSocket.on('message', (data: Buffer) => pieces.push(data));
    await once(webSocket, 'open');
    expect(webSocket.extensions).toBe('');
    const answer = await fetch(url('/live/stage.flv'));
    const body = answer.arrayBuffer();
    await eventually('both play', () => fanOut.stats().players === 2);
    for (const unit of videoUnits({ fromMs: 1_000, seconds: 1 })) gate.stream.push(unit);
    gate.stream.end();
    const [code] = (await once(webSocket, 'close')) as [number];
    expect(code).toBe(1_000);
    expect(Buffer.concat(pieces)).toEqual(Buffer.from(await body));
    expect(gate.released).toBe(2);
    expect(gate.asked[0]).toMatchObject({ protocol: 'ws-flv', app: 'live', streamName: 'stage' });
  });

  it('refuses before the handshake, with a status and plain words', async () => {
    expect(await refusedUpgrade('/live/nobody.flv')).toEqual({ status: 404, text: 'it is PLAY_STREAM_NOT_FOUND\n' });
    expect(await refusedUpgrade('/live/secret.flv')).toMatchObject({ status: 403 });
    expect(await refusedUpgrade('/live/stage.m3u8')).toMatchObject({ status: 418 });
  });

  it('releases what was admitted when the handshake is none', async () => {
    const request =
      'GET /live/stage.flv HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 99\r\n\r\n';
    expect(await firstPacket(request)).toMatch(/^HTTP\/1\.1 400/);
    await eventually('it is released', () => gate.released === 1);
    expect(fanOut.stats().players).toBe(0);
  });

  it('closes on a player that has too much to say', async () => {
    const webSocket = new WebSocket(url('/live/stage.flv', 'ws'));
    await once(webSocket, 'open');
    webSocket.send(Buffer.alloc(2_000));
    const [code] = (await once(webSocket, 'close')) as [number];
    expect(code).toBe(1_009);
    await eventually('it is released', () => gate.released === 1);
  });

  it('asks every 30 s whether the player is there, and ends one that does not answer', async () => {
    const webSocket = new WebSocket(url('/live/stage.flv', 'ws'), { autoPong: false });
    await once(webSocket, 'open');
    await eventually('it plays', () => fanOut.stats().players === 1);
    const asked = once(webSocket, 'ping');
    clock.advance(30_000);
    await asked;
    webSocket.pong();
    const again = once(webSocket, 'ping');
    // The server answers in order: when this is answered, it has seen the pong.
    webSocket.ping();
    await once(webSocket, 'pong');
    clock.advance(30_000);
    await again;
    clock.advance(30_000);
    await once(webSocket, 'close');
    await eventually('it is released', () => gate.released === 1);
  });

  it('ends with the server', async () => {
    const webSocket = new WebSocket(url('/live/stage.flv', 'ws'));
    await once(webSocket, 'open');
    await eventually('it plays', () => fanOut.stats().players === 1);
    responder.close();
    await once(webSocket, 'close');
    await eventually('it is released', () => gate.released === 1);
  });
});
