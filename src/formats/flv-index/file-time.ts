/** Encoders let timestamps wrap at 2^31 or at 2^32: what is left of a difference in both cases. */
const wrapMs = 0x8000_0000;

/** Tracks that are not quite in step begin this much before the first tag at most. */
const maxLeadMs = 3_600_000;

/**
 * Milliseconds from the beginning of a file whose first timestamp is `baseMs`, for files of up to 24 days. What lies a
 * little before the first tag is at the beginning.
 */
export function fileTimeMs(timestampMs: number, baseMs: number): number {
  const elapsedMs = (timestampMs - baseMs) & (wrapMs - 1);
  return elapsedMs >= wrapMs - maxLeadMs ? 0 : elapsedMs;
}
