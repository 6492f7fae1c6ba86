import { withOwnData } from '../base/own-copies.ts';
import type { AccessUnit } from '../formats/media/access-unit.ts';
import { isPictureNumber, trackNumber } from '../formats/media/track.ts';
import { jumpMs } from './timeline-step.ts';
import { timestampDistanceMs } from './timeline-unwrap.ts';

/** How much media a publisher may send before it is certain that it has only pictures, or only sound. */
const gatherMs = 1_000;
/**
 * How long pictures are waited for that are announced by a configuration, by the wall clock: an encoder that copies from
 * the midst of a GOP (`ffmpeg -c copy` of a camera) sends sound of seconds at once, and then its first keyframe.
 */
const announcedPicturesWaitMs = 5_000;
/** How much sound is kept while no picture has come: what is older will not be heard with the first. */
const keptSoundMs = 1_500;
const gatherUnits = 1_000;

interface Gathered {
  readonly unit: AccessUnit;
  readonly wallMs: number;
  /** How much media had come by then, by the clock of its own track. */
  readonly atMs: number;
}

/** The first access units of a publication, which wait until it is known what tracks it has. */
export class TrackGathering {
  #units: Gathered[] = [];
  #first: Gathered | undefined;
  #hasPictures = false;
  /** By number. */
  readonly #newest = new Map<number, Gathered>();

  /** In the order in which they came. */
  get units(): readonly Gathered[] {
    return this.#units;
  }

  /** The numbers of the tracks of which something has come. */
  get sent(): ReadonlySet<number> {
    return new Set(this.#units.map(({ unit }) => trackNumber(unit)));
  }

  add(unit: AccessUnit, wallMs: number): void {
    const arrival = { unit: withOwnData(unit), wallMs, atMs: this.#atMs(unit, wallMs) };
    this.#newest.set(trackNumber(unit), arrival);
    this.#first ??= arrival;
    this.#units.push(arrival);
    this.#hasPictures ||= unit.kind === 'video';
    if (!this.#hasPictures) this.#forgetSoundBefore(arrival.atMs - keptSoundMs);
  }

  /** Pictures and sound have come, and something of every track that is `configured`; or it has been waited long enough. */
  isComplete(configured: Iterable<number>): boolean {
    const [first, last] = [this.#first, this.#units.at(-1)];
    if (first === undefined || last === undefined) return false;
    if (this.#units.length >= gatherUnits) return true;
    const { sent } = this;
    const missing = [...configured].filter((track) => !sent.has(track));
    if (missing.some(isPictureNumber)) return last.wallMs - first.wallMs >= announcedPicturesWaitMs;
    if (last.atMs >= gatherMs) return true;
    return missing.length === 0 && this.#units.some(({ unit }) => unit.kind !== first.unit.kind);
  }

  /** Where timestamps jump, there is as much media as time that has gone by. */
  #atMs(unit: AccessUnit, wallMs: number): number {
    const before = this.#newest.get(trackNumber(unit));
    if (before === undefined) return this.#units.at(-1)?.atMs ?? 0;
    const stepMs = timestampDistanceMs(before.unit.timestampMs, unit.timestampMs);
    return before.atMs + (Math.abs(stepMs) > jumpMs ? wallMs - before.wallMs : stepMs);
  }

  #forgetSoundBefore(fromMs: number): void {
    const from = this.#units.findIndex(({ atMs }) => atMs >= fromMs);
    if (from > 0) this.#units = this.#units.slice(from);
  }
}
