import {
  type MediaPlaylist,
  type PlaylistPart,
  type PlaylistSegment,
  type RenditionReport,
  skipBoundarySeconds,
  type SkippedTags,
  writeMediaPlaylist,
} from '../formats/m3u8/media-playlist.ts';
import { writeIFramePlaylist } from '../formats/m3u8/i-frame-playlist.ts';
import type { PlaylistTargets } from '../policy/target-duration.ts';
import type { StoredPart, StoredSegment } from '../stores/segment-window.ts';
import type { Skip } from './blocking-reload.ts';
import type { DateRanges } from './date-ranges.ts';
import type { StreamKeys } from './encryption/stream-keys.ts';
import { initPath, mediaPlaylistName, partPath, segmentPath } from './live-paths.ts';
import type { Rendition } from './rendition.ts';

/** Parts are listed for the segments of the last three TARGETDURATIONs (rfc8216bis §6.2.2). */
const listedPartsTargets = 3;

/** What the playlists of a live stream are made of. */
export interface PlaylistSource {
  readonly epoch: string;
  readonly targets: PlaylistTargets;
  /** Video first. */
  readonly renditions: readonly Rendition[];
  /** Somebody publishes, so that a next part is to be expected. */
  readonly isPublished: boolean;
  readonly ended: boolean;
  readonly dateRanges: DateRanges;
  /** Of an encrypted stream. */
  readonly keys: Pick<StreamKeys, 'encryptsWholeFiles' | 'playlistKeys' | 'sessionKeys'> | undefined;
  /** Monotonic time. */
  readonly nowMs: number;
}

export function mediaPlaylistText(source: PlaylistSource, rendition: Rendition): string {
  return writeMediaPlaylist(mediaPlaylist(source, rendition));
}

/** A Playlist Delta Update (rfc8216bis §6.2.5.1); `undefined` when there is nothing to leave out. */
export function deltaUpdateText(source: PlaylistSource, rendition: Rendition, skip: Skip): string | undefined {
  const whole = mediaPlaylist(source, rendition);
  const boundarySeconds = skipBoundarySeconds(whole);
  const segments = skippedSegments(rendition, boundarySeconds);
  if (segments === 0) return undefined;
  if (skip === 'YES') return writeMediaPlaylist(whole, { segments, recentlyRemovedDateRanges: undefined });
  const { added, removed } = source.dateRanges.since(source.nowMs - boundarySeconds * 1_000);
  const skipped: SkippedTags = { segments, recentlyRemovedDateRanges: removed };
  return writeMediaPlaylist({ ...whole, dateRanges: added }, skipped);
}

/** The I-frames of a rendition, as ranges of its segments; `undefined` as long as none can be listed. */
export function iFramePlaylistText(source: PlaylistSource, { name, iFrames }: Rendition): string | undefined {
  if (iFrames === undefined || iFrames.listed.length === 0) return undefined;
  const { epoch, targets, renditions, ended, keys } = source;
  return writeIFramePlaylist({
    targetDurationSeconds: targets.targetDurationSeconds,
    mediaSequence: iFrames.mediaSequence,
    discontinuitySequence: iFrames.discontinuitySequence,
    iFrames: iFrames.listed.map((iFrame) => ({
      uri: segmentPath(epoch, name, iFrame.segmentMsn),
      offset: iFrame.offset,
      byteLength: iFrame.byteLength,
      initUri: initPath(epoch, name, iFrame.initIndex),
      keys: keys?.playlistKeys(iFrame.segmentMsn) ?? [],
      durationSeconds: iFrame.durationSeconds,
      programDateTime: iFrame.programDateTime,
      discontinuity: iFrame.discontinuities > 0,
      skippedDiscontinuities: Math.max(0, iFrame.discontinuities - 1),
      independent: true,
    })),
    renditionReports: renditions.map(renditionReport),
    ended,
  });
}

