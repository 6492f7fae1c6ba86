import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ProtocolError } from '../../src/base/errors.ts';
import { amf0Object, propertiesOf } from '../../src/formats/amf0/value.ts';
import { decodeDataMessage } from '../../src/formats/rtmp/data-message.ts';
import { messageType } from '../../src/formats/rtmp/message.ts';
import { eventually } from '../support/condition.ts';
import { SampleFile } from '../support/stored-sample.ts';
import { everyFrame, ffmpegClient, StoredHouse } from './stored-house.ts';

let house: StoredHouse;

beforeEach(async () => {
  house = await StoredHouse.open();
});

afterEach(async () => {
  await house[Symbol.asyncDispose]();
});

describe('play of a stored file', () => {
  it('is answered in the order that players expect', async () => {
    house.library('video.mp4', { seconds: 60 });
    const player = await house.player();
    player.send('play', 'video', -2_000);
    await player.getsFrames((times) => times.length > 50);
    expect(player.told()).toEqual([
      'recorded',
      'begin',
      'NetStream.Play.Reset',
      'NetStream.Play.Start',
      '|RtmpSampleAccess',
      'onStatus',
      'onMetaData',
      'video header',
      'audio header',
    ]);
    expect(player.frames()).toEqual(everyFrame(0, 2_000));
  });

  it.each([
    ['-2', -2],
    ['-2000', -2_000],
    ['0', 0],
    ['nothing', undefined],
    ['a text', 'soon'],
    ['NaN', Number.NaN],
    ['-5', -5],
    ['-Infinity', -Infinity],
  ])('with a start of %s begins at the beginning', async (_, start) => {
    house.library('video.mp4');
    const player = await house.player();
    player.send('play', 'video.mp4', start);
    await player.getsFrames((times) => times.length > 50);
    expect(player.frames()[0]).toBe(0);
  });

  it.each([
    [7_300, 7_000],
    [1e308, 9_000],
    [Infinity, 9_000],
  ])('with a start of %d begins at the keyframe before it, in the time of the file', async (start, expected) => {
    house.library('video.mp4');
    const player = await house.player();
    player.send('play', 'video.mp4', start);
    await player.getsFrames((times) => times.length > 20);
    expect(player.frames()[0]).toBe(expected);
  });

  it.each([-1, -1_000])('with a start of %d, for live streams alone, is StreamNotFound', async (start) => {
    house.library('video.mp4');
    const player = await house.player();
    player.send('play', 'video.mp4', start);
    expect((await player.connection.status('NetStream.Play.StreamNotFound')).level).toBe('error');
    await player.connection.serverCloses();
    expect(house.server.gate.admitted).toBe(0);
  });

  it('plays as long as it is asked to, and one picture for a duration of 0', async () => {
    house.library('video.mp4', { seconds: 60 });
    const player = await house.player();
    player.send('play', 'video.mp4', 10_000, 1_000);
    await player.isTold('NetStream.Play.Stop');
    expect(player.frames()).toEqual(everyFrame(10_000, 10_960));
    player.connection.messages.length = 0;
    player.send('play', 'video.mp4', 10_500, 0);
    await player.isTold('NetStream.Play.Stop');
    expect(player.frames()).toEqual([10_000]);
  });

  it('ends with Complete, StreamEOF and Stop, and the connection lives on to seek and to play', async () => {
    house.library('video.mp4', { seconds: 1 });
    const player = await house.player();
    player.send('play', 'video.mp4');
    await player.isTold('NetStream.Play.Stop');
    expect(player.told().slice(-3)).toEqual(['NetStream.Play.Complete', 'eof', 'NetStream.Play.Stop']);
    const complete = player.connection.messages
      .map(({ message }) => message)
      .find((message) => message.typeId === messageType.dataAmf0 && decodeDataMessage(message).name === 'onPlayStatus');
    const details = complete === undefined ? undefined : propertiesOf(decodeDataMessage(complete).args[0]);
    expect(details?.get('duration')).toBe(1);
    expect(details?.get('bytes')).toBeGreaterThan(25 * 260);
    const before = player.connection.messages.length;
    player.send('seek', 0);
    await player.isTold('NetStream.Play.Stop', 2);
    expect(player.frames(before)).toEqual(everyFrame(0, 960));
    player.send('play', 'video.mp4');
    await player.isTold('NetStream.Play.Stop', 3);
    expect(house.server.gate.admitted).toBe(1);
  });

  it('lets a player that has seen the end stay for ten minutes', async () => {
    house.library('video.mp4', { seconds: 1 });
    const player = await house.player();
    player.send('play', 'video.mp4');
    await player.isTold('NetStream.Play.Stop');
    house.clock.advance(599_000);
    await player.settled();
    house.clock.advance(2_000);
    await player.connection.serverCloses();
    expect(house.server.log.text).toContain('RTMP_PLAYER_IDLE');
    expect(house.server.gate.admitted).toBe(0);
  });

  it('tells libraries nothing among the data but metadata', async () => {
    house.library('video.mp4', { seconds: 1 });
    const player = await house.player(ffmpegClient);
    player.send('play', 'video.mp4');
    await player.isTold('NetStream.Play.Stop');
    const names = player.connection.messages
      .filter(({ message }) => message.typeId === messageType.dataAmf0)
      .map(({ message }) => decodeDataMessage(message).name);
    expect(names).toEqual(['|RtmpSampleAccess', 'onMetaData']);
  });

  it('logs what was played, for how long, and how many bytes it took', async () => {
    house.library('video.mp4', { seconds: 60 });
    const player = await house.player();
    player.send('play', 'video?Signature=secret');
    await player.getsFrames((times) => times.length > 50);
    house.clock.advance(7_000);
    player.connection.destroy();
    const line = await eventually('the log line', () =>
      house.server.log.lines.find(({ message }) => message === 'Player left'),
    );
    expect(line.fields).toMatchObject({ stream: 'cfx/st/video', seconds: 7 });
    expect(line.fields['writtenBytes']).toBeGreaterThan(50 * 260);
    expect(house.server.log.text).not.toContain('secret');
    expect(house.server.gate.admitted).toBe(0);
  });

  it('takes the buffer that a client has said before, or says later', async () => {
    house.library('video.mp4', { seconds: 60 });
    const player = await house.player();
    player.setBuffer(5_000);
    player.send('play', 'video.mp4');
    await player.getsFrames((times) => times.at(-1) === 5_000);
    await player.settled();
    expect(player.frames().at(-1)).toBe(5_000);
    player.setBuffer(8_000);
    await player.getsFrames((times) => times.at(-1) === 8_000);
  });

  it('of a file with a codec that the player has not named is refused with the reason; of one such track, leaves it out', async () => {
    const opus = {
      kind: 'audio',
      trackId: 0,
      codec: 'opus',
      codecString: 'opus',
      sampleRate: 48_000,
      channels: 2,
      samplesPerFrame: undefined,
      description: new Uint8Array(19),
    } as const;
    const video = new SampleFile('x').media.trackConfigs.slice(0, 1);
    house.library('radio.mp4', { trackConfigs: [opus] });
    house.library('film.mp4', { trackConfigs: [...video, opus] });
    const refused = await house.player();
    refused.send('play', 'radio.mp4');
    expect((await refused.connection.status('NetStream.Play.Failed')).description).toContain('opus audio');
    await refused.connection.serverCloses();
    const player = await house.player();
    player.send('play', 'film.mp4');
    const warning = await player.connection.status('NetStream.Play.NoSupportedTrackFound');
    expect(warning).toMatchObject({ level: 'warning' });
    expect(warning.description).toContain('opus audio');
    await player.getsFrames((times) => times.length > 20);
    expect(player.frames(0, messageType.audio)).toEqual([]);
    const enhanced = await house.player({ fourCcList: ['Opus'] });
    enhanced.send('play', 'film.mp4');
    await eventually('pictures', () => enhanced.frames().length > 20);
    expect(enhanced.connection.messages.some(({ message }) => message.typeId === messageType.audio)).toBe(true);
  });

  it('of a file that is damaged in the middle plays up to there, says why, and the connection lives on', async () => {
    const error = new ProtocolError('MP4_SAMPLE', 'a sample behind the end of the file', { byteOffset: 12 });
    house.library('bad.mp4', { damageAt: { frame: 10, error } });
    house.library('good.mp4', { seconds: 1 });
    const player = await house.player();
    player.send('play', 'bad.mp4');
    const status = await player.connection.status('NetStream.Play.Failed');
    expect(status.description).toContain('a sample behind the end of the file at byte 12');
    await player.isTold('NetStream.Play.Stop');
    expect(player.frames()).toEqual(everyFrame(0, 360));
    expect(player.told().slice(-3)).toEqual(['NetStream.Play.Failed', 'eof', 'NetStream.Play.Stop']);
    // Behind the last frame.
    expect(player.connection.messages.at(-1)?.command?.name).toBe('onStatus');
    expect(house.server.gate.admitted).toBe(0);
    player.send('play', 'good.mp4');
    await player.isTold('NetStream.Play.Complete');
  });
});

