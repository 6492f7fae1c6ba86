/**
 * Of a stream's first segment. Not 0: hls.js 1.7 takes that for no number (`appendedPart?.fragment.sn || -1`), forgets
 * which parts of the segment it has, loads them again and tears its buffer. A playlist may begin with any number.
 */
export const firstMediaSequenceNumber = 1;

/** Where a segment begins, in all renditions. Times are media time. */
export interface Boundary {
  readonly msn: number;
  /** Decode time of the unit that decided it. */
  readonly startSeconds: number;
  /** When that unit is shown. */
  readonly shownSeconds: number;
  /** The leading track begins it with a keyframe. */
  readonly independent: boolean;
  /** The first of a run of time that is not the stream's first. */
  readonly discontinuity: boolean;
  /** Of a playlist that begins with it (rfc8216bis §4.4.3.3): the discontinuities before its own. */
  readonly discontinuitySequence: number;
  /** Of the last segment of a run of time: where that ends. */
  readonly runEndSeconds: number | undefined;
  /** Of the last segment of a run of time: where the leading track ends, which may be sooner. */
  readonly leadEndSeconds: number | undefined;
}

const notOver = { runEndSeconds: undefined, leadEndSeconds: undefined };

/** The segments that have begun, by media sequence number; those that nobody needs any more are forgotten. */
export class SegmentBoundaries {
  /** Numbers follow each other. */
  #boundaries: Boundary[] = [];
  #nextMsn: number;
  /** The first sequence number of this run of time. */
  #firstMsn: number;
  /** How many there have been. */
  #discontinuities: number;

  /** From `nextMsn` on, after so many discontinuities. */
  constructor(nextMsn = firstMediaSequenceNumber, discontinuities = 0) {
    this.#nextMsn = nextMsn;
    this.#firstMsn = nextMsn;
    this.#discontinuities = discontinuities;
  }

  get nextMsn(): number {
    return this.#nextMsn;
  }

  /** Of this run of time. */
  get firstMsn(): number {
    return this.#firstMsn;
  }

  /** The newest of this run of time. */
  get newest(): Boundary | undefined {
    return this.at(this.#nextMsn - 1, this.#firstMsn);
  }

  begin(first: Pick<Boundary, 'startSeconds' | 'shownSeconds' | 'independent'>): void {
    const msn = this.#nextMsn++;
    const discontinuity = msn > firstMediaSequenceNumber && msn === this.#firstMsn;
    const discontinuitySequence = this.#discontinuities;
    if (discontinuity) this.#discontinuities++;
    this.#boundaries.push({ msn, discontinuity, discontinuitySequence, ...notOver, ...first });
  }

  /** What follows belongs to another run of time. */
  endRun(runEndSeconds: number, leadEndSeconds: number): void {
    const last = this.newest;
    if (last !== undefined) this.#boundaries[this.#boundaries.length - 1] = { ...last, runEndSeconds, leadEndSeconds };
    this.#firstMsn = this.#nextMsn;
  }

  at(msn: number, fromMsn = 0): Boundary | undefined {
    return msn < fromMsn ? undefined : this.#boundaries[msn - (this.#boundaries[0]?.msn ?? 0)];
  }

  /** The newest that begins at `seconds` or before. */
  newestAt(seconds: number): Boundary | undefined {
    return this.#boundaries.findLast(({ startSeconds }) => startSeconds <= seconds);
  }

  /** Where the segment ends, if that is decided. */
  endSeconds(msn: number): number | undefined {
    return this.at(msn)?.runEndSeconds ?? this.at(msn + 1)?.startSeconds;
  }

  /** Forgets the segments before `msn`. */
  forgetBefore(msn: number): void {
    while ((this.#boundaries[0]?.msn ?? msn) < msn) this.#boundaries.shift();
  }
}
