import type { Socket } from 'node:net';
import type { buildConnector } from 'undici';
import { readShared } from '../sockets/shared-reading.ts';

/** What has come of a body of an origin's answer is lent while this is so: it is looked at before the next read only. */
export interface LentBody {
  /** The body is over. */
  end(): void;
}

/** Of the connection on which something has come just now. */
let current: LentBodies | undefined;

/**
 * Connections to an origin that are read past their streams, into the buffer that all connections share
 * (`sockets/shared-reading`): every 64 KiB of a body would be memory of their own otherwise, outside of V8's heap, of
 * which every few MiB begin a collection of the whole heap. TLS is read as ever.
 */
export function lending(connect: buildConnector.connector): buildConnector.connector {
  return (target, callback) => {
    connect(target, (...result) => {
      const [error, socket] = result;
      // There is none where there is an error, whatever the type says.
      if (error === null) readLending(socket);
      callback(...result);
    });
  };
}

/**
 * To be called when a head has come whose body has a length. From then on what comes on its connection is lent;
 * `undefined` where it is read as ever.
 */
export function lendBody(): LentBody | undefined {
  return current?.lend();
}

/** What one connection lends: no heads, which are kept by who parses them until they are whole. */
class LentBodies {
  isLending = false;

  lend(): LentBody {
    this.isLending = true;
    return { end: () => (this.isLending = false) };
  }
}

function readLending(socket: Socket): void {
  const bodies = new LentBodies();
  readShared(socket, (shared, length) => {
    const bytes = shared.subarray(0, length);
    current = bodies;
    try {
      socket.push(bodies.isLending ? bytes : Buffer.from(bytes));
      // As the stream would do in a moment, when the next read may have been written over this one.
      socket.emit('readable');
    } finally {
      current = undefined;
    }
    // Not taken, as by who has paused: it may wait for long.
    const left: unknown = socket.readableLength > 0 ? socket.read() : null;
    if (left instanceof Uint8Array) socket.unshift(Buffer.from(left));
    // No more until the stream is read again, if it is not.
    return socket.readableLength === 0;
  });
}
