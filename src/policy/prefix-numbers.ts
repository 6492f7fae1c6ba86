interface NumberedPrefix {
  readonly prefix: string;
  readonly sequence: number;
  /** The longest of the others that this one begins with. */
  readonly parent: NumberedPrefix | undefined;
}

/** Numbers for beginnings of texts. Asking takes a binary search, however many there are. */
export class PrefixNumbers {
  /** Sorted: whatever a text begins with stands directly before it, or is an ancestor of what does. */
  #sorted: readonly NumberedPrefix[] = [];

  get size(): number {
    return this.#sorted.length;
  }

  /** In place of the number that the prefix had. */
  set(prefix: string, sequence: number): void {
    this.#rebuild([...this.#sorted.filter((other) => other.prefix !== prefix), { prefix, sequence }]);
  }

  /** The largest number of a prefix that the text begins with; 0 if there is none. */
  largest(text: string): number {
    let found = 0;
    for (let candidate = this.#lastUpTo(text); candidate !== undefined; candidate = candidate.parent) {
      if (candidate.sequence > found && text.startsWith(candidate.prefix)) found = candidate.sequence;
    }
    return found;
  }

  deleteUpTo(sequence: number): void {
    this.#rebuild(this.#sorted.filter((other) => other.sequence > sequence));
  }

  #lastUpTo(text: string): NumberedPrefix | undefined {
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#sorted[middle]?.prefix ?? '') <= text) low = middle + 1;
      else high = middle;
    }
    return this.#sorted[low - 1];
  }

  #rebuild(numbered: readonly Pick<NumberedPrefix, 'prefix' | 'sequence'>[]): void {
    const sorted: NumberedPrefix[] = [];
    for (const { prefix, sequence } of numbered.toSorted((a, b) => (a.prefix < b.prefix ? -1 : 1))) {
      let parent = sorted.at(-1);
      while (parent !== undefined && !prefix.startsWith(parent.prefix)) parent = parent.parent;
      sorted.push({ prefix, sequence, parent });
    }
    this.#sorted = sorted;
  }
}
