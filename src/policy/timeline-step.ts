import type { Arrival, Track } from './timeline-track.ts';

/** A step of more than this is no longer a matter of frame durations, and tracks that are farther apart not of buffers. */
export const jumpMs = 3_000;
/** A track that has not come for longer while the others have gone on has been away. */
const awayMs = 1_000;
/** A track of which nothing has come for longer is not in step with anything. */
const aliveMs = 2_000;
/** Farther behind another no track goes on: time does not go back, so there is nothing to wait for. */
const farthestBehindMs = 4_000;

/** Whether a track that has jumped is back by so little that it may jitter. */
export function isStepBack({ track, publisherMs }: Arrival): boolean {
  const backMs = (track.placedMs ?? publisherMs) - publisherMs - track.clampMs;
  return backMs > 0 && backMs <= jumpMs;
}

/** Where what has come after a jump, or after a hole, goes on in the time of the others, on the publisher's clock. */
export function goesOnAtMs({ track, wallMs, besideMs: othersMs }: Arrival): number {
  const { placedMs = 0, besideMs, stepMs } = track;
  const nextMs = placedMs + stepMs;
  if (besideMs === undefined || othersMs === undefined) return nextMs;
  const goneOnMs = othersMs - besideMs;
  const wasAway = goneOnMs > jumpMs || (goneOnMs > awayMs && wallMs - track.placedWallMs > awayMs);
  if (!wasAway) return nextMs;
  // As far from them as it was; where one of them has been put right meanwhile, not far ahead of all.
  return Math.max(nextMs, Math.min(placedMs + goneOnMs, othersMs + awayMs));
}

/**
 * Where a track goes on that would be at `wantedMs` of the publisher's clock, and has come apart from the others bit by
 * bit while all of them are sent: no farther from another than a jump, if that is nearer to the wall clock than itself; of
 * several by that which is nearest. By one that is farther than itself two would drive each other on. `zeroWallMs` is the
 * wall clock where the publisher's is 0.
 */
export function inStepMs(
  { track, wallMs }: Arrival,
  wantedMs: number,
  tracks: Iterable<Track>,
  zeroWallMs: number,
): number {
  const aheadMs = wantedMs + zeroWallMs - wallMs;
  const leaders: { readonly farMs: number; readonly fromMs: number; readonly untilMs: number }[] = [];
  let leastMs = Number.NEGATIVE_INFINITY;
  for (const other of tracks) {
    const { placedMs } = other;
    if (other === track || placedMs === undefined || wallMs - other.heardWallMs > aliveMs) continue;
    leastMs = Math.max(leastMs, placedMs - farthestBehindMs);
    const fromMs = placedMs - jumpMs;
    // It is somewhere between where it was put and where it would be by now.
    const untilMs = placedMs + Math.max(0, wallMs - other.placedWallMs) + jumpMs;
    if (wantedMs >= fromMs && wantedMs <= untilMs) continue;
    const otherAheadMs = placedMs + zeroWallMs - other.placedWallMs;
    if (Math.abs(otherAheadMs) < Math.abs(aheadMs)) leaders.push({ farMs: Math.abs(otherAheadMs), fromMs, untilMs });
    // One that lags behind is not waited for, but the wall clock is.
    else if (aheadMs > 0 && otherAheadMs < 0 && wantedMs > untilMs) {
      leaders.push({ farMs: Math.abs(aheadMs), fromMs: Number.NEGATIVE_INFINITY, untilMs: wantedMs - aheadMs });
    }
  }
  leaders.sort((a, b) => b.farMs - a.farMs);
  const ledMs = leaders.reduce((ms, { fromMs, untilMs }) => Math.max(fromMs, Math.min(ms, untilMs)), wantedMs);
  return Math.max(ledMs, leastMs);
}
