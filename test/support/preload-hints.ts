import { type ParsedPlaylist, type ParsedSegment, parsePlaylist } from './parsed-playlist.ts';

/** At most one, of the next part of the open segment, or of the first of the segment after it, which may get no other. */
export function checkHints(
  playlist: ParsedPlaylist,
  listed: readonly string[],
  report: (finding: string) => void,
): void {
  const { preloadHintUris, ended } = playlist;
  if (preloadHintUris.length > 1) report('there is more than one PRELOAD-HINT');
  const { msn, part } = liveEnd(playlist);
  const next = part === 0 ? [`${msn}.0.m4s`] : [`${msn}.${part}.m4s`, `${msn + 1}.0.m4s`];
  for (const uri of preloadHintUris) {
    if (listed.includes(uri)) report(`PRELOAD-HINT names ${uri}, which is there already`);
    // An address may carry a grant.
    else if (!next.some((name) => uri.split('?')[0]?.endsWith(`/${name}`)))
      report(`PRELOAD-HINT names ${uri}, not ${next.join(' or ')}`);
    if (ended) report('PRELOAD-HINT after the end');
  }
}

/** The first part that is there behind the live end of a state before; `undefined` while there is none. */
export function partAfter(before: ParsedPlaylist, after: ParsedPlaylist): string | undefined {
  const { msn, part } = liveEnd(before);
  const next = segmentAt(after, msn)?.parts[part] ?? segmentAt(after, msn + 1)?.parts[0];
  return next?.uri;
}

/**
 * Hints at what did not come next, in words. None of them is forbidden: a segment may end early, or go on (rfc8216bis §6.2.6).
 * `texts`: every state of a playlist, in order.
 */
export function misleadingHints(texts: readonly string[]): string[] {
  const states = texts.map(parsePlaylist);
  return states.flatMap((state, index) => {
    const [hint] = state.preloadHintUris;
    if (hint === undefined) return [];
    for (const after of states.slice(index + 1)) {
      const came = partAfter(state, after);
      if (came !== undefined)
        return came === hint ? [] : [`state ${index}: PRELOAD-HINT named ${hint}, but ${came} came`];
    }
    return [];
  });
}

/** Numbers of the next part, if the open segment gets another. */
function liveEnd({ mediaSequence, segments, open }: ParsedPlaylist): { readonly msn: number; readonly part: number } {
  const lastMsn = segments.at(-1)?.msn ?? mediaSequence - 1;
  return { msn: lastMsn + 1, part: open?.parts.length ?? 0 };
}

function segmentAt({ segments, open }: ParsedPlaylist, msn: number): ParsedSegment | undefined {
  return segments[msn - (segments[0]?.msn ?? msn)] ?? (open?.msn === msn ? open : undefined);
}
