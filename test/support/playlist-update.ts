import { type Attributes, type ParsedPlaylist, type ParsedSegment, parsePlaylist, quoted } from './parsed-playlist.ts';

/** EXTINF has five decimals; a segment that ends this near the boundary lies on either side of it. */
const boundaryToleranceSeconds = 0.01;

/** The whole playlist that a player makes of an update (rfc8216bis §6.3.7); throws when it cannot. */
export function mergeUpdate(base: ParsedPlaylist, update: ParsedPlaylist): ParsedPlaylist {
  if (update.skip === undefined) return update;
  const { segments: count, removedIds } = update.skip;
  const bySn = new Map(base.segments.map((segment) => [segment.msn, segment]));
  const skipped = Array.from({ length: count }, (_, index) => {
    const segment = bySn.get(update.mediaSequence + index);
    if (segment === undefined) throw new Error(`skips segment ${update.mediaSequence + index}, which was never seen`);
    return { ...segment, parts: [], mapUri: index === 0 ? segment.initUri : segment.mapUri };
  });
  return {
    ...update,
    skip: undefined,
    segments: [...skipped, ...update.segments],
    dateRanges: removedIds === undefined ? update.dateRanges : mergeDateRanges(base, update, removedIds),
  };
}

const idOf = (range: Attributes): string => quoted(range, 'ID') ?? '';

function mergeDateRanges(base: ParsedPlaylist, update: ParsedPlaylist, removedIds: readonly string[]): Attributes[] {
  const merged = new Map(base.dateRanges.map((range) => [idOf(range), range]));
  for (const id of removedIds) merged.delete(id);
  for (const range of update.dateRanges)
    merged.set(idOf(range), new Map([...(merged.get(idOf(range)) ?? []), ...range]));
  return [...merged.values()];
}

/** What two texts of one state must have in common, whether a tag is written or inherited. */
function comparable(playlist: ParsedPlaylist): string {
  const { text: _text, version: _version, dateRanges, segments, open, ...rest } = playlist;
  const bare = ({ mapUri: _mapUri, lateTags: _lateTags, ...segment }: ParsedSegment) => segment;
  return JSON.stringify({
    ...rest,
    segments: segments.map(bare),
    open: open && bare(open),
    dateRanges: dateRanges
      .map((range) =>
        [...range]
          .map(([name, value]) => `${name}=${value}`)
          .sort()
          .join(),
      )
      .sort(),
  });
}

/**
 * What is wrong with an update, given the whole playlist of the same state and one that was there before: nothing,
 * when both together are the whole playlist, and as much is left out as lies beyond the Skip Boundary.
 */
export function validateUpdate(base: ParsedPlaylist, updateText: string, whole: ParsedPlaylist): string[] {
  try {
    const update = parsePlaylist(updateText);
    const findings: string[] = [];
    const count = update.skip?.segments ?? 0;
    const [least, most] = [skippable(whole, boundaryToleranceSeconds), skippable(whole, -boundaryToleranceSeconds)];
    if (count < least || count > most) findings.push(`skips ${count} segments, ${least} lie beyond the Skip Boundary`);
    if (comparable(mergeUpdate(base, update)) !== comparable(whole)) {
      findings.push(`together with its base is not the whole playlist:\n${updateText}`);
    }
    return findings;
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}

function skippable(whole: ParsedPlaylist, toleranceSeconds: number): number {
  if (whole.ended) return 0;
  let behindSeconds = whole.open?.parts.reduce((sum, part) => sum + part.durationSeconds, 0) ?? 0;
  let kept = 0;
  for (const segment of whole.segments.toReversed()) {
    if (behindSeconds > whole.canSkipUntilSeconds + toleranceSeconds) break;
    behindSeconds += segment.durationSeconds;
    kept++;
  }
  return whole.segments.length - kept;
}
