import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

/** Who is at the other end of a connection. */
export interface Peer {
  readonly address: string | undefined;
  readonly port: number | undefined;
  readonly tls: TlsFacts | undefined;
}

/** What was agreed on for a TLS connection. */
export interface TlsFacts {
  /** `TLSv1.3`. */
  readonly protocol: string;
  readonly cipher: string;
}

/** To be asked while the connection stands. */
export function peerOf(socket: Socket): Peer {
  const { remoteAddress, remotePort } = socket;
  return { address: remoteAddress, port: remotePort, tls: tlsFacts(socket) };
}

export function isSecure(socket: Socket): socket is TLSSocket {
  return socket instanceof TLSSocket;
}

function tlsFacts(socket: Socket): TlsFacts | undefined {
  if (!isSecure(socket)) return undefined;
  return { protocol: socket.getProtocol() ?? '-', cipher: socket.getCipher()?.name ?? '-' };
}
