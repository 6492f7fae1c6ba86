import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import type { Clock, Timer } from '../base/clock.ts';

/** In each of these windows so much of a body must come as long as it is waited for. */
const windowMs = 30_000;
const minWindowBytes = 30_720;

/** Whether a request says that a body follows (RFC 9112 §6.3). */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
}

/** For a request whose body nobody reads: it is not waited for, the connection ends with the answer. */
export function leaveBody(request: IncomingMessage, response: ServerResponse): void {
  if (hasBody(request)) response.shouldKeepAlive = false;
}

/**
 * The body of a viewer's request, at the pace of whoever reads it. A client that waits for `100 Continue` is told to go
 * on when the first read comes: then there is a connection to somebody who wants it (RFC 9110 §10.1.1). Who reads may
 * destroy it: the viewer's connection stays, to hear the answer. There is no bound to how long it may take in all, but to
 * how little may come while it is waited for: then `onTooSlow` is called, and nothing more comes.
 */
export class RequestBody extends Readable {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #clock: Clock;
  readonly #onTooSlow: () => void;
  #timer: Timer | undefined;
  #windowBytes = 0;
  /** The reader kept it waiting in this window: then little came because little was asked for. */
  #heldUp = false;
  #begun = false;

  constructor(
    { request, response, clock }: { request: IncomingMessage; response: ServerResponse; clock: Clock },
    onTooSlow: () => void,
  ) {
    super();
    this.#request = request;
    this.#response = response;
    this.#clock = clock;
    this.#onTooSlow = onTooSlow;
  }

  override _read(): void {
    if (!this.#begun) this.#begin();
    this.#request.resume();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#timer?.cancel();
    callback(error);
  }

  #begin(): void {
    this.#begun = true;
    const request = this.#request;
    request.on('data', (bytes: Buffer) => {
      this.#windowBytes += bytes.length;
      if (this.destroyed || this.push(bytes)) return;
      this.#heldUp = true;
      request.pause();
    });
    request.on('end', () => {
      this.#timer?.cancel();
      this.push(null);
    });
    request.on('error', (error) => this.destroy(error));
    request.on('close', () => {
      if (!request.complete) this.destroy(new Error('the viewer left in the middle of its request'));
    });
    this.#openWindow();
    if (request.headers.expect !== undefined && !this.#response.headersSent) this.#response.writeContinue();
  }

  #openWindow(): void {
    this.#windowBytes = 0;
    this.#heldUp = this.#request.isPaused();
    this.#timer = this.#clock.after(windowMs, () => {
      if (this.#heldUp || this.#windowBytes >= minWindowBytes) {
        this.#openWindow();
      } else {
        this.#onTooSlow();
        this.destroy();
      }
    });
  }
}
