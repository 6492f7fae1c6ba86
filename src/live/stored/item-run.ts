import type { StoredCursor, StoredItem, StoredMedia } from '../../formats/media/stored-media.ts';
import type { ByteLanes } from './byte-lanes.ts';
import { ReadingRun } from './reading-run.ts';

/** The items of a file from a place on, which is found first. */
export class ItemRun {
  readonly #search: ReadingRun<StoredCursor>;
  #cursor: StoredCursor | undefined;
  #item: ReadingRun<StoredItem | undefined> | undefined;

  constructor(media: StoredMedia, fromMs: number) {
    this.#search = new ReadingRun(media.cursorAt(fromMs));
  }

  /**
   * The next one; `undefined` at the end of the file. `onFound` is called once, when the place is known: what comes behind
   * it is wanted too. Throws what the reading throws, or what the source failed with.
   */
  next(lanes: ByteLanes, onFound: (cursor: StoredCursor) => void): StoredItem | undefined | 'waiting' {
    if (this.#cursor === undefined) {
      const found = this.#search.advance(lanes);
      if (found.kind === 'waiting') return 'waiting';
      this.#cursor = found.value;
      onFound(found.value);
      lanes.readsOn = true;
    }
    this.#item ??= new ReadingRun(this.#cursor.next());
    const read = this.#item.advance(lanes);
    if (read.kind === 'waiting') return 'waiting';
    this.#item = undefined;
    return read.value;
  }
}
