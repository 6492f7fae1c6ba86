import { parseAgeSeconds } from '../formats/http-fields/age.ts';
import { type FieldLines, fieldValues } from '../formats/http-fields/field-lines.ts';
import { parseHttpDate } from '../formats/http-fields/http-date.ts';
import type { CachePolicy } from './cache-policy.ts';

/** When a response came. The monotonic clock counts how long it has been here; the wall clock is only compared with its Date. */
export interface ResponseTiming {
  readonly requestedMonotonicMs: number;
  readonly receivedMonotonicMs: number;
  readonly receivedWallMs: number;
}

/** How old a response was when it came: corrected_initial_age (RFC 9111 §4.2.3), to the letter or as live playlists need it. */
export function initialAgeMs(fields: FieldLines, timing: ResponseTiming, policy: CachePolicy): number {
  const ageMs = parseAgeSeconds(fieldValues(fields, 'age')) * 1_000;
  const dateMs = parseHttpDate(fieldValues(fields, 'date')[0] ?? '', timing.receivedWallMs);
  const delayMs = timing.receivedMonotonicMs - timing.requestedMonotonicMs;
  const apparentAgeMs = dateMs === undefined ? 0 : Math.max(0, timing.receivedWallMs - dateMs);
  return policy.name === 'standards'
    ? Math.max(apparentAgeMs, ageMs + delayMs)
    : liveAgeMs(ageMs, dateMs === undefined ? undefined : apparentAgeMs, delayMs);
}

/**
 * Two departures, both because live playlists have lifetimes of a second.
 *
 * Date has a resolution of a second: what was cut off is not counted, or a playlist with `max-age=1` would on average
 * be stale half a second after it was made.
 *
 * The RFC adds the response delay to Age, as if the response had been made when the request left. A blocked playlist
 * reload is made at the end of its delay: counted as age, the time of waiting would make players ask ahead of the
 * live edge. Date says when the response was made, so the delay counts only where there is no Date.
 */
function liveAgeMs(ageMs: number, apparentAgeMs: number | undefined, delayMs: number): number {
  return apparentAgeMs === undefined ? ageMs + delayMs : Math.max(ageMs, apparentAgeMs - 999, 0);
}
