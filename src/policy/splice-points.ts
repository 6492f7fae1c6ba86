/** More than may be announced at a time; the earliest leave. */
const maxPoints = 64;

/** Instants of media time, in seconds, at which something else is to be shown: segments end there if they can. */
export class SplicePoints {
  #points: number[] = [];

  add(seconds: number): void {
    if (this.#points.includes(seconds)) return;
    this.#points = [...this.#points, seconds].sort((a, b) => a - b).slice(-maxPoints);
  }

  /** Whether there is one behind `fromSeconds` and up to `untilSeconds`. */
  liesBetween(fromSeconds: number, untilSeconds: number): boolean {
    return this.#points.some((seconds) => seconds > fromSeconds && seconds <= untilSeconds);
  }

  forgetBefore(seconds: number): void {
    if ((this.#points[0] ?? Infinity) < seconds) this.#points = this.#points.filter((point) => point >= seconds);
  }
}
