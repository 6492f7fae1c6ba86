import type { TrackConfig } from '../../formats/media/track.ts';

/** One access unit of a file, in the time of the file. */
export interface TimedUnit {
  readonly kind: 'video' | 'audio';
  readonly decodeSeconds: number;
  readonly presentationSeconds: number;
  readonly durationSeconds: number;
  /** Of video: a decoder can start here. Every audio frame is one. */
  readonly keyframe: boolean;
  /** NAL units with their length prefixes, or one raw AAC frame. */
  readonly data: Uint8Array;
}

export type DemuxedItem =
  | { readonly kind: 'unit'; readonly unit: TimedUnit }
  /** Other than the one that was in force. */
  | { readonly kind: 'config'; readonly config: TrackConfig };

/** A file taken apart. */
export interface Demuxer {
  /** In force at the beginning. */
  readonly trackConfigs: readonly TrackConfig[];
  /** Once through the file: decode order within each track, the tracks interleaved by decode time. May be called again. */
  pass(): AsyncIterable<DemuxedItem>;
  close(): Promise<void>;
}
