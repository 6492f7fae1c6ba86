import type { AccessUnit } from '../formats/media/access-unit.ts';
import { trackNumber } from '../formats/media/track.ts';

/** Each time that tracks join costs a discontinuity: a publisher that adds one after the other has one this often at most. */
const leastApartMs = 10_000;
/** What has sent nothing for so long is over again. */
const recentMs = 1_000;

/** The tracks of a publication of which nothing had come when its run of time began. */
export class LateTracks {
  /** When something of each came last, by number. */
  readonly #heardWallMs = new Map<number, number>();
  #joinedWallMs = -Infinity;

  /** A publication begins, or is over. */
  clear(): void {
    this.#heardWallMs.clear();
    this.#joinedWallMs = -Infinity;
  }

  /** Something of it has come. */
  note(track: number, wallMs: number): void {
    this.#heardWallMs.set(track, wallMs);
  }

  /**
   * Those that join the `running` ones with this unit, by number; empty when none do. That is with a keyframe of the track
   * that leads then: pictures of others could be shown only from there on.
   */
  joiningWith(unit: AccessUnit, running: Iterable<number>, wallMs: number): readonly number[] {
    if (this.#heardWallMs.size === 0 || wallMs - this.#joinedWallMs < leastApartMs) return [];
    if (unit.kind === 'video' && !unit.keyframe) return [];
    const joining = [...this.#heardWallMs]
      .filter(([, heardWallMs]) => wallMs - heardWallMs <= recentMs)
      .map(([track]) => track);
    if (joining.length === 0 || trackNumber(unit) !== Math.min(...running, ...joining)) return [];
    this.#joinedWallMs = wallMs;
    for (const track of joining) this.#heardWallMs.delete(track);
    return joining;
  }
}
