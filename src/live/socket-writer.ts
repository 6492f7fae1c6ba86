import { writeSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { writeTogether } from './write-together.ts';

/** What Node keeps of an open TCP connection; gone, and its descriptor closed, as soon as the socket is destroyed. */
interface OpenSocket extends Duplex {
  readonly _handle?: { readonly fd?: number } | null;
}

/**
 * Writes to a socket. Most of what a live stream costs is one write for each player and merge window, and half of what
 * Node adds to the system call is the stream around the socket and a request object for each write. So while nothing
 * waits in the stream, bytes go straight to the descriptor; what the system does not take goes through the stream, as
 * does everything where there is no descriptor (TLS, Windows, another version of Node).
 */
export class SocketWriter {
  // First what each write reads.
  /** Nothing waits in the stream, nobody gathers, and bytes may go to the descriptor. */
  #direct = false;
  readonly #descriptor: number;
  readonly #socket: OpenSocket;
  #ended = false;

  constructor(socket: Duplex) {
    this.#socket = socket;
    // Not of a TLS socket, which has one too: what is written there would leave as it is.
    const plain = Object.getPrototypeOf(socket) === Socket.prototype;
    this.#descriptor = (plain ? this.#socket._handle?.fd : undefined) ?? -1;
    // Here the descriptor is closed, whoever asked for it, and may be another connection's from then on. To look at the
    // socket before each write instead costs a tenth of it: with many players it is never in the processor's cache.
    const destroy = socket._destroy.bind(socket);
    socket._destroy = (error, callback) => {
      this.stop();
      destroy(error, callback);
    };
  }

  /** Written, but not taken by the peer yet. */
  get queuedBytes(): number {
    return this.#socket.writableLength;
  }

  /** Never blocks. Returns false when more than a little waits, or when it is over. */
  write(bytes: Uint8Array): boolean {
    if (!this.#direct) return this.#writeToStream(bytes);
    let written = 0;
    try {
      written = writeSync(this.#descriptor, bytes);
    } catch {
      // Full (EAGAIN), or broken: the stream finds that out again and knows what to do.
    }
    return written === bytes.length || this.#writeToStream(bytes.subarray(written));
  }

  /** What `action` writes leaves in one piece. */
  together(action: () => void): void {
    this.#direct = false;
    writeTogether(this.#socket, action);
  }

  /** Nothing is written any more. */
  stop(): void {
    this.#ended = true;
    this.#direct = false;
  }

  #writeToStream(bytes: Uint8Array): boolean {
    if (this.#ended) return false;
    const socket = this.#socket;
    const taken = socket.write(bytes);
    this.#direct = this.#descriptor >= 0 && socket.writableLength === 0 && socket.writableCorked === 0;
    return taken;
  }
}
