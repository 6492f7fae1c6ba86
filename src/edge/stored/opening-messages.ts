import type { SharedMedia, WantedBytes } from '../../formats/media/stored-media.ts';

/** To the thread that opens media files. One is answered before the next is sent. */
export type OpeningRequest =
  | { readonly kind: 'begin'; readonly job: number; readonly lengthBytes: number }
  /** What was wanted last; memory that both threads see is written to again when it has been answered. */
  | { readonly kind: 'bytes'; readonly job: number; readonly bytes: Uint8Array }
  /** What was opened is to be written down: the thread has it until then. */
  | { readonly kind: 'encode'; readonly job: number }
  /** Its bytes cannot be had. */
  | { readonly kind: 'forget'; readonly job: number };

/** What the thread says to it. */
export type OpeningReply =
  | { readonly kind: 'wants'; readonly wanted: WantedBytes }
  | { readonly kind: 'opened'; readonly shared: SharedMedia }
  | { readonly kind: 'encoded'; readonly encoded: Uint8Array<ArrayBuffer> }
  /** The file cannot be read as media. */
  | { readonly kind: 'refused'; readonly code: string; readonly sentence: string }
  | { readonly kind: 'forgotten' };

/** What the thread begins with, if anything. */
export interface OpeningRehearsal {
  /** A media file of the program's own. */
  readonly file: string;
}
