import { describe, expect, it } from 'vitest';
import { validateMultivariantPlaylist } from './multivariant-validator.ts';

const good = `#EXTM3U
#EXT-X-VERSION:9
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="main",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",URI="audio.m3u8"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="other",DEFAULT=NO,AUTOSELECT=YES,CHANNELS="2",URI="audio-1.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=4200000,AVERAGE-BANDWIDTH=3900000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720,FRAME-RATE=29.97,AUDIO="audio"
video.m3u8
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=300000,AVERAGE-BANDWIDTH=200000,CODECS="avc1.64001f",RESOLUTION=1280x720,URI="video-iframes.m3u8"
`;

const captioned = good
  .replace(
    '#EXT-X-STREAM-INF',
    '#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID="captions",NAME="CC1",INSTREAM-ID="CC1"\n#EXT-X-STREAM-INF',
  )
  .replace(',AUDIO="audio"', ',AUDIO="audio",CLOSED-CAPTIONS="captions"');

describe('validateMultivariantPlaylist', () => {
  it.each<[string, RegExp, (text: string) => string]>([
    ['a channel that there is not', /INSTREAM-ID is CC5/, (text) => text.replace('ID="CC1"', 'ID="CC5"')],
    ['a file of captions', /have a URI/, (text) => text.replace('NAME="CC1"', 'NAME="CC1",URI="cc.m3u8"')],
    ['a channel of sound', /AUDIO has an INSTREAM-ID/, (text) => text.replace('TYPE=CLOSED-CAPTIONS', 'TYPE=AUDIO')],
    ['no group', /no captions "other"/, (text) => text.replace('CAPTIONS="captions"', 'CAPTIONS="other"')],
    [
      'NONE in one of two',
      /NONE is not in all/,
      (text) => `${text}#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS="mp4a.40.2",CLOSED-CAPTIONS=NONE\na.m3u8\n`,
    ],
  ])('reports of captions %s', (_name, finding, change) => {
    expect(validateMultivariantPlaylist(captioned)).toEqual([]);
    expect(validateMultivariantPlaylist(change(captioned)).join('\n')).toMatch(finding);
  });

  it('has nothing to say about what is right', () => {
    expect(validateMultivariantPlaylist(good)).toEqual([]);
  });

  it.each<[string, RegExp, (text: string) => string]>([
    ['what is no playlist', /does not begin/, (text) => text.slice(1)],
    ['no VERSION', /not one VERSION/, (text) => text.replace(/#EXT-X-VERSION.*\n/, '')],
    ['a tag of a media playlist', /EXT-X-TARGETDURATION/, (text) => `${text}#EXT-X-TARGETDURATION:2\n`],
    ['a URI without variant', /x\.m3u8 is no variant/, (text) => `${text}x.m3u8\n`],
    ['no variant', /has no variant/, (text) => text.replace(/#EXT-X-STREAM-INF.*\n.*\n/, '')],
    ['a variant without URI', /followed by "#EXT/, (text) => text.replace('\nvideo.m3u8', '')],
    ['a URI from the root', /followed by "\/video/, (text) => text.replace('\nvideo', '\n/video')],
    ['no BANDWIDTH', /BANDWIDTH is undefined/, (text) => text.replace('BANDWIDTH=4200000,', '')],
    ['no bits', /BANDWIDTH is 0/, (text) => text.replace('BANDWIDTH=4200000', 'BANDWIDTH=0')],
    ['an average over the peak', /is over 4200000/, (text) => text.replace('=3900000', '=4300000')],
    ['no CODECS', /CODECS is undefined/, (text) => text.replace(/,CODECS="[^"]*"/, '')],
    ['a codec of nothing', /CODECS is "avc1,"/, (text) => text.replace('avc1.64001f,mp4a.40.2', 'avc1,')],
    ['a size of nothing', /RESOLUTION is 0x720/, (text) => text.replace('1280x720', '0x720')],
    ['a rate of nothing', /FRAME-RATE is 0/, (text) => text.replace('RATE=29.97', 'RATE=0')],
    ['a group that is not there', /no group sound/, (text) => text.replace('AUDIO="audio"', 'AUDIO="sound"')],
    ['a rendition of no type', /no TYPE/, (text) => text.replace('TYPE=AUDIO', 'TYPE=NOISE')],
    ['a rendition without name', /no NAME/, (text) => text.replace('NAME="main",', '')],
    ['two of one name', /two renditions called main/, (text) => text.replace('"other"', '"main"')],
    ['two defaults', /two defaults/, (text) => text.replace('DEFAULT=NO', 'DEFAULT=YES')],
    ['a default that is not selected', /not to be selected/, (text) => text.replace('AUTOSELECT=YES', 'AUTOSELECT=NO')],
    [
      'a rendition elsewhere',
      /is not relative/,
      (text) => text.replace('URI="audio.m3u8"', 'URI="http://a/audio.m3u8"'),
    ],
    ['I-frames nowhere', /I-frames are at/, (text) => text.replace(',URI="video-iframes.m3u8"', '')],
    [
      'I-frames with a rate',
      /I-frames have FRAME-RATE/,
      (text) => text.replace(',URI="video-i', ',FRAME-RATE=1,URI="video-i'),
    ],
    ['a broken list', /no attribute list/, (text) => text.replace('RESOLUTION=1280x720', 'RESOLUTION')],
  ])('reports %s', (_name, finding, change) => {
    expect(validateMultivariantPlaylist(change(good)).join('\n')).toMatch(finding);
  });
});
