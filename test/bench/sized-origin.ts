import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An origin that answers `/BYTES`, with anything behind it, with a body of that many bytes, to be cached for an hour. */
export async function startSizedOrigin(): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer((request, response) => {
    const bytes = Number(request.url?.split('/')[1]);
    if (!Number.isInteger(bytes) || bytes < 0 || bytes > 16 * 1_048_576) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, {
      'content-type': 'application/octet-stream',
      'content-length': bytes,
      'cache-control': 'public, max-age=3600',
      etag: `"${bytes}"`,
    });
    response.end(Buffer.alloc(bytes, 'streamfront '));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
