import { unknowableAfterKill, validateMediaPlaylists } from './playlist-validator.ts';

/** The text of a media playlist, each time it had changed, in order; for each rendition. */
export type PlaylistHistory = ReadonlyMap<string, readonly string[]>;

/** The first segment that it writes out, and the one that its next part belongs to. */
function span(playlist: string): { readonly first: number; readonly open: number } {
  const mediaSequence = Number(/^#EXT-X-MEDIA-SEQUENCE:(\d+)/m.exec(playlist)?.[1] ?? 0);
  const first = mediaSequence + Number(/SKIPPED-SEGMENTS=(\d+)/.exec(playlist)?.[1] ?? 0);
  return { first, open: first + (playlist.match(/^#EXTINF:/gm) ?? []).length };
}

/** The next part that a playlist does not hold yet, as a blocking reload asks for it (rfc8216bis §6.2.5.2). */
function nextPart(playlist: string): string {
  const afterLastSegment = playlist.slice(playlist.lastIndexOf('#EXTINF:'));
  const parts = (afterLastSegment.match(/^#EXT-X-PART:/gm) ?? []).length;
  return `_HLS_msn=${span(playlist).open}&_HLS_part=${parts}`;
}

/**
 * Follows the renditions of a stream with blocking reloads until each has ended, so that no state of a playlist is
 * missed as long as the server answers at once; every other one is an update (EXT-X-SKIP) where there is one. `url` is
 * the stream's folder. Throws when a playlist was not as it must be; `isKilled`: for an origin that is killed meanwhile.
 */
export async function recordPlaylists(
  url: string,
  renditions: readonly string[],
  deadlineMs = 90_000,
  isKilled = false,
): Promise<PlaylistHistory> {
  const histories = await Promise.all(
    renditions.map(async (rendition) => {
      const history: string[] = [];
      let query = '';
      const deadline = performance.now() + deadlineMs;
      while (performance.now() < deadline) {
        const answer = await fetch(`${url}/${rendition}${query}`);
        const text = await answer.text();
        // 503: nothing new within the server's deadline; 404 before the stream exists.
        if (answer.status !== 200) {
          await new Promise((resolve) => setTimeout(resolve, 50));
          continue;
        }
        const before = history.at(-1);
        if (text.includes('#EXT-X-SKIP:') && span(text).first > span(before ?? '').open) {
          // The stream went on faster than it was followed: only the whole playlist helps (rfc8216bis §6.3.7).
          query = '';
          continue;
        }
        if (text !== before) history.push(text);
        if (text.includes('#EXT-X-ENDLIST')) return [rendition, history] as const;
        query = `?${nextPart(text)}${history.length % 2 === 0 ? '' : '&_HLS_skip=v2'}`;
      }
      throw new Error(`${rendition} did not end; ${history.length} states were seen`);
    }),
  );
  const history = new Map(histories);
  const findings = validateMediaPlaylists(history).filter(
    (finding) => !(isKilled && unknowableAfterKill.test(finding)),
  );
  if (findings.length > 0) throw new Error(`the playlists break rules:\n${findings.slice(0, 20).join('\n')}`);
  return history;
}
