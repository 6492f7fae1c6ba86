/** A rendition of a multivariant playlist that players choose by its bandwidth. */
export interface VariantStream {
  /** As the playlist has it. */
  readonly uri: string;
  /** The largest that it is listed with, in bits a second. */
  readonly bandwidth: number;
}

const streamTag = '#EXT-X-STREAM-INF:';

/** The variant streams of a multivariant playlist (rfc8216bis §4.4.6.2), each once, the largest first; none in any other text. */
export function variantStreams(text: string): readonly VariantStream[] {
  const largest = new Map<string, number>();
  for (const { uri, bandwidth } of listed(text)) largest.set(uri, Math.max(bandwidth, largest.get(uri) ?? 0));
  return [...largest].map(([uri, bandwidth]) => ({ uri, bandwidth })).sort((a, b) => b.bandwidth - a.bandwidth);
}

/** The playlist without what leads to these. */
export function withoutVariantStreams(text: string, uris: ReadonlySet<string>): string {
  const lines = text.split('\n');
  const dropped = new Set<number>();
  for (const { uri, tagLine, uriLine } of listed(text)) {
    if (!uris.has(uri)) continue;
    dropped.add(tagLine);
    dropped.add(uriLine);
  }
  return lines.filter((_, index) => !dropped.has(index)).join('\n');
}

function listed(text: string) {
  const found: { uri: string; bandwidth: number; tagLine: number; uriLine: number }[] = [];
  if (!text.startsWith('#EXTM3U')) return found;
  let tag: { readonly bandwidth: number; readonly line: number } | undefined;
  text.split('\n').forEach((written, line) => {
    const trimmed = written.trim();
    if (trimmed.startsWith(streamTag)) {
      const [, digits = '0'] = /[:,]BANDWIDTH=(\d{1,15})/.exec(trimmed) ?? [];
      tag = { bandwidth: Number(digits), line };
    } else if (tag !== undefined && trimmed !== '' && !trimmed.startsWith('#')) {
      found.push({ uri: trimmed, bandwidth: tag.bandwidth, tagLine: tag.line, uriLine: line });
      tag = undefined;
    }
  });
  return found;
}
