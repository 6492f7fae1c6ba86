/** Further apart than this, two timestamps are suspected to stand on either side of a wrap. */
const plausibleMs = 10_000;

/**
 * How far `timestampMs` lies from `previousMs`, both unsigned 32-bit counts of milliseconds from the wire. Servers
 * wrap at 2^32, OBS and ffmpeg at 2^31: where the distance is huge, both are tried and the one that lands within 10 s
 * is taken. A distance that no wrap explains is given as it is, for the timeline to judge.
 */
export function timestampDistanceMs(previousMs: number, timestampMs: number): number {
  const distance = (timestampMs - previousMs) | 0; // modulo 2^32, signed
  if (Math.abs(distance) <= plausibleMs) return distance;
  for (const wrapped of [distance + 2 ** 31, distance - 2 ** 31]) {
    if (Math.abs(wrapped) <= plausibleMs) return wrapped;
  }
  return distance;
}
