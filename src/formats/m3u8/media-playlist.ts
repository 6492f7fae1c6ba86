import {
  attributeTag,
  decimalFloatingPoint,
  decimalInteger,
  enumeratedString,
  quotedString,
  tabSeparatedString,
} from './attribute-list.ts';
import { type DateRange, dateRangeTag } from './date-range.ts';
import { type SegmentHead, SegmentHeads } from './segment-heads.ts';

/** A live media playlist of low-latency HLS (rfc8216bis §4.4), which any HLS player reads. */
export interface MediaPlaylist {
  readonly targetDurationSeconds: number;
  readonly partTargetSeconds: number;
  /** Of the first segment. */
  readonly mediaSequence: number;
  /** Discontinuities before the first segment. Always written: players stall without it once one has left. */
  readonly discontinuitySequence: number;
  /** Complete segments, oldest first. */
  readonly segments: readonly PlaylistSegment[];
  /** The segment that is still growing, once it has a part. */
  readonly open: OpenSegment | undefined;
  /** The part that comes next, if that can be told. */
  readonly preloadHintUri: string | undefined;
  readonly renditionReports: readonly RenditionReport[];
  /** In the order in which they were added. */
  readonly dateRanges: readonly DateRange[];
  /** Nothing will be added any more. */
  readonly ended: boolean;
}

export interface OpenSegment extends SegmentHead {
  readonly parts: readonly PlaylistPart[];
}

export interface PlaylistSegment extends SegmentHead {
  readonly uri: string;
  readonly durationSeconds: number;
  /** There is no media of it. */
  readonly gap: boolean;
  /** Listed near the live end only. */
  readonly parts: readonly PlaylistPart[];
}

/** The same object in all playlists that list it is written once. */
export interface PlaylistPart {
  readonly uri: string;
  readonly durationSeconds: number;
  /** It begins with a keyframe. */
  readonly independent: boolean;
  /** There is no media of it. */
  readonly gap: boolean;
}

/** The live end of another rendition (rfc8216bis §4.4.5.4). */
export interface RenditionReport {
  readonly uri: string;
  readonly lastMsn: number;
  readonly lastPart: number | undefined;
}

/**
 * What a Playlist Delta Update leaves out (rfc8216bis §6.2.5.1). The playlist that it is made of is whole; its
 * `dateRanges` are those that the update holds.
 */
export interface SkippedTags {
  /** How many of the oldest segments: at least one. */
  readonly segments: number;
  /** What has left the playlist lately; only where date ranges are left out too (`_HLS_skip=v2`). */
  readonly recentlyRemovedDateRanges: readonly string[] | undefined;
}

/** PART-HOLD-BACK in PART-TARGETs, and HOLD-BACK in TARGETDURATIONs: the least that is allowed. */
const holdBackFactor = 3;
/** The Skip Boundary in TARGETDURATIONs: the least that is allowed (rfc8216bis §4.4.3.8). */
const skipBoundaryFactor = 6;
/** EXT-X-SKIP needs 9, one that stands for date ranges too 10 (rfc8216bis §8). */
export const playlistVersion = 9;
const versionOfSkippedDateRanges = 10;

/** CAN-SKIP-UNTIL: what is farther from the live end may be left out of an update. */
export function skipBoundarySeconds({ targetDurationSeconds }: { readonly targetDurationSeconds: number }): number {
  return targetDurationSeconds * skipBoundaryFactor;
}

/** HOLD-BACK: so far from the live end players begin that do without parts. */
export function holdBackSeconds({ targetDurationSeconds }: { readonly targetDurationSeconds: number }): number {
  return targetDurationSeconds * holdBackFactor;
}

