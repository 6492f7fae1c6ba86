import { beforeEach, describe, expect, it } from 'vitest';
import { ProtocolError, UpstreamError } from '../../../src/base/errors.ts';
import { propertiesOf } from '../../../src/formats/amf0/value.ts';
import { legacyFlvClient } from '../../../src/formats/flv/client-capabilities.ts';
import { decodeDataMessage } from '../../../src/formats/rtmp/data-message.ts';
import { messageType } from '../../../src/formats/rtmp/message.ts';
import { StoredFeed } from '../../../src/live/stored/stored-feed.ts';
import { aac, audioUnit, avc, videoUnit } from '../../rtmp/sample-media.ts';
import { cue, SampleFile, type SampleOptions } from '../../support/stored-sample.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';
import { RecordingConnection } from './recording-connection.ts';

let clock: VirtualClock;
let connection: RecordingConnection;
let events: unknown[];
let file: SampleFile;

beforeEach(() => {
  clock = new VirtualClock();
  connection = new RecordingConnection();
  events = [];
});

function feedOf(options: SampleOptions = {}, client = legacyFlvClient): StoredFeed {
  file = new SampleFile('dir/video.mp4', options);
  return new StoredFeed({
    file,
    connection,
    chunkBytes: 60_000,
    messageStreamId: 1,
    windowBytes: 1_000_000,
    client,
    clock,
    onBegin: () => events.push('begin'),
    onEnd: () => events.push('end'),
    onFailed: (error) => events.push(error),
  });
}

const everyFrame = (fromMs: number, toMs: number) =>
  Array.from({ length: (toMs - fromMs) / 40 + 1 }, (_, index) => fromMs + index * 40);

