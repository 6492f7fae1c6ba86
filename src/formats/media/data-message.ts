import type { Amf0Value } from '../amf0/value.ts';

/** Text that travels with the media, at its own time: `onMetaData`, `onTextData`, `onCuePoint` or whatever is sent. */
export interface DataMessage {
  readonly name: string;
  readonly values: readonly Amf0Value[];
  /** As the publisher sent it: on the clock of its access units. */
  readonly timestampMs: number;
}

/** What describes the media as a whole, and is therefore told to whoever comes later. */
export const metadataName = 'onMetaData';
