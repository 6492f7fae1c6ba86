import { firstMediaSequenceNumber } from '../policy/segment-boundaries.ts';
import type { PartBytes } from './part-memory.ts';

/** A partial segment: one buffer; empty when there is no media of it. */
export interface StoredPart {
  /** For whoever may keep them: to read them of a part with `memory` is to be lent them for good. Else: `holdParts`. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Where its bytes lie, if that is used again for other parts. */
  readonly memory?: PartBytes;
  readonly durationSeconds: number;
  readonly independent: boolean;
  readonly gap: boolean;
}

/**
 * A part of media whose memory is used again once it has left the window and nobody holds it or was lent its bytes. There
 * are thousands of them: an object that is written down with a getter would be a dictionary to the engine, 600 bytes each.
 */
export class PartInMemory implements StoredPart {
  readonly memory: PartBytes;
  readonly durationSeconds: number;
  readonly independent: boolean;
  readonly gap = false;

  constructor(memory: PartBytes, durationSeconds: number, independent: boolean) {
    this.memory = memory;
    this.durationSeconds = durationSeconds;
    this.independent = independent;
  }

  get bytes(): Uint8Array<ArrayBuffer> {
    return this.memory.lend();
  }
}

/** Of its bytes, which nobody is lent by this. */
export function partLength(part: StoredPart): number {
  return part.memory?.byteLength ?? part.bytes.length;
}

/** For who holds it, and only so long. */
export function heldBytes(part: StoredPart): Uint8Array {
  return part.memory?.held ?? part.bytes;
}

/** Bytes that stay as they are until `release`, and then may become others. Without it they stay for good. */
export interface HeldBytes {
  /** One after the other. */
  readonly pieces: readonly Uint8Array[];
  /** When nobody reads them any more. To be called once; after that it does nothing. */
  release(): void;
}

/** The bytes of parts that are there: of those in the window, or of those that somebody else holds. */
export function holdParts(parts: readonly StoredPart[]): HeldBytes {
  for (const { memory } of parts) memory?.hold();
  const pieces = parts.map(heldBytes);
  let isHeld = true;
  return {
    pieces,
    release: () => {
      if (!isHeld) return;
      isHeld = false;
      for (const { memory } of parts) memory?.release();
    },
  };
}

/** Bytes that nobody else will write to. */
export function ownBytes(bytes: Uint8Array): HeldBytes {
  return { pieces: [bytes], release: () => {} };
}

/** What is known of a segment when it begins. Times are media time. */
export interface SegmentHead {
  readonly msn: number;
  readonly startSeconds: number;
  /** Wall clock of its start, as the playlist writes it. */
  readonly programDateTime: string;
  readonly independent: boolean;
  readonly discontinuity: boolean;
  /** Which initialisation segment it needs. */
  readonly initIndex: number;
}

/** A complete segment: the concatenation of its parts. */
export interface StoredSegment extends SegmentHead {
  readonly durationSeconds: number;
  readonly parts: readonly StoredPart[];
  readonly byteLength: number;
  /** There is no media of it: `parts` is empty. */
  readonly gap: boolean;
}

export interface SegmentWindowLimits {
  /** How far back the playlist reaches. */
  readonly windowSeconds: number;
  /** How long, in media time, segments and parts still answer after they have left the playlist. */
  readonly keepSeconds: number;
  /** Bytes kept at most; the oldest segments leave early, and answer no more. */
  readonly maxBytes: number;
  /** With `keepSeconds`, how much stays all the same: for so long parts are listed, and then answer. */
  readonly leastSeconds: number;
}

/** The open segment: it has begun and grows by parts. */
export interface OpenSegment {
  readonly head: SegmentHead;
  readonly parts: readonly StoredPart[];
}

interface GrowingSegment extends OpenSegment {
  readonly parts: StoredPart[];
  byteLength: number;
  /** No other part is to come. */
  hasLast: boolean;
}

