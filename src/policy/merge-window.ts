/** How long what a stream sends is gathered, so that a player gets it in one write: the system call is the cost. */
export type MergeWindow = 'adaptive' | number;

/** No viewer sees 20 ms, and it halves the cost. */
const longestAdaptiveMs = 20;

/** As many players as a small part of a processor serves with every access unit as it comes. */
const playersAtOnce = 50;

/** From there on, so many further players are worth another millisecond. */
const playersPerMs = 20;

/**
 * The window in milliseconds, 0 for at once. The adaptive one grows with `players`, those of the whole role: it is the
 * processor that they share.
 */
export function mergeWindowMs(window: MergeWindow, players: number): number {
  if (window !== 'adaptive') return window;
  const beyond = Math.max(0, players - playersAtOnce);
  return Math.min(longestAdaptiveMs, Math.floor(beyond / playersPerMs));
}
