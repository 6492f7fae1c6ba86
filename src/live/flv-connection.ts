import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { PlayerConnection } from './player-feed.ts';
import { SocketWriter } from '../sockets/socket-writer.ts';
import { writeTogether } from '../sockets/write-together.ts';

/** A connection that can also be closed. */
export interface FlvConnection extends PlayerConnection {
  /** Closes once what was written has been taken. */
  end(): void;
  /** Closes at once. */
  destroy(): void;
}

/**
 * FLV as the body of an answer whose head has been written, up to the end of the connection. The body is written to
 * the socket as it is: without a coding of chunks that would be different for each player, and with one system call.
 */
export class HttpFlvConnection extends SocketWriter implements FlvConnection {
  readonly #response: ServerResponse;
  readonly #socket: Duplex;

  constructor(response: ServerResponse, socket: Duplex) {
    super(socket);
    this.#response = response;
    this.#socket = socket;
  }

  end(): void {
    this.stop();
    this.#response.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

/** FLV in binary messages. Where a message ends means nothing: a player puts them together. */
export class WebSocketFlvConnection implements FlvConnection {
  readonly #webSocket: WebSocket;
  readonly #socket: Duplex;

  constructor(webSocket: WebSocket, socket: Duplex) {
    this.#webSocket = webSocket;
    this.#socket = socket;
  }

  get queuedBytes(): number {
    return this.#webSocket.bufferedAmount;
  }

  write(bytes: Uint8Array): boolean {
    if (this.#webSocket.readyState !== this.#webSocket.OPEN) return false;
    this.#webSocket.send(bytes);
    return this.#webSocket.bufferedAmount === 0;
  }

  together(action: () => void): void {
    writeTogether(this.#socket, action);
  }

  end(): void {
    // 1000: the stream is over, as it should be.
    this.#webSocket.close(1_000);
  }

  destroy(): void {
    this.#webSocket.terminate();
  }
}
