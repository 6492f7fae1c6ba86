/** A text without its percent-encoding (RFC 3986 §2.1), read as UTF-8; `undefined` where that cannot be read. */
export function percentDecoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
