import { type DateRange, dateRangeTag } from './date-range.ts';
import { type EncryptionKey, KeyTags } from './encryption-key.ts';

/**
 * A live media playlist of MPEG-TS segments in the form of version 3, for players that know neither EXT-X-MAP nor parts.
 */
export interface TransportPlaylist {
  readonly targetDurationSeconds: number;
  /** Of the first segment. */
  readonly mediaSequence: number;
  readonly discontinuitySequence: number;
  /** Oldest first. */
  readonly segments: readonly TransportPlaylistSegment[];
  /** In the order in which they were added. */
  readonly dateRanges: readonly DateRange[];
  /** Nothing will be added any more. */
  readonly ended: boolean;
}

export interface TransportPlaylistSegment {
  readonly uri: string;
  readonly durationSeconds: number;
  /** Wall clock of its start: a date of ISO 8601 with time zone and milliseconds. */
  readonly programDateTime: string;
  readonly discontinuity: boolean;
  /** There is no media of it. */
  readonly gap: boolean;
  /** What it is encrypted with; empty when it is not. */
  readonly keys: readonly EncryptionKey[];
}

/** Durations that are no integers need it (rfc8216bis §8). What it does not know stands there for who does. */
export const transportPlaylistVersion = 3;

/** The text of the playlist. */
export function writeTransportPlaylist(playlist: TransportPlaylist): string {
  const lines = [
    '#EXTM3U',
    `#EXT-X-VERSION:${transportPlaylistVersion}`,
    `#EXT-X-TARGETDURATION:${playlist.targetDurationSeconds}`,
    `#EXT-X-MEDIA-SEQUENCE:${playlist.mediaSequence}`,
    `#EXT-X-DISCONTINUITY-SEQUENCE:${playlist.discontinuitySequence}`,
    ...playlist.dateRanges.map(dateRangeTag),
  ];
  const keys = new KeyTags();
  for (const segment of playlist.segments) {
    if (segment.discontinuity) lines.push('#EXT-X-DISCONTINUITY');
    lines.push(...keys.before(segment.keys), `#EXT-X-PROGRAM-DATE-TIME:${segment.programDateTime}`);
    if (segment.gap) lines.push('#EXT-X-GAP');
    lines.push(`#EXTINF:${segment.durationSeconds.toFixed(5)},`, segment.uri);
  }
  if (playlist.ended) lines.push('#EXT-X-ENDLIST');
  lines.push('');
  return lines.join('\n');
}