/**
 * The last parts and segments of one rendition. Media sequence numbers count on without a hole, whatever happens to
 * the publisher.
 */
export class SegmentWindow {
  readonly #limits: SegmentWindowLimits;
  /** Listed, oldest first. */
  readonly #segments: StoredSegment[] = [];
  /** No longer listed, but still answering, oldest first. */
  readonly #departed: StoredSegment[] = [];
  #open: GrowingSegment | undefined;
  #nextMsn: number | undefined;
  #discontinuitySequence = 0;
  #discontinuities = 0;
  #byteLength = 0;
  #listedSeconds = 0;
  /** Media time of the live end. */
  #endSeconds = 0;

  constructor(limits: SegmentWindowLimits) {
    this.#limits = limits;
  }

  /** The complete segments that are listed, oldest first. */
  get segments(): readonly StoredSegment[] {
    return this.#segments;
  }

  get open(): OpenSegment | undefined {
    return this.#open;
  }

  /** Discontinuities that have left the playlist. */
  get discontinuitySequence(): number {
    return this.#discontinuitySequence;
  }

  /** Discontinuities up to the last complete segment, those that have left the playlist among them. */
  get discontinuities(): number {
    return this.#discontinuities;
  }

  /** The lowest sequence number that still answers, or is listed. */
  get oldestMsn(): number | undefined {
    return (this.#departed[0] ?? this.#segments[0] ?? this.#open?.head)?.msn;
  }

  /** Of the last complete segment; −1 when there is none. */
  get lastCompleteMsn(): number {
    return this.#segments.at(-1)?.msn ?? -1;
  }

  /** The sequence number and the index of the part that comes next. */
  get nextPart(): { readonly msn: number; readonly part: number } {
    if (this.#open !== undefined) return { msn: this.#open.head.msn, part: this.#open.parts.length };
    return { msn: this.#nextMsn ?? firstMediaSequenceNumber, part: 0 };
  }

  /** As far as can be told: `nextPart`, or where the open segment is to get no other, the first of the one after it. */
  get expectedPart(): { readonly msn: number; readonly part: number } {
    const { msn, part } = this.nextPart;
    return this.#open?.hasLast === true ? { msn: msn + 1, part: 0 } : { msn, part };
  }

  /** Whether it may be the next one: as `expectedPart`, whatever can be told. */
  mayComeNext(msn: number, part: number): boolean {
    const next = this.nextPart;
    if (msn === next.msn) return part === next.part;
    return this.#open !== undefined && msn === next.msn + 1 && part === 0;
  }

  get byteLength(): number {
    return this.#byteLength;
  }

  /** The lowest initialisation segment that something kept still needs. */
  get oldestInitIndex(): number | undefined {
    return (this.#departed[0] ?? this.#segments[0] ?? this.#open?.head)?.initIndex;
  }

  /** Before the first segment: so many discontinuities came before it, listed elsewhere. */
  begin(discontinuitySequence: number): void {
    this.#discontinuitySequence = discontinuitySequence;
    this.#discontinuities = discontinuitySequence;
  }

  /** Begins with the segments of the time before a restart; `discontinuitySequence` is that of the first. */
  restore(segments: readonly StoredSegment[], discontinuitySequence: number): void {
    this.begin(discontinuitySequence);
    for (const segment of segments) {
      this.#expect(segment.msn);
      this.#byteLength += segment.byteLength;
      this.#list(segment);
    }
  }

  /** Numbers must follow each other; only the first is free. */
  startSegment(head: SegmentHead): void {
    this.#expect(head.msn);
    this.#open = { head, parts: [], byteLength: 0, hasLast: false };
  }

  addPart(part: StoredPart): void {
    const open = this.#open;
    if (open === undefined) throw new Error('a part was added without an open segment');
    open.parts.push(part);
    open.hasLast = false;
    const byteLength = partLength(part);
    open.byteLength += byteLength;
    this.#byteLength += byteLength;
  }

  /** The open segment, which has a part, is to get no other, unless one comes all the same. Returns whether that is new. */
  expectNoPart(): boolean {
    if (this.#open === undefined) throw new Error('a segment was to get no other part that is not open');
    const isNew = !this.#open.hasLast;
    this.#open.hasLast = true;
    return isNew;
  }

  endSegment(durationSeconds: number): void {
    const open = this.#open;
    if (open === undefined) throw new Error('a segment was ended that had not begun');
    this.#open = undefined;
    this.#list({ ...open.head, durationSeconds, parts: open.parts, byteLength: open.byteLength, gap: false });
  }

  addGap(head: SegmentHead, durationSeconds: number): void {
    this.#expect(head.msn);
    this.#list({ ...head, durationSeconds, parts: [], byteLength: 0, gap: true });
  }

  /** A complete segment that still answers, or a gap. */
  complete(msn: number): StoredSegment | undefined {
    return atMsn(this.#segments, msn) ?? atMsn(this.#departed, msn);
  }

  /** A complete segment that still answers; not a gap. */
  segment(msn: number): StoredSegment | undefined {
    const found = this.complete(msn);
    return found?.gap === true ? undefined : found;
  }

  /** Not a gap either. */
  part(msn: number, index: number): StoredPart | undefined {
    const parts = this.#open?.head.msn === msn ? this.#open.parts : this.segment(msn)?.parts;
    const part = parts?.[index];
    return part?.gap === true ? undefined : part;
  }

  #expect(msn: number): void {
    if (this.#open !== undefined) throw new Error(`segment ${msn} began while ${this.#open.head.msn} is open`);
    if (this.#nextMsn !== undefined && msn !== this.#nextMsn) {
      throw new Error(`media sequence number ${msn} follows ${this.#nextMsn - 1}`);
    }
    this.#nextMsn = msn + 1;
  }

  #list(segment: StoredSegment): void {
    this.#segments.push(segment);
    this.#listedSeconds += segment.durationSeconds;
    if (segment.discontinuity) this.#discontinuities++;
    this.#endSeconds = Math.max(this.#endSeconds, segment.startSeconds + segment.durationSeconds);
    this.#trim();
  }

  #trim(): void {
    const { windowSeconds, leastSeconds, keepSeconds, maxBytes } = this.#limits;
    for (;;) {
      const oldest = this.#segments[0];
      if (oldest === undefined) break;
      const remainingSeconds = this.#listedSeconds - oldest.durationSeconds;
      // What has too many bytes goes at once: not before its parts, which were listed for less than `leastSeconds`,
      // have answered for `keepSeconds` more (rfc8216bis §6.2.2).
      const leaves =
        remainingSeconds >= windowSeconds ||
        (this.#byteLength > maxBytes && remainingSeconds >= leastSeconds + keepSeconds);
      if (!leaves) break;
      this.#segments.shift();
      this.#departed.push(oldest);
      this.#listedSeconds = remainingSeconds;
      if (oldest.discontinuity) this.#discontinuitySequence++;
      if (this.#byteLength > maxBytes) this.#forgetDeparted(Infinity);
    }
    const firstListed = this.#segments[0]?.startSeconds ?? 0;
    this.#forgetDeparted(Math.min(firstListed, this.#endSeconds - windowSeconds) - keepSeconds);
  }

  /** What ended before `untilSeconds` of media time. */
  #forgetDeparted(untilSeconds: number): void {
    for (;;) {
      const oldest = this.#departed[0];
      if (oldest === undefined || oldest.startSeconds + oldest.durationSeconds > untilSeconds) return;
      this.#departed.shift();
      this.#byteLength -= oldest.byteLength;
      for (const { memory } of oldest.parts) memory?.leave();
    }
  }
}

function atMsn(segments: readonly StoredSegment[], msn: number): StoredSegment | undefined {
  const first = segments[0];
  return first === undefined ? undefined : segments[msn - first.msn];
}
