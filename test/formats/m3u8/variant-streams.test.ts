import { describe, expect, it } from 'vitest';
import { variantStreams, withoutVariantStreams } from '../../../src/formats/m3u8/variant-streams.ts';

const playlist = `#EXTM3U
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="a",URI="audio.m3u8"
#EXT-X-STREAM-INF:AVERAGE-BANDWIDTH=9,BANDWIDTH=900000,AUDIO="a"
small.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=5000000,CODECS="x,y",NAME="a,BANDWIDTH=1"
# a comment
large.m3u8?x=1
#EXT-X-STREAM-INF:BANDWIDTH=5500000,AUDIO="b"\r
large.m3u8?x=1\r
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=100,URI="i.m3u8"
`;

describe('variantStreams', () => {
  it('lists each once, the largest first', () => {
    expect(variantStreams(playlist)).toEqual([
      { uri: 'large.m3u8?x=1', bandwidth: 5_500_000 },
      { uri: 'small.m3u8', bandwidth: 900_000 },
    ]);
  });

  it.each(['', 'x', '#EXTM3U\n#EXTINF:4,\na.ts\n', '#EXT-X-STREAM-INF:BANDWIDTH=1\na'])('finds none in %j', (text) => {
    expect(variantStreams(text)).toEqual([]);
  });

  it('are taken out with all that belongs to them', () => {
    expect(withoutVariantStreams(playlist, new Set(['large.m3u8?x=1']))).toBe(`#EXTM3U
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="a",URI="audio.m3u8"
#EXT-X-STREAM-INF:AVERAGE-BANDWIDTH=9,BANDWIDTH=900000,AUDIO="a"
small.m3u8
# a comment
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=100,URI="i.m3u8"
`);
    expect(withoutVariantStreams(playlist, new Set())).toBe(playlist);
  });
});