describe('StoredFeed', () => {
  it('begins with metadata, the headers with the time of the first frame, and what the buffer asks for', () => {
    const feed = feedOf();
    feed.setBuffer(3_000);
    feed.play(0);
    expect(events).toEqual(['begin']);
    expect(connection.names().slice(0, 4)).toEqual(['onMetaData', 'video header', 'audio header', 'video']);
    expect(connection.times()).toEqual(everyFrame(0, 3_000));
    expect(connection.times('audio')).toEqual(everyFrame(0, 3_000));
  });

  it('gives the bytes of the file, in its order', () => {
    feedOf().play(0);
    const frames = connection.messages.filter(({ typeId, payload }) => typeId !== 18 && payload[1] === 1);
    frames.forEach(({ typeId, payload }, index) => {
      const number = Math.floor(index / 2);
      const isVideo = typeId === messageType.video;
      expect(Buffer.from(payload.subarray(isVideo ? 5 : 2))).toEqual(
        Buffer.from((isVideo ? videoUnit(number) : audioUnit(number)).data),
      );
    });
    expect(frames.length).toBe(2 * 51);
  });

  it('goes on at the speed of playback, with one write for each burst', () => {
    const feed = feedOf({ seconds: 60 });
    feed.setBuffer(4_000);
    feed.play(0);
    const before = connection.writes;
    clock.advance(30_000);
    const sent = connection.times();
    expect(sent.at(-1)).toBeGreaterThan(33_000);
    expect(sent.at(-1)).toBeLessThanOrEqual(34_000);
    expect(sent).toEqual(everyFrame(0, sent.at(-1) ?? 0));
    // A burst is a second; not one write for each of its 50 frames.
    expect(connection.writes - before).toBeLessThanOrEqual(31);
    expect(clock.pendingTimers).toBe(1);
  });

  it('tells the end when everything has been sent, and holds nothing then', () => {
    const feed = feedOf({ seconds: 5 });
    feed.play(0);
    clock.advance(2_900);
    expect(events).toEqual(['begin']);
    clock.advance(600);
    expect(events).toEqual(['begin', 'end']);
    expect(connection.times()).toEqual(everyFrame(0, 4_960));
    expect(clock.pendingTimers).toBe(0);
    expect(file.openReaders).toBe(0);
  });

  it('looks for the keyframe before the place that is asked for, with absolute times, without reading what is before', () => {
    feedOf({ seconds: 60 }).play(31_700);
    expect(connection.times()[0]).toBe(31_000);
    expect(connection.messages[1]?.timestampMs).toBe(31_000);
    expect(Math.min(...file.ranges.map(({ first }) => first))).toBe(file.bytesUntil(31_000));
  });

  it('seeks with everything that a decoder needs, and with metadata without its table', () => {
    const feed = feedOf({ seconds: 60 });
    feed.play(0);
    const before = connection.messages.length;
    feed.play(45_500);
    expect(events).toEqual(['begin', 'begin']);
    expect(connection.names(before).slice(0, 4)).toEqual(['onMetaData', 'video header', 'audio header', 'video']);
    expect(connection.times('video', before)).toEqual(everyFrame(45_000, 47_000));
    const metadata = [0, before].map((at) => {
      const message = connection.messages[at];
      return message === undefined ? undefined : propertiesOf(decodeDataMessage(message).args[0]);
    });
    expect(metadata[0]?.get('duration')).toBe(60);
    expect(metadata[0]?.get('hasKeyframes')).toBe(true);
    expect(metadata[1]?.get('duration')).toBe(60);
    expect(metadata[1]?.has('keyframes')).toBe(false);
    expect(file.openReaders).toBeLessThanOrEqual(2);
  });

  it.each([
    ['before the beginning', -5, 0],
    ['beyond the end', 1e308, 9_000],
    ['at the end', 10_000, 9_000],
  ])('a place %s is the nearest keyframe', (_, timeMs, expected) => {
    feedOf().play(timeMs);
    expect(connection.times()[0]).toBe(expected);
  });

  it('plays up to a time, from which on nothing is sent', () => {
    const feed = feedOf({ seconds: 60 });
    feed.play(10_000, 11_500);
    expect(connection.times()).toEqual(everyFrame(10_000, 11_480));
    expect(events).toEqual(['begin', 'end']);
  });

  it('of no duration is one picture', () => {
    feedOf().play(4_300, 4_300);
    expect(connection.times()).toEqual([4_000]);
    expect(connection.times('audio')).toEqual([]);
    expect(events).toEqual(['begin', 'end']);
  });

  it('sends nothing while the player pauses, then goes on as if no time had passed', () => {
    const feed = feedOf({ seconds: 60 });
    feed.play(0);
    feed.pause();
    const before = connection.messages.length;
    clock.advance(600_000);
    expect(connection.messages.length).toBe(before);
    expect(file.openReaders).toBe(0);
    feed.resume();
    clock.advance(1_000);
    expect(connection.times()).toEqual(everyFrame(0, connection.times().at(-1) ?? 0));
    expect(connection.times().at(-1)).toBeLessThanOrEqual(3_000);
  });

  it('goes on behind the time that the player names, also where more had been sent', () => {
    const feed = feedOf({ seconds: 60 });
    feed.play(0);
    feed.pause();
    const before = connection.messages.length;
    feed.resume(1_480);
    expect(connection.times('video', before)).toEqual(everyFrame(1_520, 3_480));
    expect(connection.times('audio', before)).toEqual(everyFrame(1_520, 3_480));
    expect(events).toEqual(['begin']);
  });

  it('shows a player that has paused one picture of the place that it looks for', () => {
    const feed = feedOf({ seconds: 60 });
    feed.play(0);
    feed.pause();
    const before = connection.messages.length;
    feed.play(20_500);
    expect(connection.times('video', before)).toEqual([20_000]);
    expect(connection.times('audio', before)).toEqual([]);
    clock.advance(60_000);
    expect(connection.times('video', before)).toEqual([20_000]);
    feed.resume();
    expect(connection.times('video', before)).toEqual(everyFrame(20_000, 22_000));
  });

  it('leaves out sound or picture that is not wanted, and begins with a keyframe when it is again', () => {
    const feed = feedOf({ seconds: 60 });
    feed.receive('audio', false);
    feed.play(0);
    expect(connection.times('audio')).toEqual([]);
    feed.receive('audio', true);
    feed.receive('video', false);
    const before = connection.messages.length;
    clock.advance(3_500);
    expect(connection.times('video', before)).toEqual([]);
    expect(connection.times('audio', before).length).toBeGreaterThan(50);
    const then = connection.times('audio').at(-1) ?? 0;
    feed.receive('video', true);
    clock.advance(3_000);
    expect(connection.times('video', before)[0]).toBe(Math.ceil(then / 1_000) * 1_000);
  });

  it('sends what changes in the middle where it belongs', () => {
    const other = { ...avc, description: Uint8Array.from(avc.description, (byte, index) => (index === 3 ? 41 : byte)) };
    feedOf({ changeAt: { frame: 30, item: { kind: 'config', config: other } } }).play(0);
    const headers = connection.messages.filter(({ typeId, payload }) => typeId === 9 && payload[1] === 0);
    expect(headers.map(({ payload }) => payload[8])).toEqual([avc.description[3], 41]);
    const at = connection.messages.indexOf(
      headers[1] ?? headers[0] ?? { typeId: 0, messageStreamId: 0, timestampMs: 0, payload: new Uint8Array(0) },
    );
    expect(connection.messages[at + 1]?.timestampMs).toBe(1_200);
  });

  it('begins with the configuration that is in force at the place, and never with another', () => {
    const other = { ...avc, description: Uint8Array.from(avc.description, (byte, index) => (index === 3 ? 41 : byte)) };
    feedOf({ changeAt: { frame: 25, item: { kind: 'config', config: other } } }).play(1_000);
    const headers = connection.messages.filter(({ typeId, payload }) => typeId === 9 && payload[1] === 0);
    expect(headers.map(({ payload }) => payload[8])).toEqual([41]);
  });

  it('passes on cues, and not what the file says of itself', () => {
    const options = { frame: 30, item: cue('onCuePoint', 1_200) };
    feedOf({ changeAt: options }).play(0);
    expect(connection.names().filter((name) => name.startsWith('on'))).toEqual(['onMetaData', 'onCuePoint']);
    connection.messages.length = 0;
    feedOf({ changeAt: { frame: 30, item: cue('onMetaData', 1_200) } }).play(0);
    expect(connection.names().filter((name) => name.startsWith('on'))).toEqual(['onMetaData']);
  });

  it('reads no more than a slow player takes, and goes on when it has', () => {
    const feed = feedOf({ seconds: 600, videoBytes: 8_000 });
    feed.setBuffer(36_000_000);
    connection.room = 100_000;
    feed.play(0);
    clock.advance(60_000);
    const { readBytes } = file;
    expect(readBytes).toBeLessThan(100_000 + 3 * 65_536);
    expect(connection.queuedBytes).toBeLessThan(2 * 65_536);
    connection.drain(200_000);
    clock.advance(60_000);
    expect(file.readBytes).toBeGreaterThan(readBytes + 100_000);
    expect(file.readBytes).toBeLessThan(readBytes + 200_000 + 3 * 65_536);
    expect(connection.times()).toEqual(everyFrame(0, connection.times().at(-1) ?? 0));
  });

  it('gives up a player that takes nothing for five minutes', () => {
    const feed = feedOf({ seconds: 600, videoBytes: 8_000 });
    feed.setBuffer(36_000_000);
    connection.room = 100_000;
    feed.play(0);
    clock.advance(290_000);
    connection.drain(100_000);
    clock.advance(290_000);
    expect(events).toEqual(['begin']);
    clock.advance(11_000);
    expect(events).toMatchObject(['begin', { code: 'PLAYER_TOO_SLOW' }]);
    expect(file.openReaders).toBe(0);
    expect(clock.pendingTimers).toBe(0);
  });

  it('lets others have a turn while a fast player takes a whole file', () => {
    const feed = feedOf({ seconds: 600, videoBytes: 8_000 });
    feed.setBuffer(36_000_000);
    feed.play(0);
    expect(feed.writtenBytes).toBeLessThan(700_000);
    for (let turn = 0; turn < 1_000; turn++) clock.advance(1);
    expect(connection.times()).toEqual(everyFrame(0, 599_960));
    expect(events).toEqual(['begin', 'end']);
  });

  it('lets others have a turn also where a player wants nothing of what it reads', () => {
    const feed = feedOf({ seconds: 600, videoBytes: 8_000 });
    feed.setBuffer(36_000_000);
    feed.receive('audio', false);
    feed.receive('video', false);
    feed.play(0);
    expect(file.readBytes).toBeGreaterThan(400_000);
    expect(file.readBytes).toBeLessThan(700_000);
    for (let turn = 0; turn < 1_000; turn++) clock.advance(1);
    expect(events).toEqual(['begin', 'end']);
    expect(connection.times()).toEqual([]);
  });

  it('sends a frame that is larger than a burst whole', () => {
    const feed = feedOf({ videoBytes: 200_000 });
    feed.setBuffer(1_000);
    feed.play(0);
    const frames = connection.messages.filter(({ typeId, payload }) => typeId === 9 && payload[1] === 1);
    expect(frames[1]?.payload.length).toBe(200_005);
    expect(Buffer.from(frames[1]?.payload.subarray(5) ?? [])).toEqual(Buffer.from(videoUnit(1, 0, 200_000).data));
  });

  it('waits for bytes that are on their way, without a timer for each frame', () => {
    const feed = feedOf();
    file.availableTo = file.bytesUntil(400);
    feed.play(0);
    expect(connection.times()).toEqual(everyFrame(0, 360));
    clock.advance(10_000);
    expect(events).toEqual(['begin']);
    file.availableTo = file.lengthBytes;
    // What its buffer asks for, from where it had to wait.
    expect(connection.times()).toEqual(everyFrame(0, 2_400));
  });

  it('gives up a file of which nothing comes for half a minute', () => {
    const feed = feedOf();
    file.availableTo = file.bytesUntil(400);
    feed.play(0);
    clock.advance(29_000);
    expect(events).toEqual(['begin']);
    clock.advance(2_000);
    expect(events).toMatchObject(['begin', { code: 'STORED_FILE_STALLED' }]);
    expect(file.openReaders).toBe(0);
  });

  it('asks again where the origin is gone, and plays on when it is back', () => {
    const feed = feedOf();
    file.availableTo = file.bytesUntil(400);
    file.failure = new UpstreamError('ORIGIN_UNREACHABLE', 'gone');
    feed.play(0);
    clock.advance(20_000);
    file.failure = undefined;
    file.availableTo = file.lengthBytes;
    clock.advance(1_000);
    expect(connection.times()).toEqual(everyFrame(0, 2_400));
    clock.advance(60_000);
    expect(connection.times()).toEqual(everyFrame(0, 9_960));
    expect(events).toEqual(['begin', 'end']);
  });

  it('ends at once where the origin has another version', () => {
    const feed = feedOf();
    file.availableTo = file.bytesUntil(400);
    file.failure = new UpstreamError('ORIGIN_CHANGED', 'another version');
    feed.play(0);
    expect(events).toMatchObject(['begin', { code: 'ORIGIN_CHANGED' }]);
    clock.advance(60_000);
    expect(events).toHaveLength(2);
    expect(clock.pendingTimers).toBe(0);
  });

  it('plays up to what is damaged, says so once, and stops', () => {
    const error = new ProtocolError('MP4_SAMPLE', 'a sample behind the end of the file', { byteOffset: 12 });
    feedOf({ damageAt: { frame: 20, error } }).play(0);
    expect(connection.times()).toEqual(everyFrame(0, 760));
    expect(events).toEqual(['begin', error]);
    expect(file.openReaders).toBe(0);
    expect(clock.pendingTimers).toBe(0);
  });

  it('leaves out a track that the player cannot take', () => {
    const client = { ...legacyFlvClient, legacyCodecs: new Set(['aac'] as const) };
    feedOf({ trackConfigs: [avc, aac] }, client).play(0);
    expect(connection.names().slice(0, 3)).toEqual(['onMetaData', 'audio header', 'audio']);
    expect(connection.times('video')).toEqual([]);
  });

  it('is over when it is ended, whatever comes later', () => {
    const feed = feedOf({ seconds: 60 });
    feed.play(0);
    feed.end();
    const before = connection.messages.length;
    clock.advance(10_000);
    feed.resume();
    feed.setBuffer(60_000);
    file.wake();
    expect(connection.messages.length).toBe(before);
    expect(events).toEqual(['begin']);
    expect(file.openReaders).toBe(0);
    expect(clock.pendingTimers).toBe(0);
  });
});
