import type { Clock } from '../base/clock.ts';

/** How long after the first playlist those of renditions that are made elsewhere are waited for. */
const completeMs = 3_000;

/** The renditions that the first multivariant playlist is to have, if they come soon. */
export class AwaitedRenditions {
  readonly #clock: Clock;
  readonly #listed: () => readonly { readonly name: string }[];
  #names: () => readonly string[] = () => [];
  #playableFromMs: number | undefined;

  /** `listed`: those that have a segment. */
  constructor(clock: Clock, listed: () => readonly { readonly name: string }[]) {
    this.#clock = clock;
    this.#listed = listed;
  }

  /** Names of what is coming. */
  expect(names: () => readonly string[]): void {
    this.#names = names;
  }

  /** There is a playlist; since when is what counts. */
  playable(): void {
    this.#playableFromMs ??= this.#clock.monotonicMs();
  }

  /** There has been one for long: nothing is waited for. */
  playableBefore(): void {
    this.#playableFromMs = -Infinity;
  }

  /** Every one of them has a segment. */
  get areListed(): boolean {
    const names = new Set(this.#listed().map(({ name }) => name));
    return this.#names().every((name) => names.has(name));
  }

  /** For how long what is missing may be waited for. */
  get leftMs(): number {
    return Math.max(0, (this.#playableFromMs ?? Infinity) + completeMs - this.#clock.monotonicMs());
  }
}
