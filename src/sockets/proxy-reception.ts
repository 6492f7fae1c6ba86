import type { Socket } from 'node:net';
import { maxProxyHeaderBytes, readProxyHeader } from '../formats/proxy-protocol/proxy-header.ts';
import { tellRemoteEnd } from './remote-end.ts';

/** Proxies by address. */
export interface ProxyAddresses {
  has(address: string): boolean;
}

/** Whose word counts at a listener on whom a connection or a request is from. */
export interface TrustedProxies {
  readonly trusted: ProxyAddresses;
  /** From there each connection begins with a header of the PROXY protocol, and from nowhere else. */
  readonly proxyProtocol: boolean;
  /** A connection was closed for what it began with, or did not. */
  readonly onRefused: (refusal: ProxyOutcome & { kind: 'refused' }) => void;
}

/** How long who is to say whom a connection is from. */
export interface ProxyReception extends Pick<TrustedProxies, 'trusted'> {
  /** From the connection to the end of the header. */
  readonly deadlineMs: number;
  readonly after: (ms: number, action: () => void) => { cancel(): void };
}

export type ProxyOutcome =
  /** The connection is as if it had just come, from whom the header names. */
  | { readonly kind: 'ready' }
  /** It has been closed; `sentence` begins with the code. */
  | { readonly kind: 'refused'; readonly peer: string; readonly code: string; readonly sentence: string }
  /** It was closed by the other end, which had said nothing wrong. */
  | { readonly kind: 'left' };

/**
 * Takes the header of the PROXY protocol off a connection that has just been accepted. It has to be there where the other
 * end is trusted, and nowhere else: who could put one before a request could pretend to come from anywhere.
 */
export function receiveProxyHeader(
  socket: Socket,
  { trusted, deadlineMs, after }: ProxyReception,
  done: (outcome: ProxyOutcome) => void,
): void {
  const peer = socket.remoteAddress ?? '';
  const isTrusted = trusted.has(peer);
  let received: Buffer = Buffer.alloc(0);
  const leave = (outcome: ProxyOutcome): void => {
    timer.cancel();
    socket.off('readable', read);
    socket.off('end', left);
    socket.off('close', left);
    socket.off('error', ignoreError);
    if (outcome.kind === 'refused') {
      socket.on('error', ignoreError);
      socket.destroy();
    }
    done(outcome);
  };
  const refuse = (code: string, why: string): void =>
    leave({ kind: 'refused', peer, code, sentence: `${code}: ${why}` });
  const read = (): void => {
    const bytes = socket.read() as Buffer | null;
    if (bytes === null) return;
    received = received.length === 0 ? bytes : Buffer.concat([received, bytes]);
    const header = readProxyHeader(received.subarray(0, maxProxyHeaderBytes));
    if (header.kind === 'partial') return;
    if (header.kind === 'broken') {
      refuse('PROXY_HEADER_BROKEN', `what ${peer} begins its connection with is no PROXY header: ${header.reason}`);
    } else if (header.kind === 'absent' && isTrusted) {
      refuse('PROXY_HEADER_MISSING', `${peer} is a trusted proxy, but its connection begins without a PROXY header`);
    } else if (header.kind === 'whole' && !isTrusted) {
      refuse('PROXY_HEADER_UNTRUSTED', `${peer} sends a PROXY header, but is in none of edge.trustedProxies`);
    } else {
      const rest = header.kind === 'whole' ? received.subarray(header.lengthBytes) : received;
      if (header.kind === 'whole' && header.source !== undefined) tellRemoteEnd(socket, header.source);
      if (rest.length > 0) socket.unshift(rest);
      leave({ kind: 'ready' });
    }
  };
  const left = (): void => {
    socket.destroy();
    leave({ kind: 'left' });
  };
  const timer = after(deadlineMs, () =>
    refuse('PROXY_HEADER_TIMEOUT', `${peer} has not said within ${deadlineMs} ms for whom its connection is`),
  );
  socket.on('readable', read);
  socket.on('end', left);
  socket.on('close', left);
  socket.on('error', ignoreError);
}

function ignoreError(): void {
  // The connection broke: `close` follows.
}
