import type { AccessUnit } from '../formats/media/access-unit.ts';
import { trackNumber } from '../formats/media/track.ts';
import { timestampDistanceMs } from './timeline-unwrap.ts';

/** How long the set of tracks stays open after the first access unit. */
const gatherMs = 1_000;
const gatherUnits = 1_000;

/** The first access units of a publication, which wait until it is known what tracks it has. */
export class TrackGathering {
  readonly #units: { readonly unit: AccessUnit; readonly wallMs: number }[] = [];

  /** In the order in which they came. */
  get units(): readonly { readonly unit: AccessUnit; readonly wallMs: number }[] {
    return this.#units;
  }

  /** The numbers of the tracks of which something has come. */
  get sent(): ReadonlySet<number> {
    return new Set(this.#units.map(({ unit }) => trackNumber(unit)));
  }

  add(unit: AccessUnit, wallMs: number): void {
    this.#units.push({ unit, wallMs });
  }

  /** Pictures and sound have come, and something of every track that is `configured`; or a second has gone by. */
  isComplete(configured: Iterable<number>): boolean {
    const first = this.#units[0];
    const last = this.#units.at(-1);
    if (first === undefined || last === undefined) return false;
    if (
      this.#units.length >= gatherUnits ||
      Math.abs(timestampDistanceMs(first.unit.timestampMs, last.unit.timestampMs)) >= gatherMs
    )
      return true;
    const { sent } = this;
    return this.#units.some(({ unit }) => unit.kind !== first.unit.kind) && [...configured].every((n) => sent.has(n));
  }
}
