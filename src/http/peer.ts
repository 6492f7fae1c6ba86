import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { type RemoteEnd, remoteEndOf } from '../sockets/remote-end.ts';
import { HttpLane } from './http-lane.ts';

/** Who is at the other end of a connection, or asks through whoever is. */
export interface Peer extends RemoteEnd {
  readonly tls: TlsFacts | undefined;
  /** Of the connection, where it is that of a proxy. */
  readonly proxyAddress?: string | undefined;
}

/** What was agreed on for a TLS connection. */
export interface TlsFacts {
  /** `TLSv1.3`. */
  readonly protocol: string;
  readonly cipher: string;
}

/** To be asked while the connection stands. */
export function peerOf(connection: Duplex): Peer {
  const { address, port } = remoteEndOf(connection);
  return { address, port, tls: tlsFacts(connection) };
}

export function isSecure(connection: Duplex): boolean {
  return tlsSocketOf(connection) !== undefined;
}

function tlsSocketOf(connection: Duplex): TLSSocket | undefined {
  const socket = connection instanceof HttpLane ? connection.socket : connection;
  return socket instanceof TLSSocket ? socket : undefined;
}

function tlsFacts(connection: Duplex): TlsFacts | undefined {
  const socket = tlsSocketOf(connection);
  if (socket === undefined) return undefined;
  return { protocol: socket.getProtocol() ?? '-', cipher: socket.getCipher()?.name ?? '-' };
}
