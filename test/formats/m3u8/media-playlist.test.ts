import { describe, expect, it } from 'vitest';
import {
  type MediaPlaylist,
  type PlaylistSegment,
  writeMediaPlaylist,
} from '../../../src/formats/m3u8/media-playlist.ts';

function segment(msn: number, changes: Partial<PlaylistSegment> = {}): PlaylistSegment {
  return {
    uri: `e/video/${msn}.m4s`,
    initUri: 'e/video/init-0.mp4',
    durationSeconds: 2,
    programDateTime: `2026-01-01T00:00:0${msn}.000Z`,
    discontinuity: false,
    independent: true,
    gap: false,
    parts: [],
    ...changes,
  };
}

const playlist: MediaPlaylist = {
  targetDurationSeconds: 2,
  partTargetSeconds: 0.35,
  mediaSequence: 7,
  discontinuitySequence: 3,
  segments: [
    segment(7),
    segment(8, { parts: [{ uri: 'e/video/8.0.m4s', durationSeconds: 1 / 3, independent: true }] }),
  ],
  open: {
    initUri: 'e/video/init-0.mp4',
    programDateTime: '2026-01-01T00:00:09.000Z',
    discontinuity: false,
    independent: true,
    parts: [{ uri: 'e/video/9.0.m4s', durationSeconds: 0.334, independent: false }],
  },
  preloadHintUri: 'e/video/9.1.m4s',
  renditionReports: [{ uri: 'audio.m3u8', lastMsn: 9, lastPart: 0 }],
  ended: false,
};

describe('writeMediaPlaylist', () => {
  it('writes every tag where it belongs', () => {
    expect(writeMediaPlaylist(playlist)).toBe(`#EXTM3U
#EXT-X-VERSION:9
#EXT-X-TARGETDURATION:2
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.05,HOLD-BACK=6
#EXT-X-PART-INF:PART-TARGET=0.35
#EXT-X-MEDIA-SEQUENCE:7
#EXT-X-DISCONTINUITY-SEQUENCE:3
#EXT-X-MAP:URI="e/video/init-0.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:07.000Z
#EXTINF:2.00000,
e/video/7.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:08.000Z
#EXT-X-PART:DURATION=0.33333,URI="e/video/8.0.m4s",INDEPENDENT=YES
#EXTINF:2.00000,
e/video/8.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:09.000Z
#EXT-X-PART:DURATION=0.334,URI="e/video/9.0.m4s"
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="e/video/9.1.m4s"
#EXT-X-RENDITION-REPORT:URI="audio.m3u8",LAST-MSN=9,LAST-PART=0
`);
  });

  it('writes MAP again after a discontinuity, after the tag and before the date', () => {
    const text = writeMediaPlaylist({ ...playlist, segments: [segment(7), segment(8, { discontinuity: true })] });
    expect(text).toContain(
      '7.m4s\n#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI="e/video/init-0.mp4"\n#EXT-X-PROGRAM-DATE-TIME:',
    );
  });

  it('writes MAP where the initialisation changes, for the open segment too', () => {
    const open = { ...playlist.open, initUri: 'e/video/init-1.mp4' } as NonNullable<MediaPlaylist['open']>;
    const text = writeMediaPlaylist({ ...playlist, open });
    expect(text.match(/EXT-X-MAP/g)).toHaveLength(2);
    expect(text).toContain('8.m4s\n#EXT-X-MAP:URI="e/video/init-1.mp4"\n');
  });

  it('says INDEPENDENT-SEGMENTS only while that is true of all', () => {
    const text = writeMediaPlaylist({ ...playlist, segments: [segment(7), segment(8, { independent: false })] });
    expect(text).not.toContain('INDEPENDENT-SEGMENTS');
    const open = { ...playlist.open, independent: false } as NonNullable<MediaPlaylist['open']>;
    expect(writeMediaPlaylist({ ...playlist, open })).not.toContain('INDEPENDENT-SEGMENTS');
  });

  it('marks a gap', () => {
    const text = writeMediaPlaylist({ ...playlist, segments: [segment(7, { gap: true }), segment(8)] });
    expect(text).toContain('#EXT-X-GAP\n#EXTINF:2.00000,\ne/video/7.m4s');
  });

  it('ends with ENDLIST', () => {
    const text = writeMediaPlaylist({ ...playlist, open: undefined, preloadHintUri: undefined, ended: true });
    expect(text.endsWith('#EXT-X-ENDLIST\n')).toBe(true);
    expect(text).not.toContain('PRELOAD-HINT');
  });
});
