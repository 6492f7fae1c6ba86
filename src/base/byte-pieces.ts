/** Bytes in pieces that stand one behind the other. */

/** In bytes. */
export function totalLength(pieces: readonly Uint8Array[]): number {
  let length = 0;
  for (const piece of pieces) length += piece.length;
  return length;
}

/** Copies them to where `at` is in `target`, which must have room. Returns where they end. */
export function setPieces(target: Uint8Array, at: number, pieces: readonly Uint8Array[]): number {
  let end = at;
  for (const piece of pieces) {
    target.set(piece, end);
    end += piece.length;
  }
  return end;
}

/** As one, in memory of its own. */
export function joined(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(totalLength(pieces));
  setPieces(whole, 0, pieces);
  return whole;
}
