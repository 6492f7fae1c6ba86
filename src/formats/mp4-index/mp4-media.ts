import type { KeyframeTable, Reading, SharedMedia, StoredCursor, StoredMedia } from '../media/stored-media.ts';
import type { TrackConfig } from '../media/track.ts';
import { FragmentSamples } from './fragment-samples.ts';
import { decodeMp4Index, encodeMp4Index, shareMp4Index } from './index-record.ts';
import type { Mp4Limits } from './limits.ts';
import { Mp4Cursor } from './mp4-cursor.ts';
import type { Mp4Index, Mp4Track } from './mp4-index.ts';
import { readMp4Index } from './read-index.ts';
import type { SampleSource } from './sample-source.ts';
import { TableSamples } from './table-samples.ts';

/** Opens an MP4 or MOV file: asks for what must be read of it to play it from anywhere. Throws as `readMp4Index`. */
export function* openMp4(lengthBytes: number, limits?: Mp4Limits): Reading<Mp4Media> {
  return new Mp4Media(yield* readMp4Index(lengthBytes, limits));
}

/**
 * What `Mp4Media.encode` has written, or `share`, of which it holds views. Throws `ProtocolError` for what is damaged or of
 * another version.
 */
export function decodeMp4(bytes: Uint8Array, beside: SharedMedia['beside'] = []): Mp4Media {
  return new Mp4Media(decodeMp4Index(bytes, beside));
}

/**
 * The file as it is played. A cursor tells a configuration where it is another than that of `trackConfigs`, or than the
 * one before it. It throws `ProtocolError` where the file ends before a sample does.
 */
export class Mp4Media implements StoredMedia {
  readonly container = 'mp4';
  readonly durationMs: number;
  readonly lengthBytes: number;
  readonly trackConfigs: readonly TrackConfig[];
  readonly index: Mp4Index;

  constructor(index: Mp4Index) {
    this.index = index;
    this.durationMs = index.durationMs;
    this.lengthBytes = index.lengthBytes;
    this.trackConfigs = index.tracks.map((track) => firstConfig(track));
  }

  get keyframes(): KeyframeTable {
    return this.index.keyframes;
  }

  /** Of all pictures of `moov`, whichever of them edits show. */
  get framesPerSecond(): number | undefined {
    const [leading] = this.index.tracks;
    if (leading?.kind !== 'video' || leading.table.endTicks === 0) return undefined;
    return (leading.table.count * leading.timescale) / leading.table.endTicks;
  }

  encode(): Uint8Array<ArrayBuffer> {
    return encodeMp4Index(this.index);
  }

  share(): SharedMedia {
    return shareMp4Index(this.index);
  }

  /** Where a cursor stands, the samples are the same. */
  replaceTables(packed: StoredMedia): void {
    if (!(packed instanceof Mp4Media)) return;
    for (const [place, { table }] of this.index.tracks.entries()) {
      const same = packed.index.tracks[place];
      if (same !== undefined) table.columns = same.table.columns;
    }
  }

  /** Samples of all tracks in the order in which they are sent, without their data: from the keyframe at or before a time. */
  samplesAt(timeMs: number): SampleSource {
    const { tracks, shiftMs, fragments } = this.index;
    if (fragments !== undefined) return new FragmentSamples(this.index, fragments, timeMs);
    return new TableSamples(tracks, shiftMs, timeMs);
  }

  *cursorAt(timeMs: number): Reading<StoredCursor> {
    const source = this.samplesAt(timeMs);
    const reading = source.reading();
    if (reading !== undefined) yield* reading;
    const startMs = source.first?.decodeMs ?? 0;
    return new Mp4Cursor(source, startMs, new Map(this.index.tracks.map((track) => [track, firstConfig(track)])));
  }
}

/** That of the first sample which can be played. */
function firstConfig({ descriptions, initialDescription }: Mp4Track): TrackConfig {
  const description = descriptions[initialDescription];
  if (description === undefined) throw new TypeError('a track without a configuration');
  return description.config;
}
