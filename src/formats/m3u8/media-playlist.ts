import {
  attributeTag,
  decimalFloatingPoint,
  decimalInteger,
  enumeratedString,
  quotedString,
} from './attribute-list.ts';

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
  /** Nothing will be added any more. */
  readonly ended: boolean;
}

/** What a segment has before its parts are known. */
interface SegmentHead {
  /** Time or configuration does not go on from the segment before. */
  readonly discontinuity: boolean;
  /** It begins with a keyframe. */
  readonly independent: boolean;
  readonly initUri: string;
  /** Wall clock of its start: a date of ISO 8601 with time zone and milliseconds. */
  readonly programDateTime: string;
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

export interface PlaylistPart {
  readonly uri: string;
  readonly durationSeconds: number;
  /** It begins with a keyframe. */
  readonly independent: boolean;
}

/** The live end of another rendition (rfc8216bis §4.4.5.4). */
export interface RenditionReport {
  readonly uri: string;
  readonly lastMsn: number;
  readonly lastPart: number | undefined;
}

/** PART-HOLD-BACK in PART-TARGETs, and HOLD-BACK in TARGETDURATIONs: the least that is allowed. */
const holdBackFactor = 3;

/** The text of a media playlist. */
export function writeMediaPlaylist(playlist: MediaPlaylist): string {
  const lines = ['#EXTM3U', '#EXT-X-VERSION:9', ...playlistTags(playlist)];
  let initUri: string | undefined;
  for (const segment of playlist.segments) {
    pushHead(lines, segment, initUri);
    initUri = segment.initUri;
    for (const part of segment.parts) lines.push(partTag(part));
    if (segment.gap) lines.push('#EXT-X-GAP');
    lines.push(`#EXTINF:${segment.durationSeconds.toFixed(5)},`, segment.uri);
  }
  if (playlist.open !== undefined) {
    pushHead(lines, playlist.open, initUri);
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
      'PART-HOLD-BACK': decimalFloatingPoint(playlist.partTargetSeconds * holdBackFactor),
      'HOLD-BACK': decimalFloatingPoint(playlist.targetDurationSeconds * holdBackFactor),
    }),
    attributeTag('EXT-X-PART-INF', { 'PART-TARGET': decimalFloatingPoint(playlist.partTargetSeconds) }),
    `#EXT-X-MEDIA-SEQUENCE:${playlist.mediaSequence}`,
    `#EXT-X-DISCONTINUITY-SEQUENCE:${playlist.discontinuitySequence}`,
  );
  return tags;
}

/** DISCONTINUITY, then MAP, then PROGRAM-DATE-TIME: hls.js takes them in this order for one segment. */
function pushHead(lines: string[], head: SegmentHead, initUriBefore: string | undefined): void {
  if (head.discontinuity) lines.push('#EXT-X-DISCONTINUITY');
  if (head.discontinuity || head.initUri !== initUriBefore) {
    lines.push(attributeTag('EXT-X-MAP', { URI: quotedString(head.initUri) }));
  }
  lines.push(`#EXT-X-PROGRAM-DATE-TIME:${head.programDateTime}`);
}

function partTag(part: PlaylistPart): string {
  return attributeTag('EXT-X-PART', {
    DURATION: decimalFloatingPoint(part.durationSeconds),
    URI: quotedString(part.uri),
    INDEPENDENT: part.independent ? enumeratedString('YES') : undefined,
  });
}

function renditionReportTag(report: RenditionReport): string {
  return attributeTag('EXT-X-RENDITION-REPORT', {
    URI: quotedString(report.uri),
    'LAST-MSN': decimalInteger(report.lastMsn),
    'LAST-PART': report.lastPart === undefined ? undefined : decimalInteger(report.lastPart),
  });
}
