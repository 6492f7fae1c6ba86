import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';

/** Refusals with the same code have one line in this time: whoever asks again and again shall not fill the disk. */
const intervalMs = 10_000;

/** Writes refusals to the log, the first of each code at once, and counts those between two lines. */
export class RefusalLog {
  readonly #clock: Clock;
  readonly #log: Log;
  /** By code: there are as many as there are reasons. */
  readonly #seen = new Map<string, { count: number; loggedMs: number }>();

  constructor({ clock, log }: { readonly clock: Clock; readonly log: Log }) {
    this.#clock = clock;
    this.#log = log;
  }

  /** `sentence` begins with the code, and is that of this one refusal; `refused` in the line counts all since the start. */
  warn(code: string, fields: Readonly<Record<string, string>>, sentence: string): void {
    const nowMs = this.#clock.monotonicMs();
    const seen = this.#seen.get(code) ?? { count: 0, loggedMs: Number.NEGATIVE_INFINITY };
    this.#seen.set(code, seen);
    seen.count++;
    if (nowMs - seen.loggedMs < intervalMs) return;
    seen.loggedMs = nowMs;
    this.#log.warn({ code, ...fields, refused: seen.count }, sentence);
  }
}
