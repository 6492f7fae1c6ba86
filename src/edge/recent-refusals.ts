import type { Clock } from '../base/clock.ts';
import type { PlayRefused } from '../live/play-gate.ts';

/** How long an origin's no counts for those who ask after it: short, for the stream may begin at any moment. */
const rememberedMs = 1_000;

const maxRemembered = 10_000;

/** What was refused a moment ago, so that a stampede on an unknown name reaches the origin once a second at most. */
export class RecentRefusals {
  readonly #clock: Clock;
  /** The oldest first. */
  readonly #refusals = new Map<string, { readonly refusal: PlayRefused; readonly atMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get(streamKey: string): PlayRefused | undefined {
    const found = this.#refusals.get(streamKey);
    if (found === undefined) return undefined;
    if (this.#clock.monotonicMs() - found.atMs < rememberedMs) return found.refusal;
    this.#refusals.delete(streamKey);
    return undefined;
  }

  /** The first answer counts: whoever waited for it as well does not prolong it. */
  set(streamKey: string, refusal: PlayRefused): void {
    if (this.get(streamKey) !== undefined) return;
    const nowMs = this.#clock.monotonicMs();
    for (const [oldKey, { atMs }] of this.#refusals) {
      if (nowMs - atMs < rememberedMs && this.#refusals.size < maxRemembered) break;
      this.#refusals.delete(oldKey);
    }
    this.#refusals.set(streamKey, { refusal, atMs: nowMs });
  }
}
