import type { Reading } from '../media/stored-media.ts';
import type { TimedSample } from './presentation.ts';

/** Samples in the order in which they are sent. */
export interface SampleSource {
  /** What has to be read before `next` can say anything. */
  reading(): Reading<void> | undefined;
  /** What `next` will say. */
  readonly first: TimedSample | undefined;
  /** `undefined` at the end. */
  next(): TimedSample | undefined;
}

/** Of what has a sample next the one that is sent first; of those at the same time the first. */
export function earliest<Track extends { readonly next: TimedSample | undefined }>(
  tracks: readonly Track[],
): Track | undefined {
  let found: Track | undefined;
  for (const track of tracks) {
    if (track.next === undefined) continue;
    if (found?.next === undefined || track.next.decodeMs < found.next.decodeMs) found = track;
  }
  return found;
}
