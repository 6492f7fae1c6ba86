import { describe, expect, it } from 'vitest';
import type { EncryptionKey } from '../../../src/formats/m3u8/encryption-key.ts';
import {
  type MediaPlaylist,
  type PlaylistSegment,
  writeMediaPlaylist,
} from '../../../src/formats/m3u8/media-playlist.ts';

function segment(msn: number, changes: Partial<PlaylistSegment> = {}): PlaylistSegment {
  return {
    uri: `e/video/${msn}.m4s`,
    initUri: 'e/video/init-0.mp4',
    keys: [],
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
    segment(8, { parts: [{ uri: 'e/video/8.0.m4s', durationSeconds: 1 / 3, independent: true, gap: false }] }),
  ],
  open: {
    initUri: 'e/video/init-0.mp4',
    keys: [],
    programDateTime: '2026-01-01T00:00:09.000Z',
    discontinuity: false,
    independent: true,
    parts: [{ uri: 'e/video/9.0.m4s', durationSeconds: 0.334, independent: false, gap: false }],
  },
  preloadHintUri: 'e/video/9.1.m4s',
  renditionReports: [{ uri: 'audio.m3u8', lastMsn: 9, lastPart: 0 }],
  dateRanges: [],
  ended: false,
};

describe('writeMediaPlaylist', () => {
  it('writes every tag where it belongs', () => {
    expect(writeMediaPlaylist(playlist)).toBe(`#EXTM3U
#EXT-X-VERSION:9
#EXT-X-TARGETDURATION:2
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=12,CAN-SKIP-DATERANGES=YES,PART-HOLD-BACK=1.05,HOLD-BACK=6
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

  it('writes date ranges before the segments, in the order in which they were added', () => {
    const dateRanges = [
      { id: 'b', startDate: '2026-01-01T00:00:08.000Z', durationSeconds: 0 },
      { id: 'a', startDate: '2026-01-01T00:00:07.000Z' },
    ];
    const text = writeMediaPlaylist({ ...playlist, dateRanges });
    expect(text).toContain(
      `#EXT-X-DISCONTINUITY-SEQUENCE:3
#EXT-X-DATERANGE:ID="b",START-DATE="2026-01-01T00:00:08.000Z",DURATION=0
#EXT-X-DATERANGE:ID="a",START-DATE="2026-01-01T00:00:07.000Z"
#EXT-X-MAP`,
    );
  });
});

describe('writeMediaPlaylist, an update', () => {
  it('leaves out the oldest segments, says how many, and writes MAP again', () => {
    const text = writeMediaPlaylist(playlist, { segments: 1, recentlyRemovedDateRanges: undefined });
    expect(text).toContain(`#EXTM3U
#EXT-X-VERSION:9
`);
    expect(text).toContain(`#EXT-X-MEDIA-SEQUENCE:7
#EXT-X-DISCONTINUITY-SEQUENCE:3
#EXT-X-SKIP:SKIPPED-SEGMENTS=1
#EXT-X-MAP:URI="e/video/init-0.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:08.000Z
#EXT-X-PART:`);
    expect(text).not.toContain('/7.m4s');
  });

  it('is of version 10 and names the date ranges that are gone when it leaves out date ranges', () => {
    const text = writeMediaPlaylist(playlist, { segments: 1, recentlyRemovedDateRanges: ['a', 'b "c"'] });
    expect(text).toContain('#EXT-X-VERSION:10\n');
    expect(text).toContain('#EXT-X-SKIP:SKIPPED-SEGMENTS=1,RECENTLY-REMOVED-DATERANGES="a\tb c"\n');
    const none = writeMediaPlaylist(playlist, { segments: 1, recentlyRemovedDateRanges: [] });
    expect(none).toContain('#EXT-X-SKIP:SKIPPED-SEGMENTS=1,RECENTLY-REMOVED-DATERANGES=""\n');
  });
});

