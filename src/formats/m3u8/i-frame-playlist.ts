import { attributeTag, decimalFloatingPoint, enumeratedString } from './attribute-list.ts';
import { playlistVersion, type RenditionReport, renditionReportTag, holdBackSeconds } from './media-playlist.ts';
import { type SegmentHead, SegmentHeads } from './segment-heads.ts';

/** A live playlist whose every segment is one I-frame (rfc8216bis §4.4.3.6). It has no parts. */
export interface IFramePlaylist {
  readonly targetDurationSeconds: number;
  /** Of the first I-frame: they are counted by themselves. */
  readonly mediaSequence: number;
  readonly discontinuitySequence: number;
  /** Oldest first. */
  readonly iFrames: readonly PlaylistIFrame[];
  readonly renditionReports: readonly RenditionReport[];
  readonly ended: boolean;
}

/** A range of a media segment that holds one I-frame, and what a decoder needs to find it. */
export interface PlaylistIFrame extends SegmentHead {
  readonly uri: string;
  readonly offset: number;
  readonly byteLength: number;
  /** Before its own: those of runs of time without an I-frame, which count all the same. */
  readonly skippedDiscontinuities: number;
  /** To the next I-frame. */
  readonly durationSeconds: number;
}

/** The text of an I-frame playlist. */
export function writeIFramePlaylist(playlist: IFramePlaylist): string {
  const lines = [
    '#EXTM3U',
    `#EXT-X-VERSION:${playlistVersion}`,
    `#EXT-X-TARGETDURATION:${playlist.targetDurationSeconds}`,
    '#EXT-X-I-FRAMES-ONLY',
    attributeTag('EXT-X-SERVER-CONTROL', {
      'CAN-BLOCK-RELOAD': enumeratedString('YES'),
      'HOLD-BACK': decimalFloatingPoint(holdBackSeconds(playlist)),
    }),
    `#EXT-X-MEDIA-SEQUENCE:${playlist.mediaSequence}`,
    `#EXT-X-DISCONTINUITY-SEQUENCE:${playlist.discontinuitySequence}`,
  ];
  const heads = new SegmentHeads(lines);
  for (const iFrame of playlist.iFrames) {
    for (let left = iFrame.skippedDiscontinuities; left > 0; left--) lines.push('#EXT-X-DISCONTINUITY');
    heads.push(iFrame);
    lines.push(
      `#EXTINF:${iFrame.durationSeconds.toFixed(5)},`,
      `#EXT-X-BYTERANGE:${iFrame.byteLength}@${iFrame.offset}`,
      iFrame.uri,
    );
  }
  for (const report of playlist.renditionReports) lines.push(renditionReportTag(report));
  if (playlist.ended) lines.push('#EXT-X-ENDLIST');
  lines.push('');
  return lines.join('\n');
}
