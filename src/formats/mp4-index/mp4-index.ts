import type { KeyframeTable } from '../media/stored-media.ts';
import type { TrackConfig } from '../media/track.ts';
import type { Edit, Span } from './edit-list.ts';
import type { SampleTable } from './sample-table.ts';

/** What has been read of an MP4 file: where each sample is, and when. Holds no media. */
export interface Mp4Index {
  /** Of the file. */
  readonly lengthBytes: number;
  /** To the end of the last frame, from the beginning as it is sent. */
  readonly durationMs: number;
  /**
   * Later than the presentation by this much all tracks are sent, so that no decode time is negative: decoders must have
   * some pictures before the first that is shown, and some sound before the first that is right.
   */
  readonly shiftMs: number;
  /** In the order in which they are told: video first, then by id. */
  readonly tracks: readonly Mp4Track[];
  /** Of the first track. */
  readonly keyframes: KeyframeTable;
  /** Where fragments begin, of a file that has some. */
  readonly fragments: Mp4Fragments | undefined;
}

/** A track that can be played. */
export interface Mp4Track {
  readonly kind: 'video' | 'audio';
  /** `track_ID`, by which fragments name it. */
  readonly fileTrackId: number;
  readonly timescale: number;
  /**
   * Decode times are earlier by this much than the file has them: composition offsets less than 0 would have pictures
   * shown before they are decoded, which no player of FLV expects.
   */
  readonly reorderTicks: number;
  /** By sample description; `undefined` for those that no sample names. */
  readonly descriptions: readonly (Mp4Description | undefined)[];
  /** Of the first sample that can be played. */
  readonly initialDescription: number;
  readonly edits: readonly Edit[];
  /** What `moov` says: all of it, or nothing where there are fragments. */
  readonly table: SampleTable;
  readonly spans: readonly Span[];
  /** Of fragments (`trex`, ISO/IEC 14496-12 §8.8.3). */
  readonly fragmentDefaults: FragmentDefaults;
}

export interface Mp4Description {
  readonly config: TrackConfig;
  /** Keyframes may bring another configuration. */
  readonly inBand: boolean;
}

export interface FragmentDefaults {
  readonly description: number;
  readonly durationTicks: number;
  readonly sizeBytes: number;
  readonly flags: number;
}

/** Of as many as there are of each, in the order of the file. What is between them is found by reading on. */
export interface Mp4Fragments {
  /** Decode times at which one begins, as sent. */
  readonly timesMs: Float64Array;
  /** Of its `moof`. */
  readonly offsets: Float64Array;
  /** Only the first of the file and one of the last: those between are to be searched for (`searchFragments`). */
  readonly isSparse: boolean;
}
