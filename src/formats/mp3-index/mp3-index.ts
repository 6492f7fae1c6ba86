import { decodeMediaRecord, encodeMediaRecord, type MediaRecordForm } from '../media/media-record.ts';
import type { Mp3TrackConfig } from '../media/track.ts';

/** What is known of an MP3 file once its ends have been read. */
export interface Mp3Index {
  readonly lengthBytes: number;
  readonly durationMs: number;
  /** The first frame of sound. */
  readonly soundAt: number;
  /** Behind the last one. */
  readonly soundEnd: number;
  readonly config: Mp3TrackConfig;
  readonly places: FramePlaces;
}

/**
 * Where frames are, as far as the file says it: ascending points between which all frames are taken to be equally long.
 * With a constant bit rate that is true.
 */
export interface FramePlaces {
  readonly frames: Float64Array;
  readonly offsets: Float64Array;
}

/** Where a frame may be expected; not a whole number. */
export function offsetOfFrame({ frames, offsets }: FramePlaces, frame: number): number {
  return interpolated(frames, offsets, frame);
}

/** Which frame may be expected there; not a whole number. */
export function frameOfOffset({ frames, offsets }: FramePlaces, offset: number): number {
  return interpolated(offsets, frames, offset);
}

function interpolated(from: Float64Array, to: Float64Array, value: number): number {
  const last = Math.max(1, from.length - 1);
  let index = from.findIndex((point) => point > value);
  index = index === -1 ? last : Math.max(1, index);
  const [lowFrom = 0, highFrom = 0, lowTo = 0, highTo = 0] = [from[index - 1], from[index], to[index - 1], to[index]];
  const share = highFrom > lowFrom ? (value - lowFrom) / (highFrom - lowFrom) : 0;
  return lowTo + Math.min(1, Math.max(0, share)) * (highTo - lowTo);
}

const form: MediaRecordForm = { letters: 'MP3x', version: 2 };

export function encodeMp3Index(index: Mp3Index): Uint8Array<ArrayBuffer> {
  return encodeMediaRecord(form, index);
}

/** Throws `ProtocolError` for what is damaged or of another version. */
export function decodeMp3Index(bytes: Uint8Array): Mp3Index {
  return decodeMediaRecord(form, bytes) as Mp3Index;
}
