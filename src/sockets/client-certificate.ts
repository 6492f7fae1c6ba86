import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';

/** What a client has shown of itself: `untrusted` is a certificate that does not lead to one that counts, or whose time is not now. */
export type ClientCertificate = 'none' | 'untrusted' | 'trusted';

const known = new WeakMap<TLSSocket, ClientCertificate>();

/** Of a connection to a listener that asks for certificates. Kept: it is asked for with each request. */
export function clientCertificateOf(connection: Duplex): ClientCertificate {
  if (!(connection instanceof TLSSocket)) return 'none';
  const found = known.get(connection) ?? lookAt(connection);
  known.set(connection, found);
  return found;
}

/** `authorized` alone does not say whether there was one. */
function lookAt(socket: TLSSocket): ClientCertificate {
  if (socket.getPeerX509Certificate() === undefined) return 'none';
  return socket.authorized ? 'trusted' : 'untrusted';
}
