import type { IncomingMessage, ServerResponse } from 'node:http';

/** Bytes that are easy to make and hard to mistake: each byte depends on where it stands and on the seed. */
export function patternBytes(first: number, length: number, seed = 0): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let i = 0; i < length; i++) {
    const at = first + i;
    bytes[i] = (at ^ (at >>> 8) ^ ((at / 65_536) | 0) ^ (seed * 37)) & 0xff;
  }
  return bytes;
}

export interface TestFile {
  readonly lengthBytes: number;
  readonly etag: string;
  readonly seed?: number;
}

/** What a static file server does with GET, single ranges and If-Match. */
export function answerFile(
  request: IncomingMessage,
  response: ServerResponse,
  file: TestFile,
  fields: Record<string, string> = {},
): void {
  const { etag, lengthBytes, seed = 0 } = file;
  const head = {
    'Cache-Control': 'max-age=600',
    'Content-Type': 'video/mp4',
    'Accept-Ranges': 'bytes',
    ETag: etag,
    ...fields,
  };
  const ifMatch = request.headers['if-match'];
  if (ifMatch !== undefined && ifMatch !== etag) {
    response.writeHead(412, { ETag: etag }).end();
    return;
  }
  const match = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
  if (match === null) {
    response.writeHead(200, { ...head, 'Content-Length': lengthBytes });
    sendPattern(response, 0, lengthBytes, seed);
    return;
  }
  const first = Number(match[1]);
  const last = Math.min(match[2] === '' ? lengthBytes : Number(match[2]), lengthBytes - 1);
  response.writeHead(206, {
    ...head,
    'Content-Length': last - first + 1,
    'Content-Range': `bytes ${first}-${last}/${lengthBytes}`,
  });
  sendPattern(response, first, last + 1, seed);
}

/** At the pace at which it is read. */
export function sendPattern(
  response: ServerResponse,
  first: number,
  end: number,
  seed: number,
  pieceBytes = 65_536,
): void {
  let at = first;
  const go = (): void => {
    while (at < end && !response.destroyed) {
      const piece = patternBytes(at, Math.min(pieceBytes, end - at), seed);
      at += piece.length;
      if (!response.write(piece)) {
        response.once('drain', go);
        return;
      }
    }
    if (at >= end) response.end();
  };
  go();
}