describe('a playlist', () => {
  it('plays one file after the other, and tells the change and the end', async () => {
    house.library('one.mp4', { seconds: 3 });
    house.library('two.mp4', { seconds: 1 });
    const player = await house.player();
    player.send('play', 'one.mp4');
    player.send('play', 'two.mp4', 0, -1, false);
    await player.getsFrames((times) => times.at(-1) === 2_000);
    await player.settled();
    expect(player.told()).not.toContain('NetStream.Play.Switch');
    house.clock.advance(2_000);
    await player.isTold('NetStream.Play.Stop');
    expect(player.frames()).toEqual([...everyFrame(0, 2_960), ...everyFrame(0, 960)]);
    expect(player.told().filter((word) => word.startsWith('NetStream'))).toEqual([
      'NetStream.Play.Reset',
      'NetStream.Play.Start',
      'NetStream.Play.Switch',
      'NetStream.Play.Start',
      'NetStream.Play.Complete',
      'NetStream.Play.Stop',
    ]);
    expect(house.server.gate.admitted).toBe(1);
  });

  it('goes on from its end with what is appended then', async () => {
    house.library('one.mp4', { seconds: 1 });
    house.library('two.mp4', { seconds: 1 });
    const player = await house.player();
    player.send('play', 'one.mp4');
    await player.isTold('NetStream.Play.Stop');
    player.send('play2', amf0Object({ streamName: 'two.mp4', transition: 'append' }));
    await player.isTold('NetStream.Play.Stop', 2);
    expect(player.frames()).toHaveLength(50);
  });

  it('is given up by a play that resets, and by closeStream', async () => {
    house.library('one.mp4', { seconds: 60 });
    house.library('two.mp4', { seconds: 1 });
    const player = await house.player();
    player.send('play', 'one.mp4');
    player.send('play', 'one.mp4', 0, -1, false);
    player.send('play', 'two.mp4', 0, -1, true);
    await player.isTold('NetStream.Play.Stop');
    player.send('closeStream');
    await player.settled();
    house.clock.advance(10_000);
    await player.settled();
    expect(player.told()).not.toContain('NetStream.Play.Switch');
    expect(house.server.gate.admitted).toBe(0);
  });

  it('is bounded', async () => {
    house.library('one.mp4', { seconds: 60 });
    const player = await house.player();
    player.send('play', 'one.mp4');
    for (let entry = 0; entry < 65; entry++) player.send('play', 'one.mp4', 0, -1, false);
    expect((await player.connection.status('NetStream.Play.Failed')).description).toContain('64');
    await player.settled();
  });
});

describe('play2', () => {
  it('switches to another version of a film where the first one is', async () => {
    house.library('low.mp4', { seconds: 60 });
    house.library('high.mp4', { seconds: 60 });
    const player = await house.player();
    player.send('play', 'low.mp4', 20_000);
    await player.getsFrames((times) => times.at(-1) === 22_000);
    const before = player.connection.messages.length;
    player.send('play2', amf0Object({ streamName: 'high.mp4', oldStreamName: 'low.mp4', transition: 'switch' }));
    await player.getsFrames((times) => times.length > 20, before);
    expect(player.frames(before)[0]).toBe(22_000);
  });

  it.each([[null], ['text'], [amf0Object({})], [amf0Object({ streamName: 5, start: 'x' })]])(
    'with %j says that there is no name',
    async (options) => {
      const player = await house.player();
      player.send('play2', options);
      await player.connection.status('NetStream.Play.Failed');
      await player.settled();
    },
  );
});
