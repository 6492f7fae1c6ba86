import { GhostList } from '../../policy/ghost-list.ts';
import type { DiskIndex, DiskQueue } from './disk-index.ts';

/** As in memory: what comes new has this share to show that it is used again. */
const smallShare = 0.1;
const rowsAtOnce = 16;
/** Far more than one write needs room for, and done in some milliseconds. */
const maxEvictionsAtOnce = 256;
/** After so many further rounds in a row granted, the next goes all the same: a call has an end. */
const maxFurtherRounds = 256;

/** What the disk tier lets go when room is short: S3-FIFO, as `memory-cache.ts` has it, over the rows of the index. */
export class DiskEviction {
  readonly #isUsedAbove: (cacheKey: string) => boolean;
  readonly #removeFiles: (ids: readonly number[]) => void;
  readonly #ghosts = new GhostList();
  #evictions = 0;

  constructor(isUsedAbove: (cacheKey: string) => boolean, removeFiles: (ids: readonly number[]) => void) {
    this.#isUsedAbove = isUsedAbove;
    this.#removeFiles = removeFiles;
  }

  get evictions(): number {
    return this.#evictions;
  }

  /** Where a new key begins. */
  queueFor(cacheKey: string): DiskQueue {
    return this.#ghosts.take(cacheKey) ? 'main' : 'small';
  }

  /**
   * Removes rows, and then their files, until there is room for so many bytes more, or so many have gone that the rest can
   * wait for another call. Throws as the index does.
   */
  makeRoom(index: DiskIndex, costBytes: number, limitBytes: number): void {
    this.#ghosts.fit(index.totals.objects);
    const boundBytes = Math.max(0, limitBytes - costBytes);
    const lastEviction = this.#evictions + maxEvictionsAtOnce;
    let furtherRounds = 0;
    while (index.bytes > boundBytes && index.totals.objects > 0 && this.#evictions < lastEviction) {
      const evicted: number[] = [];
      index.transaction(() => {
        const queue = index.totals.smallBytes > boundBytes * smallShare ? 'small' : 'main';
        for (const candidate of index.oldest(queue, rowsAtOnce)) {
          if (index.bytes <= boundBytes) break;
          const used = this.#isUsedAbove(candidate.cacheKey);
          // One use is enough here, in the small queue too: memory answers those that come close together.
          if ((used || candidate.visits > 0) && furtherRounds < maxFurtherRounds) {
            furtherRounds++;
            index.requeue(candidate, queue, queue === 'small' ? 0 : Math.max(0, candidate.visits - 1));
          } else {
            if (queue === 'small') this.#ghosts.add(candidate.cacheKey);
            index.remove([candidate.id]);
            evicted.push(candidate.id);
          }
        }
      });
      this.#evictions += evicted.length;
      this.#removeFiles(evicted);
    }
  }
}
