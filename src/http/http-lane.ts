import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { remoteEndOf } from '../sockets/remote-end.ts';

/** Who lends a connection to a lane. */
export interface LaneOwner {
  /** An answer has been given on the lane: the connection may be used for something else. */
  laneIsFree(): void;
}

/**
 * A connection as a server for HTTP sees it that is lent to it for a request at a time: what is pushed in it reads, what
 * it writes goes to the real socket. Between requests it knows nothing of what happens on the connection.
 */
export class HttpLane extends Duplex {
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  readonly #socket: Socket;
  readonly #owner: LaneOwner;
  #busy = false;

  constructor(socket: Socket, owner: LaneOwner) {
    super({ decodeStrings: false, allowHalfOpen: true, autoDestroy: false });
    this.#socket = socket;
    this.#owner = owner;
    const { address, port } = remoteEndOf(socket);
    this.remoteAddress = address;
    this.remotePort = port;
    socket.on('timeout', () => {
      if (this.#busy) this.emit('timeout');
    });
  }

  /** The connection below: what was agreed on for it holds here. */
  get socket(): Socket {
    return this.#socket;
  }

  get bytesWritten(): number {
    return this.#socket.bytesWritten;
  }

  get busy(): boolean {
    return this.#busy;
  }

  /** Gives one whole request to the server. `answered` is to be called when its answer is over. */
  ask(head: Buffer): void {
    this.#busy = true;
    this.push(head);
  }

  /** The answer to the request has been given, or never will be. */
  answered(): void {
    if (!this.#busy) return;
    this.#busy = false;
    this.#socket.setTimeout(0);
    this.#owner.laneIsFree();
  }

  /** Of silence while it is lent; between requests it is not the server's to say. */
  setTimeout(ms: number): this {
    if (this.#busy) this.#socket.setTimeout(ms);
    return this;
  }

  override _read(): void {
    // What there is was pushed.
  }

  override _write(bytes: Buffer | string, encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#socket.write(bytes, encoding, done);
  }

  override _writev(
    writes: { chunk: Buffer | string; encoding: BufferEncoding }[],
    done: (error?: Error | null) => void,
  ): void {
    this.#socket.cork();
    const last = writes.length - 1;
    writes.forEach(({ chunk, encoding }, index) => {
      if (index === last) this.#socket.write(chunk, encoding, done);
      else this.#socket.write(chunk, encoding);
    });
    this.#socket.uncork();
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.destroySoon();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (this.#busy) this.#socket.destroy();
    done(error);
  }
}