/** How many segments end before the Skip Boundary, measured from the live end. */
function skippedSegments({ window: { segments, open } }: Rendition, boundarySeconds: number): number {
  let behindSeconds = open?.parts.reduce((sum, part) => sum + part.durationSeconds, 0) ?? 0;
  let kept = 0;
  for (const segment of segments.toReversed()) {
    if (behindSeconds > boundarySeconds) break;
    behindSeconds += segment.durationSeconds;
    kept++;
  }
  return segments.length - kept;
}

function mediaPlaylist(source: PlaylistSource, rendition: Rendition): MediaPlaylist {
  const { window, name } = rendition;
  const { epoch, targets, keys } = source;
  const { segments, open } = window;
  const firstWithParts = firstMsnWithParts(segments, targets.targetDurationSeconds * listedPartsTargets);
  return {
    targetDurationSeconds: targets.targetDurationSeconds,
    partTargetSeconds: targets.partTargetMs / 1_000,
    mediaSequence: segments[0]?.msn ?? window.nextPart.msn,
    discontinuitySequence: window.discontinuitySequence,
    segments: segments.map(
      (segment): PlaylistSegment => ({
        uri: segmentPath(epoch, name, segment.msn),
        initUri: initPath(epoch, name, segment.initIndex),
        keys: keys?.playlistKeys(segment.msn) ?? [],
        durationSeconds: segment.durationSeconds,
        programDateTime: segment.programDateTime,
        discontinuity: segment.discontinuity,
        independent: segment.independent,
        gap: segment.gap,
        parts: segment.msn < firstWithParts ? [] : playlistParts(epoch, rendition, segment.msn, segment.parts),
      }),
    ),
    open:
      open === undefined || open.parts.length === 0
        ? undefined
        : {
            initUri: initPath(epoch, name, open.head.initIndex),
            keys: keys?.playlistKeys(open.head.msn) ?? [],
            programDateTime: open.head.programDateTime,
            discontinuity: open.head.discontinuity,
            independent: open.head.independent,
            parts: playlistParts(epoch, rendition, open.head.msn, open.parts),
          },
    preloadHintUri: preloadHintUri(source, rendition),
    renditionReports: source.renditions.filter((other) => other !== rendition).map(renditionReport),
    dateRanges: source.dateRanges.listed,
    ended: source.ended,
  };
}

function firstMsnWithParts(segments: readonly StoredSegment[], seconds: number): number {
  let listedSeconds = 0;
  for (const segment of segments.toReversed()) {
    if (listedSeconds >= seconds) return segment.msn + 1;
    listedSeconds += segment.durationSeconds;
  }
  return 0;
}

/** How each part of a window is listed. */
const listedParts = new WeakMap<StoredPart, PlaylistPart>();

function playlistParts(epoch: string, rendition: Rendition, msn: number, parts: readonly StoredPart[]): PlaylistPart[] {
  return parts.map((part, index) => {
    let listed = listedParts.get(part);
    if (listed === undefined) {
      const { durationSeconds, independent, gap } = part;
      listed = { uri: partPath(epoch, rendition.name, msn, index), durationSeconds, independent, gap };
      listedParts.set(part, listed);
    }
    return listed;
  });
}

/**
 * None while nobody publishes: nobody knows whether that part will ever be. Behind the last part of a segment that is still
 * open it names the first of the next one (rfc8216bis §4.4.5.3 has such hints).
 */
function preloadHintUri({ epoch, isPublished, ended }: PlaylistSource, rendition: Rendition): string | undefined {
  if (!isPublished || ended) return undefined;
  const { msn, part } = rendition.window.expectedPart;
  return partPath(epoch, rendition.name, msn, part);
}

function renditionReport({ name, window }: Rendition): RenditionReport {
  const { msn, part } = window.nextPart;
  const uri = mediaPlaylistName(name);
  if (part > 0) return { uri, lastMsn: msn, lastPart: part - 1 };
  const last = window.segments.at(-1);
  const parts = last?.parts.length ?? 0;
  return { uri, lastMsn: last?.msn ?? 0, lastPart: parts === 0 ? undefined : parts - 1 };
}
