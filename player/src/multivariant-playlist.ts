/**
 * The URI of the variant with the smallest BANDWIDTH that has video, in a multivariant playlist (rfc8216bis §4.4.6.2).
 * Undefined when there is none: an audio-only stream, or a text that is no multivariant playlist.
 */
export function smallestVideoVariant(playlist: string): string | undefined {
  const lines = playlist.split(/\r?\n/);
  let smallest: { readonly bandwidth: number; readonly uri: string } | undefined;
  for (const [index, line] of lines.entries()) {
    if (!line.startsWith('#EXT-X-STREAM-INF:')) continue;
    const attributes = line.slice('#EXT-X-STREAM-INF:'.length);
    const uri = lines.slice(index + 1).find((next) => next !== '' && !next.startsWith('#'));
    const bandwidth = Number(/(?:^|,)BANDWIDTH=(\d+)/.exec(attributes)?.[1] ?? Number.NaN);
    const hasVideo = /(?:^|,)RESOLUTION=/.test(attributes);
    if (uri === undefined || Number.isNaN(bandwidth) || !hasVideo) continue;
    if (smallest === undefined || bandwidth < smallest.bandwidth) smallest = { bandwidth, uri };
  }
  return smallest?.uri;
}
