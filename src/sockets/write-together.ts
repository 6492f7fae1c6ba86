import type { Duplex } from 'node:stream';

/** What `action` writes to the socket leaves in one piece, also when it throws. */
export function writeTogether(socket: Duplex, action: () => void): void {
  socket.cork();
  try {
    action();
  } finally {
    socket.uncork();
  }
}
