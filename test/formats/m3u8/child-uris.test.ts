import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { childUris } from '../../../src/formats/m3u8/child-uris.ts';

/** The text with `[…]` around each URI, up to where a parameter goes. */
function marked(text: string): string {
  let last = 0;
  let result = '';
  for (const { uri, at } of childUris(text)) {
    const plain = uri.split('#')[0] ?? '';
    expect(text.slice(0, at).endsWith(plain)).toBe(true);
    result += `${text.slice(last, at - plain.length)}[${plain}]`;
    last = at;
  }
  return result + text.slice(last);
}

describe('childUris', () => {
  it('finds every URI of a multivariant playlist', () => {
    const text = `#EXTM3U
#EXT-X-SESSION-KEY:METHOD=SAMPLE-AES,URI="skd://[key]",KEYFORMAT="com.apple"
#EXT-X-SESSION-DATA:DATA-ID="a.b",URI="[data.json]"
#EXT-X-CONTENT-STEERING:SERVER-URI="[/steering?a=b]",PATHWAY-ID="."
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="URI=no, this is none",URI="[audio.m3u8]",CHANNELS="2"
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI="[video-iframes.m3u8]"
#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS="avc1.640028,mp4a.40.2",AUDIO="audio"
[video.m3u8]
`;
    expect(marked(text.replaceAll(/[[\]]/g, ''))).toBe(text.replace('skd://[key]', '[skd://key]'));
  });

  it('finds every URI of a media playlist, whatever its lines end with', () => {
    const text = `#EXTM3U
#EXT-X-TARGETDURATION:2
# a comment, URI="no.m4s"
#EXT-X-KEY:METHOD=AES-128,URI="[keys/1]",IV=0x00
#EXT-X-MAP:URI="[e/init-0.mp4]",BYTERANGE="10@0"
#EXT-X-DATERANGE:ID="ad",CLASS="com.apple.hls.interstitial",X-ASSET-URI="[ads/1.m3u8]",X-ASSET-LIST="[list?x=URI]"
#EXTINF:2.00000,a title with URI="no"
[e/1.m4s]
#EXT-X-PART:DURATION=0.35,URI="[e/2.0.m4s]",INDEPENDENT=YES
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="[e/2.1.m4s]"
#EXT-X-RENDITION-REPORT:URI="[audio.m3u8]",LAST-MSN=1,LAST-PART=2
#EXTINF:1,

[e/3.m4s?a=b]#fragment`;
    const plain = text.replaceAll(/[[\]]/g, '');
    expect(marked(plain)).toBe(text);
    expect(marked(plain.replaceAll('\n', '\r\n'))).toBe(text.replaceAll('\n', '\r\n'));
    const withQuery = childUris(plain).flatMap(({ hasQuery, uri }) => (hasQuery ? [uri] : []));
    expect(withQuery).toEqual(['list?x=URI', 'e/3.m4s?a=b#fragment']);
  });

  it('puts in what the playlist defines', () => {
    const text = '#EXTM3U\n#EXT-X-DEFINE:NAME="at",VALUE="../x?y"\n{$at}/a.ts\nb/{$none}.ts\n';
    expect(childUris(text)).toEqual([
      { uri: '../x?y/a.ts', at: text.indexOf('/a.ts') + 5, hasQuery: true },
      { uri: 'b/{$none}.ts', at: text.indexOf('.ts\n', text.indexOf('none')) + 3, hasQuery: false },
    ]);
  });

  it('finds nothing in what is no playlist, and gets along with any text', () => {
    expect(childUris('<html>\nx.ts')).toEqual([]);
    expect(childUris('')).toEqual([]);
    const words = fc.constantFrom('URI="', '"', 'x', ',', '=', '#EXT-X-MAP:', '#EXTINF:', '\n', '{$', '}', '#');
    fc.assert(
      fc.property(fc.array(words), (pieces) => {
        const text = `#EXTM3U\n${pieces.join('')}`;
        let last = 0;
        for (const { at } of childUris(text)) {
          expect(at).toBeGreaterThanOrEqual(last);
          expect(at).toBeLessThanOrEqual(text.length);
          last = at;
        }
      }),
    );
  });
});
