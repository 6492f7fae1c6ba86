interface Piece {
  readonly bytes: number;
  readonly durationSeconds: number;
}

/** The bitrate of the media of one track, over the last seconds of media that came in: bytes and duration of each. */
export class MediaRate {
  readonly #windowSeconds: number;
  #pieces: Piece[] = [];

  constructor(windowSeconds: number) {
    this.#windowSeconds = windowSeconds;
  }

  /** A part or segment arrived. One without a duration (an initialisation segment) does not count. */
  add(bytes: number, durationSeconds: number): void {
    if (!(durationSeconds > 0) || !(bytes > 0)) return;
    this.#pieces.push({ bytes, durationSeconds });
    let sum = this.#seconds();
    for (;;) {
      const oldest = this.#pieces[0];
      if (oldest === undefined || sum - oldest.durationSeconds < this.#windowSeconds) return;
      this.#pieces.shift();
      sum -= oldest.durationSeconds;
    }
  }

  /** Undefined before the first piece. */
  get bitsPerSecond(): number | undefined {
    const seconds = this.#seconds();
    if (seconds === 0) return undefined;
    return (this.#pieces.reduce((sum, piece) => sum + piece.bytes, 0) * 8) / seconds;
  }

  #seconds(): number {
    return this.#pieces.reduce((sum, piece) => sum + piece.durationSeconds, 0);
  }
}