/** The text of a media playlist, or of an update of it. */
export function writeMediaPlaylist(playlist: MediaPlaylist, skipped?: SkippedTags): string {
  const skipsDateRanges = skipped?.recentlyRemovedDateRanges !== undefined;
  const lines = ['#EXTM3U', `#EXT-X-VERSION:${skipsDateRanges ? versionOfSkippedDateRanges : playlistVersion}`];
  lines.push(...playlistTags(playlist), ...playlist.dateRanges.map(dateRangeTag));
  const heads = new SegmentHeads(lines);
  if (skipped !== undefined) {
    lines.push(skipTag(skipped));
    heads.skip(playlist.segments[skipped.segments - 1]);
  }
  for (const segment of playlist.segments.slice(skipped?.segments ?? 0)) {
    heads.push(segment);
    for (const part of segment.parts) lines.push(partTag(part));
    if (segment.gap) lines.push('#EXT-X-GAP');
    lines.push(`#EXTINF:${segment.durationSeconds.toFixed(5)},`, segment.uri);
  }
  if (playlist.open !== undefined) {
    heads.push(playlist.open);
    for (const part of playlist.open.parts) lines.push(partTag(part));
  }
  if (playlist.preloadHintUri !== undefined) {
    lines.push(
      attributeTag('EXT-X-PRELOAD-HINT', {
        TYPE: enumeratedString('PART'),
        URI: quotedString(playlist.preloadHintUri),
      }),
    );
  }
  for (const report of playlist.renditionReports) lines.push(renditionReportTag(report));
  if (playlist.ended) lines.push('#EXT-X-ENDLIST');
  lines.push('');
  return lines.join('\n');
}

function playlistTags(playlist: MediaPlaylist): string[] {
  const tags = [`#EXT-X-TARGETDURATION:${playlist.targetDurationSeconds}`];
  // What it promises holds for every segment listed (rfc8216bis §4.4.2.1), and for the one that is growing.
  const isOpenIndependent = playlist.open?.independent ?? true;
  if (isOpenIndependent && playlist.segments.every((segment) => segment.independent))
    tags.push('#EXT-X-INDEPENDENT-SEGMENTS');
  tags.push(
    attributeTag('EXT-X-SERVER-CONTROL', {
      'CAN-BLOCK-RELOAD': enumeratedString('YES'),
      'CAN-SKIP-UNTIL': decimalFloatingPoint(skipBoundarySeconds(playlist)),
      'CAN-SKIP-DATERANGES': enumeratedString('YES'),
      'PART-HOLD-BACK': decimalFloatingPoint(playlist.partTargetSeconds * holdBackFactor),
      'HOLD-BACK': decimalFloatingPoint(holdBackSeconds(playlist)),
    }),
    attributeTag('EXT-X-PART-INF', { 'PART-TARGET': decimalFloatingPoint(playlist.partTargetSeconds) }),
    `#EXT-X-MEDIA-SEQUENCE:${playlist.mediaSequence}`,
    `#EXT-X-DISCONTINUITY-SEQUENCE:${playlist.discontinuitySequence}`,
  );
  return tags;
}

function skipTag({ segments, recentlyRemovedDateRanges }: SkippedTags): string {
  return attributeTag('EXT-X-SKIP', {
    'SKIPPED-SEGMENTS': decimalInteger(segments),
    'RECENTLY-REMOVED-DATERANGES': recentlyRemovedDateRanges && tabSeparatedString(recentlyRemovedDateRanges),
  });
}

/** A part stands in dozens of playlists, a few times a second, and says the same in all of them. */
const partTags = new WeakMap<PlaylistPart, string>();

function partTag(part: PlaylistPart): string {
  let tag = partTags.get(part);
  if (tag === undefined) {
    tag = attributeTag('EXT-X-PART', {
      DURATION: decimalFloatingPoint(part.durationSeconds),
      URI: quotedString(part.uri),
      INDEPENDENT: part.independent ? enumeratedString('YES') : undefined,
      GAP: part.gap ? enumeratedString('YES') : undefined,
    });
    partTags.set(part, tag);
  }
  return tag;
}

export function renditionReportTag(report: RenditionReport): string {
  return attributeTag('EXT-X-RENDITION-REPORT', {
    URI: quotedString(report.uri),
    'LAST-MSN': decimalInteger(report.lastMsn),
    'LAST-PART': report.lastPart === undefined ? undefined : decimalInteger(report.lastPart),
  });
}
