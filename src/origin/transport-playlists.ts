import { writeMultivariantPlaylist, type Variant } from '../formats/m3u8/multivariant-playlist.ts';
import { transportPlaylistVersion, writeTransportPlaylist } from '../formats/m3u8/transport-playlist.ts';
import { variantVideo } from './live-multivariant.ts';
import { transportPlaylistName, transportSegmentPath } from './live-paths.ts';
import type { PlaylistSource } from './live-playlists.ts';
import type { Rendition } from './rendition.ts';
import { isTransportable, soundOf, transportSegments, type TransportVariant } from './transport-variant.ts';

/** The media playlist of a variant; `undefined` as long as nothing can be listed. */
export function transportPlaylistText(source: PlaylistSource, variant: TransportVariant): string | undefined {
  const { epoch, targets, keys, dateRanges, ended } = source;
  const { name, window } = variant.main;
  const segments = transportSegments(variant);
  const [first] = segments;
  if (first === undefined) return undefined;
  return writeTransportPlaylist({
    targetDurationSeconds: targets.targetDurationSeconds,
    mediaSequence: first.msn,
    discontinuitySequence: window.discontinuitySequence,
    segments: segments.map(({ msn, gap, durationSeconds, programDateTime, discontinuity }) => ({
      uri: transportSegmentPath(epoch, name, msn),
      durationSeconds,
      programDateTime,
      discontinuity,
      gap: gap || !isTransportable(variant, msn),
      keys: keys?.playlistKeys(msn) ?? [],
    })),
    dateRanges: dateRanges.listed,
    ended,
  });
}

/** The variants to choose from, all of them MPEG-TS; at least one. */
export function transportMultivariantText(variants: readonly TransportVariant[]): string {
  return writeMultivariantPlaylist({
    version: transportPlaylistVersion,
    audioRenditions: [],
    variants: variants.map(multivariantEntry),
  });
}

/**
 * Of a PES packet, what its head, a delimiter and parameter sets take, and what is stuffed behind it; and for each track
 * up to fifteen packets in a segment, which keep the counters. Of MPEG-TS itself four bytes in a packet of 188.
 */
const pesOverheadBits = 8 * 250;
const segmentOverheadBits = 8 * 188 * 17;
const packetOverhead = 188 / 184;

/** Bitrates are estimated from above: nothing is written before somebody asks. */
function multivariantEntry(variant: TransportVariant): Variant {
  const { main } = variant;
  const sound = soundOf(variant);
  const tracks = sound === undefined ? [main] : [main, sound];
  const bits = tracks.map(transportBitrate);
  return {
    uri: transportPlaylistName(main.name),
    peakBitsPerSecond: bits.reduce((sum, { peak }) => sum + peak, 0),
    averageBitsPerSecond: bits.reduce((sum, { average }) => sum + average, 0),
    codecs: tracks.map(({ config }) => config.codecString),
    video: main.config.kind === 'video' ? variantVideo(main.config, main.unitsPerSecond()) : undefined,
    audioGroupId: undefined,
  };
}

function transportBitrate(rendition: Rendition): { peak: number; average: number } {
  const { peak, average } = rendition.bitrate();
  const segmentSeconds = rendition.window.segments.at(-1)?.durationSeconds ?? 1;
  const overhead = (rendition.unitsPerSecond() ?? 0) * pesOverheadBits + segmentOverheadBits / segmentSeconds;
  return { peak: peak * packetOverhead + overhead, average: average * packetOverhead + overhead };
}
