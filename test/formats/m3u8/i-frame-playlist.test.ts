import { describe, expect, it } from 'vitest';
import { writeIFramePlaylist } from '../../../src/formats/m3u8/i-frame-playlist.ts';

const iFrame = (msn: number) => ({
  uri: `e/video/${msn}.m4s`,
  offset: 0,
  byteLength: 1_000 + msn,
  initUri: 'e/video/init-0.mp4',
  keys: [],
  durationSeconds: 2,
  programDateTime: `2026-01-01T00:00:0${msn}.000Z`,
  discontinuity: false,
  skippedDiscontinuities: 0,
  independent: true,
});

describe('writeIFramePlaylist', () => {
  it('writes ranges without parts, and what a decoder needs before them', () => {
    const text = writeIFramePlaylist({
      targetDurationSeconds: 2,
      mediaSequence: 7,
      discontinuitySequence: 1,
      iFrames: [iFrame(3), { ...iFrame(4), offset: 400, discontinuity: true, skippedDiscontinuities: 1 }],
      renditionReports: [{ uri: 'video.m3u8', lastMsn: 5, lastPart: 0 }],
      ended: true,
    });
    expect(text).toBe(`#EXTM3U
#EXT-X-VERSION:9
#EXT-X-TARGETDURATION:2
#EXT-X-I-FRAMES-ONLY
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,HOLD-BACK=6
#EXT-X-MEDIA-SEQUENCE:7
#EXT-X-DISCONTINUITY-SEQUENCE:1
#EXT-X-MAP:URI="e/video/init-0.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:03.000Z
#EXTINF:2.00000,
#EXT-X-BYTERANGE:1003@0
e/video/3.m4s
#EXT-X-DISCONTINUITY
#EXT-X-DISCONTINUITY
#EXT-X-MAP:URI="e/video/init-0.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:04.000Z
#EXTINF:2.00000,
#EXT-X-BYTERANGE:1004@400
e/video/4.m4s
#EXT-X-RENDITION-REPORT:URI="video.m3u8",LAST-MSN=5,LAST-PART=0
#EXT-X-ENDLIST
`);
  });
});
