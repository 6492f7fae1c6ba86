import { GhostList } from '../../policy/ghost-list.ts';
import type { DiskIndex, DiskQueue } from './disk-index.ts';

/** As in memory: what comes new has this share to show that it is used again. */
const smallShare = 0.1;
const rowsAtOnce = 16;
/** After so many further rounds in a row granted, the next goes all the same: a call has an end. */
const maxFurtherRounds = 256;

/** What the disk tier lets go when room is short: S3-FIFO, as `memory-cache.ts` has it, over the rows of the index. */
export class DiskEviction {
  readonly #isHeldAbove: (cacheKey: string) => boolean;
  readonly #removeFiles: (ids: readonly number[]) => void;
  readonly #ghosts = new GhostList();
  #evictions = 0;

  constructor(isHeldAbove: (cacheKey: string) => boolean, removeFiles: (ids: readonly number[]) => void) {
    this.#isHeldAbove = isHeldAbove;
    this.#removeFiles = removeFiles;
  }

  get evictions(): number {
    return this.#evictions;
  }

  /** Where a new key begins. */
  queueFor(cacheKey: string): DiskQueue {
    return this.#ghosts.take(cacheKey) ? 'main' : 'small';
  }

  /** Removes rows, and then their files, until there is room for so many bytes more. Throws as the index does. */
  makeRoom(index: DiskIndex, costBytes: number, limitBytes: number): void {
    this.#ghosts.fit(index.totals.objects);
    const boundBytes = Math.max(0, limitBytes - costBytes);
    let furtherRounds = 0;
    while (index.bytes > boundBytes && index.totals.objects > 0) {
      const evicted: number[] = [];
      index.transaction(() => {
        const queue = index.totals.smallBytes > boundBytes * smallShare ? 'small' : 'main';
        for (const candidate of index.oldest(queue, rowsAtOnce)) {
          if (index.bytes <= boundBytes) break;
          const held = this.#isHeldAbove(candidate.cacheKey);
          const earned = queue === 'small' ? candidate.visits > 1 : candidate.visits > 0;
          if ((held || earned) && furtherRounds < maxFurtherRounds) {
            furtherRounds++;
            const visits = queue === 'small' ? 0 : Math.max(0, candidate.visits - 1);
            index.requeue(candidate, queue, visits);
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
