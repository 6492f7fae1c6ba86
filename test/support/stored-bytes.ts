import type { Reading, StoredCursor, StoredItem } from '../../src/formats/media/stored-media.ts';

/**
 * A file in memory that answers readings, counts what they ask for, and spoils what it has given as soon as something
 * else is asked for: whoever keeps a view of it is found out.
 */
export class StoredBytes {
  readonly bytes: Uint8Array;
  requests = 0;
  readBytes = 0;
  #given = new Uint8Array(0);

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** Runs to the end. */
  read<Result>(reading: Reading<Result>): Result {
    let step = reading.next();
    while (step.done !== true) {
      const { from, to } = step.value;
      if (!(Number.isSafeInteger(from) && Number.isSafeInteger(to) && from >= 0 && from < to)) {
        throw new RangeError(`asked for bytes ${from} to ${to}`);
      }
      this.requests++;
      this.readBytes += Math.max(0, Math.min(to, this.bytes.length) - from);
      this.#given.fill(0xee);
      this.#given = this.bytes.slice(from, to);
      step = reading.next(this.#given);
    }
    return step.value;
  }

  /** What comes from a place on, with copies of the data. */
  *items(cursor: StoredCursor): Generator<StoredItem, void, undefined> {
    for (;;) {
      const item = this.read(cursor.next());
      if (item === undefined) return;
      yield item.kind === 'unit' ? { kind: 'unit', unit: { ...item.unit, data: item.unit.data.slice() } } : item;
    }
  }
}
