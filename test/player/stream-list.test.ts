import { describe, expect, it } from 'vitest';
import { parseStreamList } from '../../player/src/stream-list.ts';

const demo = {
  app: 'live',
  name: 'demo',
  state: 'live',
  since: '2026-03-01T10:00:00.000Z',
  encoder: 'StreamFront',
  playlist: '/live/demo/index.m3u8',
  video: { codec: 'avc1.64001f', width: 1280, height: 720, framesPerSecond: 30 },
  audio: { codec: 'mp4a.40.2', sampleRate: 48_000, channels: 2 },
  bitsPerSecond: 940_000,
};

describe('parseStreamList', () => {
  it('reads a stream with all its facts', () => {
    expect(parseStreamList({ streams: [demo] })).toEqual([
      {
        app: 'live',
        name: 'demo',
        state: 'live',
        sinceWallMs: Date.UTC(2026, 2, 1, 10),
        encoder: 'StreamFront',
        playlist: '/live/demo/index.m3u8',
        video: demo.video,
        audio: demo.audio,
        bitsPerSecond: 940_000,
      },
    ]);
  });

  it('reads a stream of which little is known yet', () => {
    const entry = {
      name: 'new',
      state: 'waiting',
      playlist: '/live/new/index.m3u8',
      video: null,
      audio: null,
      bitsPerSecond: 0,
    };
    expect(parseStreamList({ streams: [entry] })[0]).toEqual({
      app: 'live',
      name: 'new',
      state: 'waiting',
      sinceWallMs: undefined,
      encoder: undefined,
      playlist: '/live/new/index.m3u8',
      video: undefined,
      audio: undefined,
      bitsPerSecond: undefined,
    });
  });

  it('puts live streams first, then goes by name', () => {
    const streams = [
      { ...demo, name: 'b', state: 'waiting' },
      { ...demo, name: 'c' },
      { ...demo, name: 'a' },
    ];
    expect(parseStreamList({ streams }).map((entry) => entry.name)).toEqual(['a', 'c', 'b']);
  });

  it.each(['https://elsewhere.test/x.m3u8', '//elsewhere.test/x.m3u8', '/\\elsewhere.test/x.m3u8', 'x.m3u8', 7])(
    'leaves out a stream whose playlist is not a path of this origin: %s',
    (playlist) => {
      expect(parseStreamList({ streams: [{ ...demo, playlist }] })).toEqual([]);
    },
  );

  it('leaves out what is no stream and keeps the others', () => {
    expect(parseStreamList({ streams: [null, 'x', [], {}, demo] }).map((entry) => entry.name)).toEqual(['demo']);
  });

  it.each([null, [], {}, { streams: {} }, 'streams'])('throws where there is no list: %j', (json) => {
    expect(() => parseStreamList(json)).toThrow(TypeError);
  });
});
