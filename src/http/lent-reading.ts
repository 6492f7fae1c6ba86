import type { Socket } from 'node:net';
import { buildConnector } from 'undici';
import { readShared } from '../sockets/shared-reading.ts';

/** What has come of a body of an origin's answer is lent while this is so: it is looked at before the next read only. */
export interface LentBody {
  /** The body is over. */
  end(): void;
}

/** The connection on which something has come just now. */
let current: LendingConnection | undefined;

/**
 * Connections to an origin that are read past their streams, into the buffer that all connections share
 * (`sockets/shared-reading`): every 64 KiB of a body would be memory of their own otherwise, outside of V8's heap, of
 * which every few MiB begin a collection of the whole heap. TLS is read as ever.
 */
export function lendingConnector(timeoutMs: number): buildConnector.connector {
  const connect = buildConnector({ timeout: timeoutMs, allowH2: false });
  return (target, callback) => {
    connect(target, (...result) => {
      const [, socket] = result;
      if (socket !== null) new LendingConnection(socket);
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

class LendingConnection {
  readonly #socket: Socket;
  /** Heads are kept by who parses them, until they are whole. */
  #lends = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    readShared(socket, (bytes, length) => this.#take(bytes.subarray(0, length)));
  }

  lend(): LentBody {
    this.#lends = true;
    return { end: () => (this.#lends = false) };
  }

  /** `false`: no more until the stream is read again. */
  #take(bytes: Buffer): boolean {
    const socket = this.#socket;
    current = this;
    try {
      socket.push(this.#lends ? bytes : Buffer.from(bytes));
      // As the stream would do in a moment, when the next read may have been written over this one.
      socket.emit('readable');
    } finally {
      current = undefined;
    }
    // Not taken, as by who has paused: it may wait for long.
    const left: unknown = this.#lends && socket.readableLength > 0 ? socket.read() : null;
    if (left instanceof Uint8Array) socket.unshift(Buffer.from(left));
    return socket.readableLength === 0;
  }
}
