import { formatContentRange } from '../http-fields/content-range.ts';

/** A body of several ranges (RFC 9110 §14.6), apart from the bytes of the ranges themselves. */
export interface MultipartByteranges {
  readonly contentType: string;
  /** What stands before the bytes of each range, in order. */
  readonly heads: readonly string[];
  /** What stands behind the last one. */
  readonly closing: string;
  /** Of all of it, with the bytes of the ranges. */
  readonly lengthBytes: number;
}

/**
 * Writes what stands around the ranges. `boundary` must not occur in the representation: a long random one of
 * bchars (RFC 2046 §5.1.1) does not. Without a content type, parts have none.
 */
export function multipartByteranges(
  ranges: readonly { readonly first: number; readonly last: number }[],
  representation: { readonly contentType: string | undefined; readonly lengthBytes: number },
  boundary: string,
): MultipartByteranges {
  const type = representation.contentType === undefined ? '' : `Content-Type: ${representation.contentType}\r\n`;
  const heads = ranges.map((range, i) => {
    const contentRange = formatContentRange({ kind: 'part', ...range, completeBytes: representation.lengthBytes });
    return `${i === 0 ? '' : '\r\n'}--${boundary}\r\n${type}Content-Range: ${contentRange}\r\n\r\n`;
  });
  const closing = `\r\n--${boundary}--\r\n`;
  // Fields are Latin-1 on the wire: a character is a byte.
  const framing = heads.reduce((sum, head) => sum + head.length, closing.length);
  return {
    contentType: `multipart/byteranges; boundary=${boundary}`,
    heads,
    closing,
    lengthBytes: ranges.reduce((sum, { first, last }) => sum + last - first + 1, framing),
  };
}
