import { describe, expect, it } from 'vitest';
import { writeMultivariantPlaylist } from '../../../src/formats/m3u8/multivariant-playlist.ts';

describe('writeMultivariantPlaylist', () => {
  it('writes a variant with its group of audio renditions', () => {
    const text = writeMultivariantPlaylist({
      audioRenditions: [
        {
          groupId: 'audio',
          name: 'main',
          language: undefined,
          isDefault: true,
          channels: 2,
          uri: 'audio.m3u8',
        },
      ],
      variants: [
        {
          uri: 'video.m3u8',
          peakBitsPerSecond: 4_200_000.4,
          averageBitsPerSecond: 3_900_000,
          codecs: ['avc1.64001f', 'mp4a.40.2'],
          video: { width: 1280, height: 720, framesPerSecond: 29.97002997, range: 'SDR' },
          audioGroupId: 'audio',
        },
      ],
    });
    expect(text).toBe(`#EXTM3U
#EXT-X-VERSION:9
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="main",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",URI="audio.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=4200000,AVERAGE-BANDWIDTH=3900000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720,FRAME-RATE=29.97,AUDIO="audio"
video.m3u8
`);
  });

  it('writes a variant of sound alone without what belongs to pictures', () => {
    const text = writeMultivariantPlaylist({
      audioRenditions: [],
      variants: [
        {
          uri: 'audio.m3u8',
          peakBitsPerSecond: 0,
          averageBitsPerSecond: 0,
          codecs: ['mp4a.40.2'],
          video: undefined,
          audioGroupId: undefined,
        },
      ],
    });
    expect(text).toBe(
      '#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-STREAM-INF:BANDWIDTH=1,AVERAGE-BANDWIDTH=1,CODECS="mp4a.40.2"\naudio.m3u8\n',
    );
  });

  it('writes I-frame playlists without a rate, and keys to fetch early', () => {
    const text = writeMultivariantPlaylist({
      audioRenditions: [],
      variants: [],
      iFrameVariants: [
        {
          uri: 'video-iframes.m3u8',
          peakBitsPerSecond: 300_000,
          averageBitsPerSecond: 200_000,
          codecs: 'avc1.64001f',
          video: { width: 1280, height: 720, framesPerSecond: 30, range: 'SDR' },
        },
      ],
      sessionKeys: [{ method: 'SAMPLE-AES', uri: 'key/1', keyFormat: 'identity' }],
    });
    expect(text).toBe(`#EXTM3U
#EXT-X-VERSION:9
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=300000,AVERAGE-BANDWIDTH=200000,CODECS="avc1.64001f",RESOLUTION=1280x720,URI="video-iframes.m3u8"
#EXT-X-SESSION-KEY:METHOD=SAMPLE-AES,URI="key/1",KEYFORMAT="identity"
`);
  });
});
