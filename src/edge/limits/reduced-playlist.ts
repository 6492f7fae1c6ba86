import { withoutFields } from '../../formats/http-fields/field-lines.ts';
import { type VariantStream, variantStreams, withoutVariantStreams } from '../../formats/m3u8/variant-streams.ts';
import type { EgressCaps, Ladder, LadderRendition } from '../../policy/limits/egress-caps.ts';
import { streamOfPlaylist } from '../../policy/limits/viewings.ts';
import { folderOf } from '../../policy/request-target.ts';
import { CachedResponse } from '../edge-response.ts';
import { isPlaylistName, playlistText, textFields } from '../personal-playlist.ts';

interface KnownPlaylist {
  readonly ladder: Ladder;
  /** By how many renditions they lack. */
  readonly reduced: Map<number, CachedResponse>;
}

/** Of the playlists that were given: `undefined` for those without a ladder. */
const known = new WeakMap<CachedResponse, KnownPlaylist | undefined>();
/** Of another text, or for another time. */
const fieldsOfWhole: ReadonlySet<string> = new Set([
  ...textFields,
  'cache-control',
  'content-encoding',
  'etag',
  'expires',
]);

/**
 * The answer as viewers get it while renditions are withheld: a multivariant playlist without those, good for a second;
 * anything else as it is. What there is to withhold is learnt here, too. `path`: of the request, normalised.
 */
export function withoutWithheld(
  caps: EgressCaps,
  distribution: string,
  path: string,
  stored: CachedResponse,
  nowMs: number,
): CachedResponse {
  const { sliced, status } = stored.head;
  if (!isPlaylistName(path) || status !== 200 || sliced !== undefined) return stored;
  if (!known.has(stored)) known.set(stored, knownPlaylist(path, stored));
  const playlist = known.get(stored);
  if (playlist === undefined) return stored;
  const { ladder, reduced } = playlist;
  const stream = streamOfPlaylist(distribution, path);
  caps.noteLadder(stream, path, ladder, nowMs);
  const withheld = caps.withheld(stream, ladder, nowMs);
  if (withheld.length === 0) return stored;
  const before = reduced.get(withheld.length);
  if (before !== undefined) return before;
  const made = reducedPlaylist(stored, withheld);
  reduced.set(withheld.length, made);
  return made;
}

function knownPlaylist(path: string, stored: CachedResponse): KnownPlaylist | undefined {
  const variants = variantStreams(playlistText(stored.head, stored.body) ?? '');
  return variants.length < 2 ? undefined : { ladder: ladderOf(path, variants), reduced: new Map() };
}

function ladderOf(path: string, variants: readonly VariantStream[]): Ladder {
  const paths = variants.map(({ uri }) => pathOf(uri, path));
  return {
    renditions: variants.map(({ uri }, index) => {
      const own = paths[index];
      const folder = own === undefined ? undefined : folderOf(own);
      const isAlone =
        folder !== undefined &&
        !path.startsWith(folder) &&
        paths.every((other, at) => at === index || other?.startsWith(folder) !== true);
      return { uri, path: own, folder: isAlone ? folder : undefined };
    }),
  };
}

/** Where a URI of a playlist leads; `undefined`: to another site, or nowhere. */
function pathOf(uri: string, path: string): string | undefined {
  const here = 'http://this.invalid';
  const url = URL.parse(uri, `${here}${path}`);
  return url?.origin === here ? url.pathname : undefined;
}

function reducedPlaylist(stored: CachedResponse, withheld: readonly LadderRendition[]): CachedResponse {
  const { head } = stored;
  const text = playlistText(head, stored.body) ?? '';
  const fields = [...withoutFields(head.fields, fieldsOfWhole), 'Cache-Control', 'max-age=1'];
  const body = withoutVariantStreams(text, new Set(withheld.map(({ uri }) => uri)));
  return new CachedResponse({ ...head, fields }, Buffer.from(body, 'latin1'));
}
