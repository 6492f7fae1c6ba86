/** How long after the first playlist those of renditions that are made elsewhere are waited for. */
const completeMs = 3_000;

/** The renditions that the first multivariant playlist is to have, if they come soon. Times are monotonic. */
export class AwaitedRenditions {
  #names: () => readonly string[] = () => [];
  #playableFromMs: number | undefined;

  expect(names: () => readonly string[]): void {
    this.#names = names;
  }

  /** There is a playlist; since when is what counts. */
  playableFrom(ms: number): void {
    this.#playableFromMs ??= ms;
  }

  /** Whether all of them are listed. */
  areAmong(listed: readonly { readonly name: string }[]): boolean {
    const names = new Set(listed.map(({ name }) => name));
    return this.#names().every((name) => names.has(name));
  }

  /** For how long what is missing may be waited for. */
  leftMs(nowMs: number): number {
    return Math.max(0, (this.#playableFromMs ?? Infinity) + completeMs - nowMs);
  }
}
