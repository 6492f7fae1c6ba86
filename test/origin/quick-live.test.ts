import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatHttpDate } from '../../src/formats/http-fields/http-date.ts';
import { rawClient } from '../http/test-listener.ts';
import { eventually } from '../support/condition.ts';
import { LiveOrigin } from '../support/live-origin.ts';
import { audioConfig, audioUnits, interleaved, videoConfig, videoUnits } from '../support/synthetic-units.ts';

const both = [videoConfig, audioConfig];
const run = (seconds: number, bytes = 1_000) => interleaved(videoUnits({ seconds, bytes }), audioUnits({ seconds }));

let origin: LiveOrigin;
beforeEach(async () => {
  origin = await LiveOrigin.start();
});
afterEach(() => origin.close());

function client(target: string, lines: readonly string[] = []) {
  const connection = rawClient(Number(new URL(origin.url).port));
  const fields = ['Host: a.example', ...lines].map((line) => `${line}\r\n`).join('');
  connection.socket.write(`GET ${target} HTTP/1.1\r\n${fields}\r\n`, 'latin1');
  return connection;
}

/** One answer on a connection of its own: what it is dated, and all the rest of it. */
async function ask(target: string, lines: readonly string[] = []) {
  const { socket, text, closed } = client(target, lines);
  await eventually('a whole answer', () => {
    const head = /^([^]*?\r\n)\r\n/.exec(text())?.[1];
    const length = Number(/\r\nContent-Length: (\d+)\r\n/.exec(head ?? '')?.[1] ?? 0);
    return head !== undefined && text().length >= head.length + 2 + length;
  });
  socket.destroy();
  const whole = await closed();
  return { date: /\r\nDate: ([^\r]+)/.exec(whole)?.[1], rest: whole.replace(/(?<=\r\nDate: )[^\r]+/, '') };
}

/** A field that the recogniser does not know sends a request the whole way. */
const slowly = 'X-Unknown: 1';

describe('a plain GET for a live stream', () => {
  it.each([
    ['the multivariant playlist', 'index.m3u8', []],
    ['a media playlist', 'video.m3u8', []],
    ['one that is compressed', 'video.m3u8', ['Accept-Encoding: gzip, br']],
    ['one that nothing is to be compressed for', 'video.m3u8', ['Accept-Encoding: gzip;q=0']],
    ['one that is there already', 'audio.m3u8?_HLS_msn=1&_HLS_part=0', []],
    ['an update', 'video.m3u8?_HLS_skip=YES', []],
    ['I-frames', 'video-iframes.m3u8', []],
    ['MPEG-TS', 'ts.m3u8', []],
    ['an initialisation segment', 'e1/video/init-0.mp4', []],
    ['a segment', 'e1/video/1.m4s', []],
    ['a part', 'e1/audio/1.0.m4s', []],
    ['a path that has to be normalised', './e1/%76ideo/1.1.m4s', []],
    ['what is not there', 'e1/video/99.m4s', []],
    ['what is of another life', 'e9/video/1.m4s', []],
    ['what no stream has', 'nothing.m3u8', []],
    ['a bad directive', 'video.m3u8?_HLS_part=1', []],
    ['what is too far ahead', 'video.m3u8?_HLS_msn=99', []],
  ])('is answered with %s as the whole way answers, byte by byte', async (_what, path, lines) => {
    origin.publish('test', both, run(9));
    const slow = await ask(`/live/test/${path}`, [...lines, slowly]);
    const quick = await ask(`/live/test/${path}`, lines);
    expect(quick.rest).toBe(slow.rest);
    const told = formatHttpDate(origin.clock.wallMs());
    expect([quick.date, slow.date === told]).toEqual([told, false]);
  });

  it('is answered for a stream that is not there', async () => {
    expect((await ask('/live/other/index.m3u8')).rest).toBe((await ask('/live/other/index.m3u8', [slowly])).rest);
  });

  it('waits for what is coming, and gets it', async () => {
    const stream = origin.publish('test', both, run(9));
    const next = origin.channels.get('live/test')?.packager.rendition('video')?.window.nextPart;
    const target = `/live/test/e1/video/${next?.msn}.${next?.part}.m4s`;
    const waiting = ask(target);
    await origin.untilWaiting('test', 1);
    for (const unit of run(10).slice(run(9).length)) stream.push(unit);
    const { rest } = await waiting;
    expect(rest).toMatch(/^HTTP\/1.1 200 OK\r\n/);
    expect((await ask(target, [slowly])).rest).toBe(rest);
  });

  it('is waited for no more when the viewer has left', async () => {
    origin.publish('test', both, run(9));
    const { socket } = client('/live/test/video.m3u8?_HLS_msn=5');
    await origin.untilWaiting('test', 1);
    socket.destroy();
    await eventually('nobody waits', () => origin.channels.get('live/test')?.packager.changes.size === 0);
  });

  it('gets a segment that is larger than a socket takes at once, whole, and then the next answer', async () => {
    origin.publish('test', both, run(9, 200_000));
    const { socket, text } = client('/live/test/e1/video/1.m4s');
    socket.pause();
    await once(socket, 'connect');
    socket.write('GET /live/test/e1/video/1.1.m4s HTTP/1.1\r\nHost: a.example\r\n\r\n');
    socket.resume();
    const lengths = () => [...text().matchAll(/\r\nContent-Length: (\d+)\r\n/g)].map(([, length]) => Number(length));
    await eventually(
      'two whole answers',
      () => lengths().length === 2 && text().length > lengths().reduce((sum, length) => sum + length),
    );
    const segment = origin.channels.get('live/test')?.packager.rendition('video')?.window.segment(1);
    expect(lengths()).toEqual([segment?.byteLength, segment?.parts[1]?.bytes.length]);
    socket.destroy();
  });
});
