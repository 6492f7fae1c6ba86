/** Below this the viewer's clock is taken as right: a `Date` field has whole seconds only. */
const trustedMs = 1500;
const samplesKept = 60;

/**
 * How far the server's clock is ahead of the viewer's, from the `Date` and `Age` fields of responses (RFC 9110 §6.6.1,
 * RFC 9111 §5.1). `Date` is cut off to the second and has travelled, so each sample is up to a second and a half too
 * low and the largest of many is the truest.
 */
export class ClockOffset {
  #samplesMs: number[] = [];

  add(date: string | null, age: string | null, receivedWallMs: number): void {
    const dateMs = Date.parse(date ?? '');
    const ageSeconds = Number(age ?? 0);
    if (Number.isNaN(dateMs) || !Number.isFinite(ageSeconds)) return;
    this.#samplesMs = [...this.#samplesMs, dateMs + ageSeconds * 1000 - receivedWallMs].slice(-samplesKept);
  }

  /** To be added to the viewer's clock; 0 where both agree as far as can be told. */
  get offsetMs(): number {
    if (this.#samplesMs.length === 0) return 0;
    const largest = Math.max(...this.#samplesMs);
    return Math.abs(largest) < trustedMs ? 0 : largest;
  }
}
