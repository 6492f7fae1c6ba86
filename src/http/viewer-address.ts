import type { IncomingMessage } from 'node:http';
import { type Peer, peerOf } from './peer.ts';

/** Who asks: the one whom limits, grants and logs are about. To be asked while the connection stands. */
export function viewerOf({ socket }: Pick<IncomingMessage, 'socket'>): Peer {
  return peerOf(socket);
}

/** The address of who asks; `undefined` when the connection is gone. */
export function viewerAddress({ socket }: Pick<IncomingMessage, 'socket'>): string | undefined {
  return socket.remoteAddress;
}
