import { decodeMediaRecord, encodeMediaRecord, type MediaRecordForm } from '../media/media-record.ts';
import type { KeyframeTable } from '../media/stored-media.ts';
import type { TrackConfig } from '../media/track.ts';

/** A tag that sets up decoders, as it stands at the beginning of a file. */
export interface SetupTag {
  readonly at: number;
  readonly typeId: number;
  readonly body: Uint8Array;
}

/** What is known of an FLV file once its beginning and its end have been read. */
export interface FlvIndex {
  readonly lengthBytes: number;
  readonly durationMs: number;
  /** The timestamp that is the beginning. */
  readonly baseMs: number;
  /** Where the first tag begins. */
  readonly firstTagAt: number;
  /** Whether each tag has its length behind it, as far as has been seen. */
  readonly chained: boolean;
  readonly setupTags: readonly SetupTag[];
  readonly trackConfigs: readonly TrackConfig[];
  /** As the file says it. */
  readonly framesPerSecond: number | undefined;
  /** As the file says it, in file time. */
  readonly keyframes: KeyframeTable;
}

const form: MediaRecordForm = { letters: 'FLVx', version: 2 };

export function encodeFlvIndex(index: FlvIndex): Uint8Array<ArrayBuffer> {
  return encodeMediaRecord(form, index);
}

/** Throws `ProtocolError` for what is damaged or of another version. */
export function decodeFlvIndex(bytes: Uint8Array): FlvIndex {
  return decodeMediaRecord(form, bytes) as FlvIndex;
}
