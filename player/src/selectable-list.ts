/** A list of which one or none is selected, said by `change`: what media-chrome's menus are made of. */
export class SelectableList<Item> extends EventTarget implements Iterable<Item> {
  #items: readonly Item[] = [];
  #selectedIndex = -1;

  get length(): number {
    return this.#items.length;
  }

  /** −1 for none. */
  get selectedIndex(): number {
    return this.#selectedIndex;
  }

  set selectedIndex(index: number) {
    if (index === this.#selectedIndex) return;
    this.#selectedIndex = index;
    this.dispatchEvent(new Event('change'));
  }

  [Symbol.iterator](): Iterator<Item> {
    return this.#items[Symbol.iterator]();
  }

  /** Takes the place of all items and says nothing. */
  protected put(items: readonly Item[]): void {
    this.#items = items;
  }
}
