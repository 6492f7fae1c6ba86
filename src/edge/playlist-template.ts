import { childUris } from '../formats/m3u8/child-uris.ts';
import { tokenParameter } from '../policy/grants/carried-grant.ts';
import { parseRequestTarget } from '../policy/request-target.ts';

/** A playlist without the tokens that viewers get in it: with one between each two pieces it is that viewer's. */
export type PlaylistTemplate = readonly string[];

/** Where a playlist came from, and what gets tokens in it. */
interface TemplateRule {
  readonly url: string;
  /** By its path, normalised. */
  readonly isWanted: (path: string) => boolean;
}

/** Finds where tokens go in the text of a playlist. Only what lies on the same site may get one: it is nobody else's to see. */
export function playlistTemplate(text: string, { url, isWanted }: TemplateRule): PlaylistTemplate {
  const pieces: string[] = [];
  let last = 0;
  for (const { uri, at, hasQuery } of childUris(text)) {
    const path = pathOnSite(uri, url);
    if (path === undefined || !isWanted(path)) continue;
    pieces.push(`${text.slice(last, at)}${hasQuery ? '&' : '?'}${tokenParameter}=`);
    last = at;
  }
  return [...pieces, text.slice(last)];
}

/** `undefined` for what lies elsewhere, or nobody can tell where. */
function pathOnSite(uri: string, url: string): string | undefined {
  const resolved = uri.includes('{$') || !URL.canParse(uri, url) ? undefined : new URL(uri, url);
  if (resolved === undefined || resolved.origin !== new URL(url).origin) return undefined;
  const target = parseRequestTarget(resolved.pathname);
  return target.kind === 'resource' ? target.path : undefined;
}
