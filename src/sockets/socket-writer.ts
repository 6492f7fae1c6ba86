import { writeSync, writevSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { writeTogether } from './write-together.ts';

/** What Node keeps of an open TCP connection; gone, and its descriptor closed, as soon as the socket is destroyed. */
interface OpenSocket extends Duplex {
  readonly _handle?: { readonly fd?: number } | null;
}

/** Where texts become bytes that the system takes at once: for one write at a time, so there is one. */
const textBytes = Buffer.allocUnsafeSlow(65_536);

/** So much is sooner copied behind its head than named to the system as a second piece. */
const maxCopiedBytes = 16_384;

/**
 * Writes to a socket. Most of what a live stream costs is one write for each player and merge window, and much of what a
 * cache hit costs is one write; half of what Node adds to the system call is the stream around the socket and a request
 * object for each. So while nothing waits in the stream, bytes go straight to the descriptor; what the system does not
 * take goes through the stream, as does everything where there is no descriptor (TLS, Windows, another version of Node).
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

  /** The same of the first `length` bytes, which may be overwritten afterwards: what has to wait is copied. */
  writeLent(bytes: Uint8Array, length: number): boolean {
    let written = 0;
    if (this.#direct) {
      try {
        written = writeSync(this.#descriptor, bytes, 0, length);
      } catch {
        // As above.
      }
    }
    return written === length || this.#writeToStream(Buffer.from(bytes.subarray(written, length)));
  }

  /** Likewise, of texts with a character for each byte, and of `body` behind them. All leaves in one piece. */
  writeTexts(texts: readonly string[], body?: Uint8Array): boolean {
    let length = 0;
    for (const text of texts) length += text.length;
    if (!this.#direct || length > textBytes.length) return this.#writeTextToStream(texts.join(''), body);
    let at = 0;
    for (const text of texts) at += textBytes.write(text, at, 'latin1');
    const together = body !== undefined && length + body.length <= maxCopiedBytes;
    if (together) textBytes.set(body, at);
    let written = 0;
    try {
      written =
        body === undefined || together
          ? writeSync(this.#descriptor, textBytes, 0, at + (together ? body.length : 0))
          : writevSync(this.#descriptor, [textBytes.subarray(0, length), body]);
    } catch {
      // As above.
    }
    if (written < length) return this.#writeTextToStream(texts.join('').slice(written), body);
    return (
      body === undefined || written - length === body.length || this.#writeToStream(body.subarray(written - length))
    );
  }

  /** Calls `action` once, when what waits has been taken. To be asked at once when a write has returned false. */
  onDrain(action: () => void): void {
    this.#socket.once('drain', () => {
      this.look();
      action();
    });
  }

  /** Calls `action` once, when nobody reads any more what was written: the system has taken it, or the connection is gone. */
  whenTaken(action: () => void): void {
    const socket = this.#socket;
    // A socket that is destroyed has closed its descriptor before anybody heard of it.
    if (socket.destroyed || socket.writableLength === 0) action();
    else if (socket.writableEnded) socket.once('close', action);
    else socket.write('', action);
  }

  /** Finds out whether bytes may go to the descriptor: the next write knows already. */
  look(): void {
    if (this.#ended) return;
    const { writableLength, writableCorked } = this.#socket;
    this.#direct = this.#descriptor >= 0 && writableLength === 0 && writableCorked === 0;
  }

  /** Somebody else writes to the stream from here on: the next write is behind that, and finds out whether it waits. */
  yield(): void {
    this.#direct = false;
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
    const taken = this.#socket.write(bytes);
    this.look();
    return taken;
  }

  #writeTextToStream(text: string, body: Uint8Array | undefined): boolean {
    if (this.#ended) return false;
    const socket = this.#socket;
    socket.cork();
    let taken = socket.write(text, 'latin1');
    if (body !== undefined) taken = socket.write(body);
    socket.uncork();
    this.look();
    return taken;
  }
}
