import { describe, expect, it } from 'vitest';
import {
  liveEnd,
  type ReceivedPlaylist,
  receivedPlaylist,
  receivedPlaylistText,
  updatedPlaylist,
} from '../../../src/formats/m3u8/received-playlist.ts';

const head = (mediaSequence: number) => [
  '#EXTM3U',
  '#EXT-X-VERSION:10',
  '#EXT-X-TARGETDURATION:2',
  `#EXT-X-MEDIA-SEQUENCE:${mediaSequence}`,
];
const segment = (msn: number, ...tags: readonly string[]) => [...tags, '#EXTINF:2.00000,', `${msn}.m4s`];
const part = (msn: number, index: number) => `#EXT-X-PART:DURATION=0.35,URI="${msn}.${index}.m4s"`;
const map = (index: number) => `#EXT-X-MAP:URI="init-${index}.mp4"`;
const key = (name: string) => `#EXT-X-KEY:METHOD=AES-128,URI="${name}"`;
const range = (id: string, rest = '') => `#EXT-X-DATERANGE:ID="${id}",START-DATE="2026-11-20T00:00:00.000Z"${rest}`;

function received(...lines: readonly (string | readonly string[])[]): ReceivedPlaylist {
  const playlist = receivedPlaylist(`${lines.flat().join('\n')}\n`);
  if (playlist === undefined) throw new Error('it is no playlist');
  return playlist;
}

function textOf(playlist: ReceivedPlaylist | undefined): string[] | undefined {
  return playlist && receivedPlaylistText(playlist).trimEnd().split('\n');
}

describe('receivedPlaylist', () => {
  it.each([
    ['no playlist', 'hello'],
    ['a multivariant one', '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nvideo.m3u8\n'],
    ['no number where there must be one', '#EXTM3U\n#EXT-X-TARGETDURATION:x\n'],
  ])('takes no %s', (_what, text) => {
    expect(receivedPlaylist(text)).toBeUndefined();
  });

  it('keeps what it does not know where it stands for all, and drops the promise of what is to come', () => {
    const lines = [...head(7), '#EXT-X-SOMETHING:1', ...segment(7, map(0)), part(8, 0)];
    const report = '#EXT-X-RENDITION-REPORT:URI="audio.m3u8",LAST-MSN=7';
    const playlist = received(lines, '#EXT-X-PRELOAD-HINT:TYPE=PART,URI="8.1.m4s"', report);
    expect(textOf(playlist)).toEqual([...lines, report]);
    expect(liveEnd(playlist)).toEqual({ msn: 7, parts: 1 });
  });

  it('counts what an update leaves out', () => {
    expect(liveEnd(received(head(3), '#EXT-X-SKIP:SKIPPED-SEGMENTS=4', segment(7)))).toEqual({ msn: 7, parts: 0 });
  });
});

describe('updatedPlaylist', () => {
  it('puts the segments that are left out before those of the update, without their parts', () => {
    const before = received(head(3), segment(3, map(0)), segment(4), segment(5, part(5, 0)), part(6, 0));
    const update = received(head(4), '#EXT-X-SKIP:SKIPPED-SEGMENTS=2', segment(6, map(0), part(6, 0)), part(7, 0));
    expect(textOf(updatedPlaylist(before, update))).toEqual([
      ...head(4),
      ...segment(4, map(0)),
      ...segment(5),
      ...segment(6, map(0), part(6, 0)),
      part(7, 0),
    ]);
  });

  it('says anew which initialisation segment and keys are in force where they were said before', () => {
    const before = received(
      head(3),
      segment(3, map(0), key('a')),
      segment(4, '#EXT-X-DISCONTINUITY', map(1)),
      segment(5),
      segment(6, key('b')),
    );
    const update = received(head(5), '#EXT-X-SKIP:SKIPPED-SEGMENTS=2', segment(7));
    expect(textOf(updatedPlaylist(before, update))).toEqual([
      ...head(5),
      ...segment(5, map(1), key('a')),
      ...segment(6, key('b')),
      ...segment(7),
    ]);
  });

  it('keeps, changes and drops date ranges as an update says that leaves them out', () => {
    const before = received(head(3), range('gone'), range('stays'), range('changes'), segment(3), segment(4));
    const skip = '#EXT-X-SKIP:SKIPPED-SEGMENTS=2,RECENTLY-REMOVED-DATERANGES="gone\tnever"';
    const update = received(head(3), range('changes', ',DURATION=2'), range('new'), skip, segment(5));
    expect(updatedPlaylist(before, update)?.dateRanges).toEqual([
      range('stays'),
      range('changes', ',DURATION=2'),
      range('new'),
    ]);
  });

  it('takes the date ranges of an update that leaves out segments alone', () => {
    const before = received(head(3), range('gone'), segment(3), segment(4));
    const update = received(head(3), range('new'), '#EXT-X-SKIP:SKIPPED-SEGMENTS=1', segment(4));
    expect(updatedPlaylist(before, update)?.dateRanges).toEqual([range('new')]);
  });

  it.each([
    ['an older segment', 2, 2],
    ['a newer segment', 3, 3],
  ])('makes nothing where %s is missing', (_what, mediaSequence, skipped) => {
    const before = received(head(3), segment(3), segment(4));
    const update = received(head(mediaSequence), `#EXT-X-SKIP:SKIPPED-SEGMENTS=${skipped}`, segment(9));
    expect(updatedPlaylist(before, update)).toBeUndefined();
  });
});
