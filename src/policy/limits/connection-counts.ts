/** Counts what each has at the same time, exactly: there is an entry for those only who have something. */
export class ConnectionCounts {
  readonly #counts = new Map<string, number>();
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  /** `false`: it would be one too many, and is not counted. */
  begin(holder: string): boolean {
    const count = this.#counts.get(holder) ?? 0;
    if (count >= this.#most) return false;
    this.#counts.set(holder, count + 1);
    return true;
  }

  /** To be called once for each that was counted. */
  end(holder: string): void {
    const count = this.#counts.get(holder) ?? 0;
    if (count <= 1) this.#counts.delete(holder);
    else this.#counts.set(holder, count - 1);
  }

  get holders(): number {
    return this.#counts.size;
  }
}
