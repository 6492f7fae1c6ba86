import { describe, expect, it } from 'vitest';
import { smallestVideoVariant } from '../../player/src/multivariant-playlist.ts';
import { pageAddress, playlistPath, watchHref, withGrant } from '../../player/src/page-address.ts';

describe('pageAddress', () => {
  it('reads back what watchHref wrote, whatever the name', () => {
    for (const stream of ['demo', 'two words', 'ä&b=c', 'a/b', '100 %']) {
      expect(pageAddress(new URL(watchHref(stream), 'http://localhost').search)).toEqual({
        page: 'watch',
        stream,
        grant: '',
      });
    }
  });

  it('takes the grant that stands behind the name, letter by letter, and nothing else', () => {
    const grant = 'Expires=1&Signature=a~-%7E_&Key-Pair-Id=K1&Hash-Algorithm=SHA256';
    expect(pageAddress(`?stream=demo&x=1&${grant}&Signatures=2`)).toEqual({ page: 'watch', stream: 'demo', grant });
    expect(withGrant('/live/demo/index.m3u8', grant)).toBe(`/live/demo/index.m3u8?${grant}`);
    expect([withGrant('/a.m3u8?b', grant), withGrant('/a.m3u8', '')]).toEqual([`/a.m3u8?b&${grant}`, '/a.m3u8']);
  });

  it('is the library without a name', () => {
    for (const search of ['', '?', '?stream=', '?stream=%20', '?other=demo']) {
      expect(pageAddress(search)).toEqual({ page: 'library' });
    }
  });
});

describe('playlistPath', () => {
  it('keeps a name within its one step of the path', () => {
    expect(playlistPath('../x?y#z')).toBe('/live/..%2Fx%3Fy%23z/index.m3u8');
  });
});

describe('smallestVideoVariant', () => {
  it('finds the variant with the least bandwidth, AVERAGE-BANDWIDTH notwithstanding', () => {
    const playlist = `#EXTM3U
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="main",URI="audio.m3u8"
#EXT-X-STREAM-INF:AVERAGE-BANDWIDTH=1,BANDWIDTH=3000000,RESOLUTION=1920x1080,AUDIO="a"
high.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=900000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=640x360,AUDIO="a"

low.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=64000,CODECS="mp4a.40.2"
audio.m3u8
`;
    expect(smallestVideoVariant(playlist)).toBe('low.m3u8');
    expect(smallestVideoVariant(playlist.replaceAll('\n', '\r\n'))).toBe('low.m3u8');
  });

  it('is undefined for an audio-only stream and for a media playlist', () => {
    expect(smallestVideoVariant('#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=64000\naudio.m3u8\n')).toBeUndefined();
    expect(smallestVideoVariant('#EXTM3U\n#EXTINF:2,\n1.m4s\n')).toBeUndefined();
  });
});
