import { parseDeltaSeconds } from './delta-seconds.ts';
import { trimOws } from './list.ts';

/**
 * The Age of a response in seconds (RFC 9111 §5.1): the first member, digits only, saturating at 2^31. Absent or
 * anything else (`7200.0`, `-1`) counts as 0.
 */
export function parseAgeSeconds(values: readonly string[]): number {
  const [first = ''] = (values[0] ?? '').split(',', 1);
  return parseDeltaSeconds(trimOws(first)) ?? 0;
}
