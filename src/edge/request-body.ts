import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';

/** Whether a request says that a body follows (RFC 9112 §6.3). */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
}

/**
 * The body of a viewer's request, at the pace of whoever reads it. A client that waits for `100 Continue` is told to go
 * on when the first read comes: then there is a connection to somebody who wants it (RFC 9110 §10.1.1). Who reads may
 * destroy it: the viewer's connection stays, to hear the answer.
 */
export class RequestBody extends Readable {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  #begun = false;

  constructor(request: IncomingMessage, response: ServerResponse) {
    super();
    this.#request = request;
    this.#response = response;
  }

  override _read(): void {
    if (!this.#begun) this.#begin();
    this.#request.resume();
  }

  #begin(): void {
    this.#begun = true;
    const request = this.#request;
    request.on('data', (bytes: Buffer) => {
      if (!this.destroyed && !this.push(bytes)) request.pause();
    });
    request.on('end', () => this.push(null));
    request.on('error', (error) => this.destroy(error));
    request.on('close', () => {
      if (!request.complete) this.destroy(new Error('the viewer left in the middle of its request'));
    });
    if (request.headers.expect !== undefined && !this.#response.headersSent) this.#response.writeContinue();
  }
}
