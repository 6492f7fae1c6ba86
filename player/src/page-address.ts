/** What the address bar asks for: the library at `/`, a stream at `/?stream=NAME`. */
export type PageAddress =
  | { readonly page: 'library' }
  | {
      readonly page: 'watch';
      /** Name of the stream, as its publisher wrote it. */
      readonly stream: string;
    };

/** Reads the query of an address (`location.search`). An empty name is the library. */
export function pageAddress(search: string): PageAddress {
  const stream = new URLSearchParams(search).get('stream')?.trim() ?? '';
  return stream === '' ? { page: 'library' } : { page: 'watch', stream };
}

/** The address of a stream's watch view. */
export function watchHref(stream: string): string {
  return `/?${new URLSearchParams({ stream })}`;
}

/** Where a stream's multivariant playlist lies when the list of streams does not say. */
export function playlistPath(stream: string): string {
  return `/live/${encodeURIComponent(stream)}/index.m3u8`;
}
