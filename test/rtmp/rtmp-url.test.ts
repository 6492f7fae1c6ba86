import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/base/errors.ts';
import { addressAtOrigin, parseRtmpOrigin, parseRtmpUrl, withoutQueries } from '../../src/rtmp/rtmp-url.ts';

describe('parseRtmpUrl', () => {
  const plain = (server: string) => ({ server, tls: false });
  it.each([
    [
      'rtmp://127.0.0.1/live/stage',
      { ...plain('rtmp://127.0.0.1'), host: '127.0.0.1', port: 1_935, app: 'live', streamName: 'stage' },
    ],
    [
      'rtmp://media.example.org:1936/live/stage?key=a/b&c=%20',
      {
        ...plain('rtmp://media.example.org:1936'),
        host: 'media.example.org',
        port: 1_936,
        app: 'live',
        streamName: 'stage?key=a/b&c=%20',
      },
    ],
    [
      'rtmp://[::1]:1935/app/instance/name',
      { ...plain('rtmp://[::1]:1935'), host: '::1', port: 1_935, app: 'app/instance', streamName: 'name' },
    ],
    [
      'RTMPS://example.org/live/stage',
      { server: 'rtmps://example.org', tls: true, host: 'example.org', port: 443, app: 'live', streamName: 'stage' },
    ],
  ])('takes %s apart', (url, address) => {
    expect(parseRtmpUrl(url)).toEqual({ ...address, tcUrl: `${address.server}/${address.app}` });
  });

  it.each(['http://h/a/b', 'rtmp://user@h/a/b', 'rtmp://h:0/a/b', 'rtmp://h//b', 'rtmp://h/a/b#c', 'rtmp://h/a/b c'])(
    'does not take %s',
    (url) => {
      expect(() => parseRtmpUrl(url)).toThrow(ConfigError);
    },
  );

  it('does not repeat what may be a key', () => {
    expect(() => parseRtmpUrl('rtmp://h/live?key=secret-secret')).toThrow(ConfigError);
    expect(() => parseRtmpUrl('rtmp://h/live?key=secret-secret')).not.toThrow(/secret/);
  });
});

describe('addressAtOrigin', () => {
  it("keeps the origin's key apart from the stream's, and out of the name of the server", () => {
    const origin = parseRtmpOrigin('rtmp://origin.example.org:1936?key=of-the-edge');
    expect(addressAtOrigin(origin, 'live', 'stage?key=of-the-encoder')).toEqual({
      host: 'origin.example.org',
      port: 1_936,
      tls: false,
      server: 'rtmp://origin.example.org:1936',
      app: 'live',
      streamName: 'stage?key=of-the-encoder',
      tcUrl: 'rtmp://origin.example.org:1936/live?key=of-the-edge',
    });
  });

  it.each(['rtmp://h:0', 'http://h', 'rtmp://h/live', 'rtmp://user@h'])('does not take %s for an origin', (url) => {
    expect(() => parseRtmpOrigin(url)).toThrow(ConfigError);
  });
});

describe('withoutQueries', () => {
  it('cuts out of what a server says what opens streams, wherever it repeats it', () => {
    const origin = parseRtmpOrigin('rtmp://h?key=of-the-edge');
    const address = addressAtOrigin(origin, 'live', 'stage?key=of-the-encoder&a=1');
    const said = `${address.tcUrl} is closed to ${address.streamName}: of-the-encoder is not known, of-the-edge neither`;
    expect(withoutQueries(address, said)).toBe('rtmp://h/live?… is closed to stage?…: … is not known, … neither');
    expect(withoutQueries(parseRtmpUrl('rtmp://h/live/stage'), said)).toBe(said);
  });
});
