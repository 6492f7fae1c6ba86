import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { ipAddressText, parseIpAddress } from '../base/ip-address.ts';
import type { ProxyAddresses } from '../sockets/proxy-reception.ts';
import { HttpLane } from './http-lane.ts';
import { type Peer, peerOf } from './peer.ts';

/** More proxies than this are not in a row. */
const maxHops = 32;

/** Connections of proxies whose X-Forwarded-For counts, with all such proxies. */
const forwarding = new WeakMap<Duplex, ProxyAddresses>();

/** From here on X-Forwarded-For counts for what comes on this connection, if it is that of one of these proxies. */
export function trustForwarded(connection: Duplex, trusted: ProxyAddresses): void {
  if (trusted.has(peerOf(connection).address ?? '')) forwarding.set(connection, trusted);
}

/** The proxies whose word counts on this connection; `undefined`: nobody's. */
export function trustedForwarders(connection: Duplex): ProxyAddresses | undefined {
  return forwarding.get(connection instanceof HttpLane ? connection.socket : connection);
}

/** Who asks: the one whom limits, grants and logs are about. To be asked while the connection stands. */
export function viewerOf({ socket, headers }: Pick<IncomingMessage, 'socket' | 'headers'>): Peer {
  const trusted = trustedForwarders(socket);
  const peer = peerOf(socket);
  return trusted === undefined ? peer : viewerBehind(peer, trusted, headers['x-forwarded-for']?.toString());
}

/** The address of who asks; `undefined` when the connection is gone. */
export function viewerAddress(request: Pick<IncomingMessage, 'socket' | 'headers'>): string | undefined {
  return viewerOf(request).address;
}

/**
 * Who stands behind a proxy. Each proxy adds at the right for whom it speaks: from there on leftwards as long as the one
 * who said it is trusted. What stands further left anybody may have written.
 */
export function viewerBehind(peer: Peer, trusted: ProxyAddresses, forwardedFor: string | undefined): Peer {
  let address = peer.address;
  let rest = forwardedFor;
  for (let hop = 0; hop < maxHops && rest !== undefined && trusted.has(address ?? ''); hop++) {
    const comma = rest.lastIndexOf(',');
    const entry = rest.slice(comma + 1).trim();
    rest = comma === -1 ? undefined : rest.slice(0, comma);
    if (entry === '') continue;
    const said = addressIn(entry);
    if (said === undefined) break;
    address = said;
  }
  if (address === peer.address) return peer;
  return { address, port: undefined, tls: peer.tls, proxyAddress: peer.address };
}

/** `192.0.2.1`, `192.0.2.1:1024`, `2001:db8::1`, `[2001:db8::1]:1024`; the port is left out. */
function addressIn(entry: string): string | undefined {
  const [, bracketed, dotted] = /^(?:\[([^\]]*)\]|([\d.]+))(?::\d{1,5})?$/.exec(entry) ?? [];
  const bytes = parseIpAddress(bracketed ?? dotted ?? entry);
  return bytes && ipAddressText(bytes);
}
