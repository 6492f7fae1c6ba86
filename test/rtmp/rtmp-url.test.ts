import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/base/errors.ts';
import { parseRtmpUrl } from '../../src/rtmp/rtmp-url.ts';

describe('parseRtmpUrl', () => {
  it.each([
    [
      'rtmp://127.0.0.1/live/stage',
      { host: '127.0.0.1', port: 1_935, app: 'live', streamName: 'stage', tcUrl: 'rtmp://127.0.0.1/live' },
    ],
    [
      'rtmp://media.example.org:1936/live/stage?key=a/b&c=%20',
      {
        host: 'media.example.org',
        port: 1_936,
        app: 'live',
        streamName: 'stage?key=a/b&c=%20',
        tcUrl: 'rtmp://media.example.org:1936/live',
      },
    ],
    [
      'rtmp://[::1]:1935/app/instance/name',
      { host: '::1', port: 1_935, app: 'app/instance', streamName: 'name', tcUrl: 'rtmp://[::1]:1935/app/instance' },
    ],
  ])('takes %s apart', (url, address) => {
    expect(parseRtmpUrl(url)).toEqual(address);
  });

  it.each(['rtmps://h/a/b', 'rtmp://user@h/a/b', 'rtmp://h:0/a/b', 'rtmp://h//b', 'rtmp://h/a/b#c', 'rtmp://h/a/b c'])(
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
