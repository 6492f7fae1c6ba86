import type { CacheVerdict } from './cache-verdicts.ts';
import { element } from './element.ts';

/** The last responses as a row of marks, the newest at the right: what the cache had and what it had not. */
export class VerdictStrip {
  readonly root = element('div', { class: 'verdict-strip', 'aria-hidden': 'true' });
  #shown: readonly CacheVerdict[] = [];

  show(verdicts: readonly CacheVerdict[]): void {
    if (verdicts === this.#shown) return;
    this.#shown = verdicts;
    this.root.replaceChildren(...verdicts.map((verdict) => element('i', { class: verdict })));
  }
}
