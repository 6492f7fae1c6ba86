import { longestSegmentSeconds, type PlaylistTargets } from '../policy/target-duration.ts';
import type { SegmentHead } from '../stores/segment-window.ts';
import type { MeasuredBitrate } from './measured-bitrate.ts';

/** Where an I-frame lies. Times are media time. */
export interface IFrame {
  readonly segmentMsn: number;
  /** From the beginning of the segment: the `moof` of the part that begins with it, to the end of its sample. */
  readonly offset: number;
  readonly byteLength: number;
  readonly startSeconds: number;
  readonly programDateTime: string;
  readonly initIndex: number;
  /** How many there are between it and the I-frame before: of runs of time without any there is one each. */
  readonly discontinuities: number;
}

/** An I-frame whose end is known, so that it can be listed. */
export interface ListedIFrame extends IFrame {
  readonly durationSeconds: number;
}

/** More than may have been listed of segments that had not reached the disk: no number is used again. */
const unknownIFrames = 1_000;

/**
 * The I-frames of a rendition's window, one for each part that begins with a keyframe. One is listed when its segment
 * is complete and it is known how long it stands: by the next I-frame, by the end of its run of time, or because it has
 * stood for as long as a playlist may say.
 */
export class IFrames {
  readonly #targets: PlaylistTargets;
  readonly #programDateTimeAt: (mediaSeconds: number) => string;
  readonly #listed: ListedIFrame[] = [];
  /** The newest of a complete segment, which stands until nobody knows when. */
  #held: IFrame | undefined;
  #open: { readonly head: SegmentHead; readonly iFrames: IFrame[]; byteLength: number; endSeconds: number } | undefined;
  /** Discontinuities that no I-frame has carried yet. */
  #discontinuities = 0;
  /** Where the media ends that has come. */
  #endSeconds = 0;
  #mediaSequence = 0;
  #discontinuitySequence = 0;

  constructor(targets: PlaylistTargets, programDateTimeAt: (mediaSeconds: number) => string) {
    this.#targets = targets;
    this.#programDateTimeAt = programDateTimeAt;
  }

  /** Oldest first. */
  get listed(): readonly ListedIFrame[] {
    return this.#listed;
  }

  /** Of the first that is listed: I-frames are counted by themselves. */
  get mediaSequence(): number {
    return this.#mediaSequence;
  }

  get lastMsn(): number {
    return this.#mediaSequence + this.#listed.length - 1;
  }

  get discontinuitySequence(): number {
    return this.#discontinuitySequence;
  }

  /** All that there have been of complete segments. */
  get count(): number {
    return this.#mediaSequence + this.#listed.length + (this.#held === undefined ? 0 : 1);
  }

  /** Before the first segment, as for the window of the rendition. */
  begin(discontinuitySequence: number): void {
    this.#discontinuitySequence = discontinuitySequence;
  }

  /**
   * After a restart: those from before are listed no more. `count` is what there had been at least, `discontinuities`
   * those of the rendition.
   */
  resume(count: number, discontinuities: number): void {
    this.#mediaSequence = count + unknownIFrames;
    this.#discontinuitySequence = discontinuities;
  }

  startSegment(head: SegmentHead): void {
    if (head.discontinuity) this.#discontinue();
    this.#open = { head, iFrames: [], byteLength: 0, endSeconds: head.startSeconds };
  }

  /** `start`, `firstSampleEnd`: bytes from the beginning of the part to its `moof`, and to the end of its first sample. */
  addPart(part: {
    readonly byteLength: number;
    readonly start: number;
    readonly firstSampleEnd: number;
    readonly durationSeconds: number;
    readonly independent: boolean;
  }): void {
    const open = this.#open;
    if (open === undefined) return;
    if (part.independent) {
      this.#release(open.endSeconds);
      open.iFrames.push({
        segmentMsn: open.head.msn,
        offset: open.byteLength + part.start,
        byteLength: part.firstSampleEnd - part.start,
        startSeconds: open.endSeconds,
        programDateTime: this.#programDateTimeAt(open.endSeconds),
        initIndex: open.head.initIndex,
        discontinuities: this.#discontinuities,
      });
      this.#discontinuities = 0;
    }
    open.byteLength += part.byteLength;
    open.endSeconds += part.durationSeconds;
    this.#standUntil(open.endSeconds);
  }

  endSegment(): void {
    const open = this.#open;
    this.#open = undefined;
    for (const iFrame of open?.iFrames ?? []) {
      this.#release(iFrame.startSeconds);
      this.#held = iFrame;
    }
    this.#endSeconds = open?.endSeconds ?? this.#endSeconds;
    this.#standUntil(this.#endSeconds);
  }

  addGap(discontinuity: boolean, untilSeconds: number): void {
    if (discontinuity) this.#discontinue();
    this.#standUntil(untilSeconds);
  }

  /** Nothing follows in this run of time: the last one is listed too. Returns whether there was one. */
  end(): boolean {
    const isHeld = this.#held !== undefined;
    this.#release(this.#endSeconds);
    return isHeld;
  }

  /** The segments before `msn` have left. */
  leave(msn: number): void {
    for (let oldest = this.#listed[0]; oldest !== undefined && oldest.segmentMsn < msn; oldest = this.#listed[0]) {
      this.#listed.shift();
      this.#mediaSequence++;
      this.#discontinuitySequence += oldest.discontinuities;
    }
  }

  /** As players load them at normal speed; `undefined` before the first. */
  bitrate(): MeasuredBitrate | undefined {
    const { segmentSeconds } = this.#targets;
    const held = this.#held === undefined ? [] : [{ ...this.#held, durationSeconds: segmentSeconds }];
    const iFrames = this.#listed.length > 0 ? this.#listed : held;
    if (iFrames.length === 0) return undefined;
    const seconds = iFrames.reduce((sum, { durationSeconds }) => sum + durationSeconds, 0);
    const bits = iFrames.reduce((sum, { byteLength }) => sum + byteLength * 8, 0);
    const peak = Math.max(...iFrames.map(({ byteLength, durationSeconds }) => (byteLength * 8) / durationSeconds));
    return { peak, average: bits / seconds };
  }

  /** Time does not go on from one run to the next: the last picture stands to the end of its own. */
  #discontinue(): void {
    this.#release(this.#endSeconds);
    this.#discontinuities++;
  }

  /** It still stands there. */
  #standUntil(seconds: number): void {
    if (seconds - (this.#held?.startSeconds ?? seconds) >= this.#mostSeconds) this.#release(seconds);
  }

  get #mostSeconds(): number {
    return longestSegmentSeconds(this.#targets.targetDurationSeconds);
  }

  #release(endSeconds: number): void {
    const held = this.#held;
    if (held === undefined) return;
    this.#held = undefined;
    // A picture may stand for longer than TARGETDURATION, EXTINF may not say so; the next date does.
    const durationSeconds = Math.min(Math.max(endSeconds - held.startSeconds, 0.001), this.#mostSeconds);
    this.#listed.push({ ...held, durationSeconds });
  }
}
