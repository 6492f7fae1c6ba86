import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

const blockBytes = 65_536;
const blocksAtOnce = 4;

/** Objects of any size that cost nothing to make: every 64 KiB begin with their own number. `/BYTES` names the length. */
export interface StampedOrigin extends AsyncDisposable {
  readonly port: number;
  /** What was asked for: the Range field, or `whole`. */
  readonly requests: readonly string[];
  readonly sentBytes: () => number;
}

/** Gives single ranges and honours If-Match, at the pace at which it is read. */
export async function startStampedOrigin(): Promise<StampedOrigin> {
  const requests: string[] = [];
  let sent = 0;
  const server = createServer((request, response) => {
    requests.push(request.headers.range ?? 'whole');
    answer(request, response, (bytes) => {
      sent += bytes;
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    sentBytes: () => sent,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function answer(request: IncomingMessage, response: ServerResponse, onSent: (bytes: number) => void): void {
  const length = Number(request.url?.slice(1));
  const match = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
  const first = Number(match?.[1] ?? 0);
  const end = Math.min(Number(match?.[2] ?? length - 1) + 1, length);
  response.writeHead(match === null ? 200 : 206, {
    'cache-control': 'public, max-age=3600',
    etag: `"${length}"`,
    'content-length': end - first,
    ...(match === null ? {} : { 'content-range': `bytes ${first}-${end - 1}/${length}` }),
  });
  let at = first;
  const go = (): void => {
    while (at < end && !response.destroyed) {
      const piece = stamped(at, end);
      at += piece.length;
      onSent(piece.length);
      if (!response.write(piece)) {
        response.once('drain', go);
        return;
      }
    }
    if (at >= end) response.end();
  };
  go();
}

/** A few blocks, from `first` on, not beyond `end`. */
function stamped(first: number, end: number): Buffer {
  const block = Math.floor(first / blockBytes);
  const bytes = Buffer.alloc(blocksAtOnce * blockBytes);
  for (let i = 0; i < blocksAtOnce; i++) bytes.writeDoubleBE(block + i, i * blockBytes);
  const skipped = first - block * blockBytes;
  return bytes.subarray(skipped, Math.min(bytes.length, skipped + end - first));
}

/** Reads a body that begins at `first` of a stamped object and throws at the first block that is not in its place. */
export class StampReader {
  #at: number;

  constructor(first: number) {
    this.#at = first;
  }

  /** The next byte that is expected. */
  get offset(): number {
    return this.#at;
  }

  read(bytes: Buffer): void {
    const skipped = (blockBytes - (this.#at % blockBytes)) % blockBytes;
    for (let i = skipped; i + 8 <= bytes.length; i += blockBytes) {
      const block = (this.#at + i) / blockBytes;
      if (bytes.readDoubleBE(i) !== block)
        throw new Error(`block ${bytes.readDoubleBE(i)} stands where ${block} belongs`);
    }
    this.#at += bytes.length;
  }
}
