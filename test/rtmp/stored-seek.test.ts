import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { messageType } from '../../src/formats/rtmp/message.ts';
import { eventually } from '../support/condition.ts';
import { everyFrame, ffmpegClient, StoredHouse, type StoredPlayer } from './stored-house.ts';

let house: StoredHouse;

beforeEach(async () => {
  house = await StoredHouse.open();
});

afterEach(async () => {
  await house[Symbol.asyncDispose]();
});

describe('seek', () => {
  it('is answered with the end of what was, the new beginning, and all that a decoder needs', async () => {
    house.library('video.mp4', { seconds: 60 });
    const player = await house.player();
    player.send('play', 'video.mp4');
    await player.getsFrames((times) => times.at(-1) === 2_000);
    const before = player.connection.messages.length;
    player.send('seek', 45_500);
    await player.getsFrames((times) => times.at(-1) === 47_000, before);
    expect(player.told(before)).toEqual([
      'eof',
      'recorded',
      'begin',
      'NetStream.Seek.Notify',
      'NetStream.Play.Start',
      '|RtmpSampleAccess',
      'onStatus',
      'onMetaData',
      'video header',
      'audio header',
    ]);
    expect(player.frames(before)).toEqual(everyFrame(45_000, 47_000));
  });

  it.each([
    ['NaN', Number.NaN],
    ['a text', '5'],
    ['nothing', undefined],
    ['null', null],
  ])('to %s fails, and what is played goes on', async (_, time) => {
    house.library('video.mp4', { seconds: 60 });
    const player = await house.player();
    player.send('play', 'video.mp4');
    await player.getsFrames((times) => times.at(-1) === 2_000);
    player.send('seek', time);
    expect((await player.connection.status('NetStream.Seek.Failed')).level).toBe('error');
    house.clock.advance(2_000);
    await player.getsFrames((times) => (times.at(-1) ?? 0) > 3_000);
  });

  it.each([
    [-5, 0],
    [-Infinity, 0],
    [1e308, 59_000],
    [Infinity, 59_000],
  ])('to %d is to the nearest place there is', async (time, expected) => {
    house.library('video.mp4', { seconds: 60 });
    const player = await house.player();
    player.send('play', 'video.mp4', 30_000);
    await player.getsFrames((times) => times.at(-1) === 32_000);
    const before = player.connection.messages.length;
    player.send('seek', time);
    await player.getsFrames((times) => times.length > 20, before);
    expect(player.frames(before)[0]).toBe(expected);
  });

  it('before anything is played fails; before it is admitted is where it begins', async () => {
    house.library('video.mp4', { seconds: 60 });
    const player = await house.player();
    player.send('seek', 5_000);
    await player.connection.status('NetStream.Seek.Failed');
    player.send('play', 'video.mp4');
    player.send('seek', 30_000);
    await player.getsFrames((times) => times.at(-1) === 32_000);
    expect(player.frames().at(-1)).toBe(32_000);
  });

  it('again and again costs one place at a time, and too often the connection', async () => {
    const file = house.library('video.mp4', { seconds: 3_600 });
    const player = await house.player();
    player.send('play', 'video.mp4');
    for (let count = 0; count < 60; count++) player.send('seek', (count * 7_919) % 3_600_000);
    await player.settled();
    expect(file.openReaders).toBeLessThanOrEqual(3);
    for (let count = 0; count < 60; count++) player.send('seek', count * 1_000);
    await player.connection.serverCloses();
    expect(house.server.log.text).toContain('RTMP_TOO_MANY_COMMANDS');
    await eventually('everything is given back', () => file.openReaders === 0 && house.server.gate.admitted === 0);
  });
});

describe('pause', () => {
  it('is answered, stops the media, and goes on behind the time that the player names', async () => {
    const file = house.library('video.mp4', { seconds: 60 });
    const player = await house.player();
    player.send('play', 'video.mp4');
    await player.getsFrames((times) => times.at(-1) === 2_000);
    player.send('pause', true, 480);
    await player.isTold('NetStream.Pause.Notify');
    const before = player.connection.messages.length;
    house.clock.advance(600_000);
    await player.settled();
    expect(player.frames(before)).toEqual([]);
    expect(file.openReaders).toBe(0);
    player.send('pause', false, 480);
    await player.getsFrames((times) => times.length > 40, before);
    expect(player.told(before).slice(-3)).toEqual(['recorded', 'begin', 'NetStream.Unpause.Notify']);
    expect(player.frames(before)).toEqual(everyFrame(520, 2_480));
  });

  it('of a library goes on behind what had been sent', async () => {
    house.library('video.mp4', { seconds: 60 });
    const player = await house.player(ffmpegClient);
    player.send('play', 'video.mp4');
    await player.getsFrames((times) => times.at(-1) === 2_000);
    player.send('pause', true, 480);
    player.send('pause', false, 480);
    await player.isTold('NetStream.Unpause.Notify');
    house.clock.advance(2_000);
    await player.getsFrames((times) => (times.at(-1) ?? 0) > 3_000);
    expect(player.frames()).toEqual(everyFrame(0, player.frames().at(-1) ?? 0));
  });

  it.each([[Number.NaN], [-1e308], ['x'], [undefined], [1e308]])('with a time of %s lives on', async (time) => {
    house.library('video.mp4', { seconds: 60 });
    const player = await house.player();
    player.send('play', 'video.mp4');
    await player.getsFrames((times) => times.at(-1) === 2_000);
    player.send('pause', true, time);
    player.send('pause', false, time);
    house.clock.advance(2_000);
    await player.isTold('NetStream.Unpause.Notify');
    house.clock.advance(2_000);
    await player.getsFrames((times) => (times.at(-1) ?? 0) > 3_000);
  });
});

describe('receiveAudio and receiveVideo', () => {
  it('leave out what is not wanted, and are answered when it is again', async () => {
    house.library('video.mp4', { seconds: 60 });
    const player = await house.player();
    player.send('play', 'video.mp4');
    player.send('receiveVideo', false);
    await eventually('frames', () => player.frames(0, messageType.audio).at(-1) === 2_000);
    const before = player.connection.messages.length;
    house.clock.advance(1_500);
    await eventually('sound', () => player.frames(before, messageType.audio).length > 20);
    expect(player.frames(before)).toEqual([]);
    player.send('receiveVideo', true);
    await player.isTold('NetStream.Seek.Notify');
    house.clock.advance(2_000);
    await player.getsFrames((times) => times.length > 0, before);
    expect((player.frames(before)[0] ?? 1) % 1_000).toBe(0);
  });
});

describe('getStreamLength', () => {
  const lengths = ({ connection }: StoredPlayer) =>
    connection
      .commands()
      .filter(({ name }) => name === '_result')
      .map(({ args }) => args[0]);

  it('is the length in seconds, before play and without it, and 0 of what is not there', async () => {
    house.library('video.mp4', { seconds: 90 });
    const player = await house.player();
    player.connection.sendCommand('getStreamLength', 8, null, ['video']);
    await eventually('an answer', () => lengths(player).length === 1);
    player.connection.sendCommand('getStreamLength', 9, null, ['nothing']);
    await eventually('an answer', () => lengths(player).length === 2);
    player.connection.sendCommand('getStreamLength', 10, null, []);
    await eventually('an answer', () => lengths(player).length === 3);
    expect(lengths(player)).toEqual([90, 0, 0]);
    expect(house.server.gate.admitted).toBe(0);
  });
});
