import type { PartBytes } from './part-memory.ts';

/** What a lower tier keeps of a stored response: a head as text, times apart, and the body's bytes. */
export interface EncodedStored {
  readonly head: string;
  readonly body: Buffer;
  /** When it was received, on the monotonic clock: what is kept beyond a restart is translated. */
  readonly receivedMs: number;
  /** Of the body, if it is used again. */
  readonly memory?: PartBytes;
}

/** How a lower tier turns stored responses into bytes and back: it knows nothing of what they are. */
export interface StoredCodec<Stored> {
  /** What was written by another version is not read. */
  readonly version: number;
  /** Whether it is worth being written at all. */
  isWorthKeeping(stored: Stored): boolean;
  /** Whether two hold the very same bytes, without looking at them: the second is a confirmed version of the first. */
  isSameBody(one: Stored, other: Stored): boolean;
  encode(stored: Stored): EncodedStored;
  /** `undefined`: this is no head. */
  decode(encoded: EncodedStored): Stored | undefined;
}
