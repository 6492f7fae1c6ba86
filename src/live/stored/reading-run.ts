import type { Reading, WantedBytes } from '../../formats/media/stored-media.ts';
import type { ByteLanes } from './byte-lanes.ts';

/** A reading that goes on as far as its bytes are there. */
export class ReadingRun<Result> {
  readonly #reading: Reading<Result>;
  #wanted: WantedBytes | undefined;

  constructor(reading: Reading<Result>) {
    this.#reading = reading;
  }

  /** `waiting`: its bytes have to come first. Throws what the reading throws, or what the source failed with. */
  advance(lanes: ByteLanes): { readonly kind: 'done'; readonly value: Result } | { readonly kind: 'waiting' } {
    let step = this.#wanted === undefined ? this.#reading.next(nothing) : undefined;
    for (;;) {
      if (step !== undefined) {
        if (step.done === true) return { kind: 'done', value: step.value };
        this.#wanted = step.value;
      }
      const bytes = this.#wanted === undefined ? undefined : lanes.bytes(this.#wanted);
      if (bytes === undefined) return { kind: 'waiting' };
      step = this.#reading.next(bytes);
    }
  }
}

/** What a generator is resumed with for the first time, it does not see. */
const nothing = new Uint8Array(0);
