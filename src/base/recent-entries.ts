/**
 * A table of bounded size whose least recently used entries go: two generations, of which the older one is dropped when
 * the younger is full. What is asked for again is in the younger, and most look-ups are one.
 */
export class RecentEntries<Value> {
  readonly #perGeneration: number;
  #younger = new Map<string, Value>();
  #older = new Map<string, Value>();

  /** At most twice `perGeneration` entries are held. */
  constructor(perGeneration: number) {
    this.#perGeneration = perGeneration;
  }

  get size(): number {
    return this.#younger.size + this.#older.size;
  }

  get(name: string): Value | undefined {
    const known = this.#younger.get(name);
    if (known !== undefined) return known;
    const older = this.#older.get(name);
    if (older !== undefined) {
      this.#older.delete(name);
      this.set(name, older);
    }
    return older;
  }

  set(name: string, value: Value): void {
    if (this.#younger.size >= this.#perGeneration && !this.#younger.has(name)) {
      this.#older = this.#younger;
      this.#younger = new Map();
    }
    this.#younger.set(name, value);
  }

  clear(): void {
    this.#younger.clear();
    this.#older.clear();
  }
}