describe('writeMediaPlaylist, encrypted', () => {
  const key = (uri: string): EncryptionKey => ({ method: 'AES-128', uri, iv: new Uint8Array(16).fill(10) });
  const keyLine = (uri: string) => `#EXT-X-KEY:METHOD=AES-128,URI="${uri}",IV=0x0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A`;
  const media = (text: string) => text.split('\n').filter((line) => /EXT-X-(?:KEY|MAP)|m4s$/.test(line));

  it('writes KEY behind MAP where it changes, and takes it back where it ends', () => {
    const segments = [
      segment(7, { keys: [key('a')] }),
      segment(8, { keys: [key('a')] }),
      segment(9, { keys: [key('b')] }),
      segment(10),
    ];
    expect(media(writeMediaPlaylist({ ...playlist, segments, open: undefined }))).toEqual([
      '#EXT-X-MAP:URI="e/video/init-0.mp4"',
      keyLine('a'),
      'e/video/7.m4s',
      'e/video/8.m4s',
      keyLine('b'),
      'e/video/9.m4s',
      '#EXT-X-KEY:METHOD=NONE',
      'e/video/10.m4s',
    ]);
  });

  it('takes a key of whole files back before MAP: an initialisation segment is in the clear', () => {
    const segments = [
      segment(7, { keys: [key('a')] }),
      segment(8, { keys: [key('a')], initUri: 'e/video/init-1.mp4' }),
    ];
    expect(media(writeMediaPlaylist({ ...playlist, segments, open: undefined }))).toEqual([
      '#EXT-X-MAP:URI="e/video/init-0.mp4"',
      keyLine('a'),
      'e/video/7.m4s',
      '#EXT-X-KEY:METHOD=NONE',
      '#EXT-X-MAP:URI="e/video/init-1.mp4"',
      keyLine('a'),
      'e/video/8.m4s',
    ]);
  });

  it('keeps a key of samples over MAP', () => {
    const keys: EncryptionKey[] = [{ method: 'SAMPLE-AES', uri: 'a' }];
    const segments = [segment(7, { keys }), segment(8, { keys, discontinuity: true })];
    expect(media(writeMediaPlaylist({ ...playlist, segments, open: undefined }))).toEqual([
      '#EXT-X-MAP:URI="e/video/init-0.mp4"',
      '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="a"',
      'e/video/7.m4s',
      '#EXT-X-MAP:URI="e/video/init-0.mp4"',
      'e/video/8.m4s',
    ]);
  });

  it('takes all keys back when one of several formats ends', () => {
    const identity: EncryptionKey = { method: 'SAMPLE-AES', uri: 'a' };
    const other: EncryptionKey = { method: 'SAMPLE-AES', uri: 'b', keyFormat: 'urn:x', keyFormatVersions: '1/2' };
    const segments = [segment(7, { keys: [identity, other] }), segment(8, { keys: [identity] })];
    expect(media(writeMediaPlaylist({ ...playlist, segments, open: undefined })).slice(1)).toEqual([
      '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="a"',
      '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="b",KEYFORMAT="urn:x",KEYFORMATVERSIONS="1/2"',
      'e/video/7.m4s',
      '#EXT-X-KEY:METHOD=NONE',
      '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="a"',
      'e/video/8.m4s',
    ]);
  });

  it.each([
    ['the same key', [key('a')], [keyLine('a')]],
    ['none any more', [], []],
  ])('writes the keys again behind what an update leaves out: %s', (_name, keys, lines) => {
    const segments = [segment(7, { keys: [key('a')] }), segment(8, { keys })];
    const update = { segments: 1, recentlyRemovedDateRanges: undefined };
    expect(media(writeMediaPlaylist({ ...playlist, segments, open: undefined }, update))).toEqual([
      '#EXT-X-KEY:METHOD=NONE',
      '#EXT-X-MAP:URI="e/video/init-0.mp4"',
      ...lines,
      'e/video/8.m4s',
    ]);
  });
});
