import type { Clock, Timer } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { AccessUnit } from '../formats/media/access-unit.ts';
import type { TrackConfig } from '../formats/media/track.ts';
import type { LiveStream } from './live-stream.ts';

/** What plays in a stream while nobody publishes it. */
export interface Slate {
  readonly clip: SlateClip;
  /** How long nobody has published by then. */
  readonly afterMs: number;
  /** How long whoever publishes has sent nothing by then. */
  readonly stallMs: number;
}

/** Begins with a keyframe, and never ends. */
export interface SlateClip {
  readonly trackConfigs: readonly TrackConfig[];
  /** By number, from 0 on, in decode order. `decodeMs` begins at 0 and goes on beyond 32 bits. */
  at(index: number): { readonly decodeMs: number; readonly unit: AccessUnit };
}

export interface SlatePlayerOptions {
  readonly stream: LiveStream;
  readonly slate: Slate;
  readonly clock: Clock;
  readonly log: Log;
}

/** What is due within this time goes out together: a timer for each frame of sound would be of no use to anybody. */
const leastDelayMs = 20;
/** Further behind than this (the machine slept) it begins anew: its dates would be wrong from there on. */
const maxLagMs = 5_000;

/** Publishes a slate into its stream, at the pace of the clock, in the time in which nobody else does. */
export class SlatePlayer {
  readonly #options: SlatePlayerOptions;
  /** Until it begins, then until its next access units are due. */
  #timer: Timer | undefined;
  #isOnAir = false;
  /** `decodeMs` 0 on the monotonic clock. */
  #originMs = 0;
  #next = 0;

  constructor(options: SlatePlayerOptions) {
    this.#options = options;
  }

  get isOnAir(): boolean {
    return this.#isOnAir;
  }

  /** Nobody publishes now: it plays from `afterMs` on. */
  schedule(): void {
    if (this.#isOnAir) return;
    const { clock, slate } = this.#options;
    this.#timer?.cancel();
    this.#timer = clock.after(slate.afterMs, () => this.play());
  }

  /** Nobody is on the air: it plays from now on. */
  play(): void {
    const { stream, log } = this.#options;
    log.info({ stream: stream.path }, 'Slate plays until a publisher is back');
    this.#begin();
  }

  /** Somebody is about to publish. What plays goes on playing until `stop`. */
  hold(): void {
    if (!this.#isOnAir) this.stop();
  }

  /** Makes way at once. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (!this.#isOnAir) return;
    this.#isOnAir = false;
    this.#options.stream.stopPublication();
  }

  #begin(): void {
    const { stream, slate, clock } = this.#options;
    this.#isOnAir = true;
    this.#originMs = clock.monotonicMs();
    this.#next = 0;
    stream.startPublication({
      peer: 'slate',
      encoder: undefined,
      startedWallMs: clock.wallMs(),
      isSlate: true,
    });
    for (const config of slate.clip.trackConfigs) stream.setTrackConfig(config);
    this.#sendDue();
  }

  #sendDue(): void {
    const { stream, slate, clock } = this.#options;
    const elapsedMs = clock.monotonicMs() - this.#originMs;
    let { decodeMs, unit } = slate.clip.at(this.#next);
    if (elapsedMs - decodeMs > maxLagMs) {
      this.stop();
      this.#begin();
      return;
    }
    while (decodeMs <= elapsedMs) {
      stream.push(unit);
      this.#next++;
      ({ decodeMs, unit } = slate.clip.at(this.#next));
    }
    this.#timer = clock.after(Math.max(leastDelayMs, decodeMs - elapsedMs), () => this.#sendDue());
  }
}
