import type { Clock, Timer } from '../base/clock.ts';

export interface SilenceWatchOptions {
  readonly clock: Clock;
  readonly silenceMs: number;
  /** The peer has been silent for that long: ask it for an answer. */
  readonly ask: () => void;
  /** No answer has come in as long again. Called once. */
  readonly onSilent: () => void;
}

/** Tells a peer that is gone without a word (a cable, a power cut) from one that has nothing to say. */
export class SilenceWatch {
  readonly #options: SilenceWatchOptions;
  #heardMs: number;
  /** Since when an answer is awaited. */
  #askedMs: number | undefined;
  #timer: Timer | undefined;

  constructor(options: SilenceWatchOptions) {
    this.#options = options;
    this.#heardMs = options.clock.monotonicMs();
    this.#look();
  }

  /** The peer has said something. */
  heard(): void {
    this.#heardMs = this.#options.clock.monotonicMs();
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #look(): void {
    const { clock, silenceMs, ask, onSilent } = this.#options;
    const nowMs = clock.monotonicMs();
    if (this.#askedMs !== undefined && this.#heardMs < this.#askedMs) {
      onSilent();
      return;
    }
    const quietMs = nowMs - this.#heardMs;
    const isQuiet = quietMs >= silenceMs;
    this.#askedMs = isQuiet ? nowMs : undefined;
    if (isQuiet) ask();
    this.#timer = clock.after(isQuiet ? silenceMs : silenceMs - quietMs, () => this.#look());
  }
}
