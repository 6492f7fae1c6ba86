import type { Clock, Timer } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { BanList } from '../policy/ban-list.ts';
import type { CacheStore, Storable } from './cache-store.ts';

/** A turn ends when it has taken this long, or so many steps. */
const turnMs = 4;
const turnSteps = 100;
/** Between turns, for the viewers. */
const pauseMs = 4;
/** A store that failed is looked at again. */
const retryMs = 30_000;
/**
 * Bans are forgotten one or two of these after they came: what was being read from or written to a lower tier when
 * they were swept has come to its end by then, and so has nearly every fetch.
 */
const forgetAfterMs = 600_000;

interface BanSweeperOptions {
  readonly bans: BanList;
  readonly store: Pick<CacheStore<Storable>, 'sweep'>;
  readonly clock: Clock;
  readonly log: Log;
  /** All bans up to `sequence` have been carried out in the store. */
  readonly onSwept: (sequence: number) => void;
  /** Nothing needs the bans up to this number any more, and the list has forgotten them. */
  readonly onForgotten: (upToSequence: number) => void;
}

interface Pass {
  readonly steps: Generator<number, void, undefined>;
  readonly sequence: number;
  /** Bans that can be forgotten when it has ended. */
  readonly ripeSequence: number | undefined;
}

/**
 * Carries bans out: removes what they name from the store, in short turns between which viewers are served, and has
 * bans forgotten in the end. Nothing depends on how soon it does so.
 */
export class BanSweeper {
  readonly #options: BanSweeperOptions;
  #pass: Pass | undefined;
  /** Something came while a pass was running. */
  #again = false;
  #turn: Timer | undefined;
  #forgetting: Timer | undefined;
  /** What was current when it was last time to forget, and what was so the time before that. */
  #ripeningSequence: number | undefined;
  #ripeSequence: number | undefined;
  #droppedTotal = 0;
  #closed = false;

  constructor(options: BanSweeperOptions) {
    this.#options = options;
  }

  /** Objects removed since the beginning. */
  get droppedTotal(): number {
    return this.#droppedTotal;
  }

  /** Sweeps for all bans so far: a small store before it returns, a large one from now on. */
  sweep(): void {
    if (this.#closed) return;
    this.#forgetting ??= this.#options.clock.after(forgetAfterMs, () => this.#ripen());
    if (this.#pass !== undefined) {
      this.#again = true;
      return;
    }
    this.#turn?.cancel();
    this.#begin();
    this.#takeTurn();
  }

  close(): void {
    this.#closed = true;
    this.#turn?.cancel();
    this.#forgetting?.cancel();
  }

  #ripen(): void {
    const { bans } = this.#options;
    this.#forgetting = undefined;
    this.#ripeSequence = this.#ripeningSequence;
    this.#ripeningSequence = bans.current;
    const { exactAndTags, prefixes } = bans.sizes;
    if (exactAndTags + prefixes > 0) this.sweep();
  }

  #begin(): void {
    const { bans, store } = this.#options;
    const steps = store.sweep((cacheKey, { tags, sequence }) => bans.isBanned(cacheKey, tags, sequence));
    this.#pass = { steps, sequence: bans.current, ripeSequence: this.#ripeSequence };
    this.#again = false;
  }

  #takeTurn(): void {
    const { clock, log } = this.#options;
    const pass = this.#pass;
    if (pass === undefined) return;
    try {
      if (this.#stepsAreDone(pass)) this.#end(pass);
      else this.#turn = clock.after(pauseMs, () => this.#takeTurn());
    } catch (error) {
      log.error({ err: error }, 'what was invalidated cannot be removed from the cache; it is not given to anybody');
      this.#pass = undefined;
      this.#turn = clock.after(retryMs, () => this.sweep());
    }
  }

  #stepsAreDone({ steps }: Pass): boolean {
    const { clock } = this.#options;
    const endMs = clock.monotonicMs() + turnMs;
    for (let step = 0; step < turnSteps; step++) {
      const { done, value } = steps.next();
      if (done === true) return true;
      this.#droppedTotal += value;
      if (clock.monotonicMs() >= endMs) return false;
    }
    return false;
  }

  #end({ sequence, ripeSequence }: Pass): void {
    const { bans, clock, onForgotten, onSwept } = this.#options;
    this.#pass = undefined;
    if (ripeSequence !== undefined) {
      bans.forget(ripeSequence);
      onForgotten(ripeSequence);
    }
    onSwept(sequence);
    if (this.#again) this.#turn = clock.after(pauseMs, () => this.sweep());
  }
}
