import type { WebSocket } from 'ws';
import type { Clock, Timer } from '../base/clock.ts';

const intervalMs = 30_000;

/** Asks a peer from time to time whether it is still there (RFC 6455 §5.5.2), and closes when it does not answer. */
export class WebSocketPing {
  readonly #webSocket: WebSocket;
  readonly #clock: Clock;
  #timer: Timer;
  #answered = true;

  constructor(webSocket: WebSocket, clock: Clock) {
    this.#webSocket = webSocket;
    this.#clock = clock;
    webSocket.on('pong', () => {
      this.#answered = true;
    });
    this.#timer = clock.after(intervalMs, () => this.#ask());
  }

  stop(): void {
    this.#timer.cancel();
  }

  #ask(): void {
    if (!this.#answered) {
      this.#webSocket.terminate();
      return;
    }
    this.#answered = false;
    this.#webSocket.ping();
    this.#timer = this.#clock.after(intervalMs, () => this.#ask());
  }
}
