/** What the address bar asks for: the library at `/`, a stream at `/?stream=NAME`, with a grant behind it if need be. */
export type PageAddress =
  | { readonly page: 'library' }
  | {
      readonly page: 'watch';
      /** Name of the stream, as its publisher wrote it. */
      readonly stream: string;
      /** Parameters that let the viewer have its playlist, as they were written; empty where there are none. */
      readonly grant: string;
    };

/** Of a signed URL (docs/access.md). */
const grantParameter = /^(?:Expires|Policy|Signature|Key-Pair-Id|Hash-Algorithm)=/;

/** Reads the query of an address (`location.search`). An empty name is the library. */
export function pageAddress(search: string): PageAddress {
  const stream = new URLSearchParams(search).get('stream')?.trim() ?? '';
  if (stream === '') return { page: 'library' };
  const parameters = search.replace(/^\?/, '').split('&');
  return { page: 'watch', stream, grant: parameters.filter((text) => grantParameter.test(text)).join('&') };
}

/** The address of a stream's watch view. */
export function watchHref(stream: string): string {
  return `/?${new URLSearchParams({ stream })}`;
}

/** Where a stream's multivariant playlist lies when the list of streams does not say. */
export function playlistPath(stream: string): string {
  return `/live/${encodeURIComponent(stream)}/index.m3u8`;
}

/** A playlist, asked for with a grant. */
export function withGrant(playlist: string, grant: string): string {
  if (grant === '') return playlist;
  return `${playlist}${playlist.includes('?') ? '&' : '?'}${grant}`;
}
