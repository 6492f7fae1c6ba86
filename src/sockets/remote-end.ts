import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** Who is at the other end of a connection. */
export interface RemoteEnd {
  /** `undefined` when the connection is gone. */
  readonly address: string | undefined;
  readonly port: number | undefined;
}

/** Of connections that a proxy has made for somebody else. */
const told = new WeakMap<Duplex, RemoteEnd>();

/** The other end, or whom a trusted proxy there speaks for. To be asked while the connection stands. */
export function remoteEndOf(connection: Duplex): RemoteEnd {
  const end = told.get(connection);
  if (end !== undefined) return end;
  const { remoteAddress, remotePort } = connection as Partial<Socket>;
  return { address: remoteAddress, port: remotePort };
}

/** From here on the connection counts as one of somebody else. */
export function tellRemoteEnd(connection: Duplex, end: RemoteEnd): void {
  told.set(connection, end);
}

/** What was told of a connection holds for the one that TLS has made of it. */
export function inheritRemoteEnd(from: Duplex, to: Duplex): void {
  const end = told.get(from);
  if (end !== undefined) told.set(to, end);
}

/** Tells the connections of one listener apart; a socket and the TLS socket around it have the same. */
export function connectionName(socket: Socket): string {
  return `${socket.localAddress} ${socket.remoteAddress} ${socket.remotePort}`;
}

interface Proxies {
  readonly trusted: { has(address: string): boolean };
}

/** Of a connection that nobody speaks on for others: that counts as one of its address. */
export function directAddress({ remoteAddress = '' }: Socket, proxies: Proxies | undefined): string | undefined {
  return proxies?.trusted.has(remoteAddress) === true ? undefined : remoteAddress;
}

/** Of a connection that a proxy has made for a viewer, as was told: likewise. */
export function proxiedAddress(socket: Socket, proxies: Proxies | undefined): string | undefined {
  const address = told.get(socket)?.address;
  return address === undefined || proxies?.trusted.has(address) === true ? undefined : address;
}
