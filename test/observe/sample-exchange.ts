import type { Exchange } from '../../src/observe/exchange.ts';

/** A small hit, and what is to be otherwise. */
export function sampleExchange(change: Partial<Exchange> = {}): Exchange {
  return {
    endedWallMs: 0,
    durationMs: 1,
    firstByteMs: 0,
    client: { address: '192.0.2.7', port: 1, tls: undefined },
    method: 'GET',
    target: '/a',
    fields: { host: 'a', referer: undefined, userAgent: undefined, forwardedFor: undefined },
    requestBytes: 10,
    requestId: 'id',
    status: 200,
    result: 'Hit',
    whole: true,
    sentBytes: 100,
    contentType: undefined,
    contentLength: '1',
    contentRange: undefined,
    ...change,
  };
}
