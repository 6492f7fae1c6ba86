import type { AccessUnit } from './access-unit.ts';
import type { DataMessage } from './data-message.ts';
import type { TrackConfig } from './track.ts';

/** Bytes of a file, the first of them and the one behind the last. */
export interface WantedBytes {
  readonly from: number;
  readonly to: number;
  /** What comes behind is wanted next, up to there: whoever fetches it need not wait until it is asked for. */
  readonly until?: number;
}

/**
 * Reads from a file without knowing where it is: yields what it needs next, and is resumed with exactly these bytes, or
 * with fewer where the file ends before. It keeps no view of them unless it says so. Throws `ProtocolError` for what is
 * damaged, with the place in the file, and `LimitError` for what is beyond a bound.
 */
export type Reading<Result> = Generator<WantedBytes, Result, Uint8Array>;

/** What a file holds, in the order in which it is sent. Timestamps count from the beginning of the file. */
export type StoredItem =
  /** In force from the next unit of its track on. */
  | { readonly kind: 'config'; readonly config: TrackConfig }
  /** `data` is a view of the bytes that were handed in, where they lie in the file as they are sent. */
  | { readonly kind: 'unit'; readonly unit: AccessUnit }
  | { readonly kind: 'data'; readonly message: DataMessage };

/** A place in a file that goes on by itself. */
export interface StoredCursor {
  /** Decode time of what comes first: that of the keyframe at or before the time that was asked for. */
  readonly startMs: number;
  /** Resumes once for each item; `undefined` at the end of the file. */
  next(): Reading<StoredItem | undefined>;
}

/** Where decoding can start, as `onMetaData.keyframes` says it. Of as many as there are of each. */
export interface KeyframeTable {
  readonly timesMs: Float64Array;
  /** Bytes from the beginning of the file. */
  readonly offsets: Float64Array;
}

/** A media file as one thread hands it to another one: in a time that is no matter, and in more memory than is kept. */
export interface SharedMedia {
  readonly record: Uint8Array<ArrayBuffer>;
  /** Tables as they were read, in memory that both threads see (`SharedArrayBuffer`) where they are long. */
  readonly beside: readonly (Uint8Array | Int32Array | Uint32Array | Float64Array)[];
}

/** A media file that can be played from any point: what has been read of it so that it is known where everything is. */
export interface StoredMedia {
  readonly container: 'mp4' | 'flv' | 'mp3';
  /** To the end of the last frame. */
  readonly durationMs: number;
  readonly lengthBytes: number;
  /** In force at the beginning: video first, at least one. */
  readonly trackConfigs: readonly TrackConfig[];
  /** Of the leading track, on average; `undefined` without pictures and where the beginning and the index do not say it. */
  readonly framesPerSecond: number | undefined;
  /** Empty where the file does not say it and only a look at all of it would. */
  readonly keyframes: KeyframeTable;
  /** Begins at the keyframe at or before this time; at the first one for what is before it, at the last for what is beyond the end. */
  cursorAt(timeMs: number): Reading<StoredCursor>;
  /**
   * All that has been read of it, versioned and with a checksum: files are opened in a worker thread, and what was found
   * crosses from there and is kept on disk. `decodeMp4`, `decodeFlv` and `decodeMp3` beside the indexes make the same of
   * it again, in a time that is no matter, and throw `ProtocolError` for what is damaged or of another version.
   */
  encode(): Uint8Array<ArrayBuffer>;
  /** The same for another thread, before the time is taken to write it with few bytes. Missing where that takes none. */
  share?(): SharedMedia;
  /** Holds the tables of `packed` from now on, which is the same file as it was encoded: these take less memory. */
  replaceTables?(packed: StoredMedia): void;
}
