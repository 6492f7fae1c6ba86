/** Larger values mean this one (RFC 9111 §1.2.2). */
export const maxDeltaSeconds = 2 ** 31;

/** delta-seconds (RFC 9111 §1.2.2): digits only, saturating at 2^31; `undefined` for anything else. */
export function parseDeltaSeconds(text: string): number | undefined {
  return /^\d+$/.test(text) ? Math.min(Number(text), maxDeltaSeconds) : undefined;
}
