import type { Socket } from 'node:net';
import type { Guest } from '../policy/limits/viewings.ts';
import type { SocketWriter } from '../sockets/socket-writer.ts';
import type { AnswerImages, QuickHead } from './answer-images.ts';

/** An answer that is not there yet, or not all of it: it takes the connection until it is over. */
export interface ComingAnswer {
  /** Whom it is for, where anybody wants to know. */
  readonly guest?: Guest;
  /** Called once, first. */
  begin(taker: AnswerTaker): void;
  /** The viewer takes bytes again, after a `write` that gave `false`. */
  drained(): void;
  /**
   * Called once, from no other's call, unless it was passed on. `whole`: the viewer has taken everything; else it has left,
   * or all broke off.
   */
  ended(whole: boolean, sentBytes: number): void;
  /** Called once, after that: neither the connection nor the system reads any more what was written. */
  freed?(): void;
}

/** Takes one answer for a viewer. What is done after it was ended, destroyed or passed on, or the viewer left, is nothing. */
export interface AnswerTaker {
  /** An interim answer (RFC 9110 §15.2), up to and including its empty line; each character is a byte. */
  writeInformation(text: string): void;
  /**
   * Status line and fields as in `QuickAnswer`; goes out with the first bytes of the body. `chunked`: the body's end is
   * not told by a field, but by its framing (RFC 9112 §7.1).
   */
  writeHead(head: string, requestId: string, chunked: boolean): void;
  /** Head and all of a body, always the same with one head, in one piece; then the answer has ended. */
  writeWhole(head: QuickHead, requestId: string, body: Buffer): void;
  /** The head goes out without waiting for more. */
  flushHeaders(): void;
  /** `false`: more than a little waits to be taken, `drained` will be called. The bytes must stay as they are. */
  write(bytes: Buffer): boolean;
  end(): void;
  /** The connection breaks off. */
  destroy(): void;
  /** Before any head: somebody who parses HTTP shall answer the request. */
  passOn(): void;
}

/** Who lends a connection for an answer. */
export interface ComingAnswerOwner {
  /** The answer has been taken. */
  answerIsTaken(): void;
  passOn(head: Buffer): void;
}

/** What an answer needs of its connection. */
export interface LentConnection {
  readonly socket: Socket;
  readonly writer: SocketWriter;
  /** What follows the request id. */
  readonly headEnd: string;
  /** With that end. */
  readonly images: AnswerImages;
}

/** One coming answer on its connection. */
export class ComingDelivery implements AnswerTaker {
  readonly #answer: ComingAnswer;
  readonly #socket: Socket;
  readonly #writer: SocketWriter;
  readonly #owner: ComingAnswerOwner;
  readonly #request: Buffer;
  readonly #headEnd: string;
  readonly #images: AnswerImages;
  /** Of a head that has not gone out. */
  #heldHead: string | undefined;
  #heldHeadEnd = '';
  #chunked = false;
  #hasChunks = false;
  #sentBytes = 0;
  #full = false;
  #state: 'open' | 'ending' | 'over' = 'open';

  /** `request`: its head, which stays as it is. */
  constructor(answer: ComingAnswer, connection: LentConnection, request: Buffer, owner: ComingAnswerOwner) {
    this.#answer = answer;
    this.#socket = connection.socket;
    this.#writer = connection.writer;
    this.#headEnd = connection.headEnd;
    this.#images = connection.images;
    this.#request = request;
    this.#owner = owner;
  }

  /** It goes on, or is over, when the viewer has taken something. */
  get full(): boolean {
    return this.#full || this.#state !== 'open';
  }

  get guest(): Guest | undefined {
    return this.#answer.guest;
  }

  begin(): void {
    this.#writer.look();
    this.#answer.begin(this);
  }

  /** The socket takes bytes again. */
  drained(): void {
    this.#full = false;
    if (this.#state === 'ending') this.#finish();
    else if (this.#state === 'open') this.#answer.drained();
  }

  /** The viewer has left, or the connection is gone. */
  left(): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    // How much the kernel has taken nobody tells: at most what the socket does not hold any more.
    this.#answer.ended(false, Math.max(0, this.#sentBytes - this.#socket.writableLength));
    this.#free();
  }

  writeInformation(text: string): void {
    if (this.#state !== 'open') return;
    this.#sentBytes += text.length;
    this.#writer.writeTexts([text]);
  }

  writeHead(head: string, requestId: string, chunked: boolean): void {
    this.#heldHead = head;
    this.#heldHeadEnd = `${requestId}${chunked ? '\r\nTransfer-Encoding: chunked' : ''}${this.#headEnd}`;
    this.#chunked = chunked;
  }

  writeWhole(head: QuickHead, requestId: string, body: Buffer): void {
    if (this.#state !== 'open') return;
    const image = this.#images.of(head, requestId, body);
    if (image === undefined) {
      this.writeHead(head.text, requestId, false);
      this.write(body);
    } else {
      this.#sentBytes += image.length;
      this.#full = !this.#writer.writeLent(image.bytes, image.length);
    }
    this.end();
  }

  flushHeaders(): void {
    if (this.#state === 'open' && this.#heldHead !== undefined) this.#send('', undefined);
  }

  write(bytes: Buffer): boolean {
    if (this.#state !== 'open') return false;
    if (!this.#chunked) return this.#send('', bytes);
    // A chunk's end goes out with what follows it: nobody has to wait for that.
    const framing = `${this.#hasChunks ? '\r\n' : ''}${bytes.length.toString(16)}\r\n`;
    this.#hasChunks = true;
    return this.#send(framing, bytes);
  }

  end(): void {
    if (this.#state !== 'open') return;
    const closing = this.#chunked ? `${this.#hasChunks ? '\r\n' : ''}0\r\n\r\n` : '';
    if (this.#heldHead !== undefined || closing !== '') this.#send(closing, undefined);
    this.#state = 'ending';
    if (!this.#full) this.#finish();
  }

  destroy(): void {
    if (this.#state !== 'over') this.#socket.destroy();
  }

  passOn(): void {
    if (this.#state !== 'open') return;
    this.#state = 'over';
    this.#owner.passOn(this.#request);
  }

  #send(framing: string, bytes: Buffer | undefined): boolean {
    const head = this.#heldHead;
    this.#sentBytes += framing.length + (bytes?.length ?? 0);
    let taken: boolean;
    if (head !== undefined) {
      this.#sentBytes += head.length + this.#heldHeadEnd.length;
      this.#heldHead = undefined;
      taken = this.#writer.writeTexts([head, this.#heldHeadEnd, framing], bytes);
    } else if (framing !== '' || bytes === undefined) {
      taken = this.#writer.writeTexts([framing], bytes);
    } else {
      taken = this.#writer.write(bytes);
    }
    this.#full = !taken;
    return taken;
  }

  /** What is left to do is done when the others of a crowd have been written to. */
  #finish(): void {
    this.#state = 'over';
    if (taken.push(this) === 1) setImmediate(concludeTaken);
  }

  #free(): void {
    if (this.#answer.freed !== undefined) this.#writer.whenTaken(() => this.#answer.freed?.());
  }

  /** To be called once, after it was taken. */
  conclude(): void {
    this.#answer.ended(true, this.#sentBytes);
    this.#free();
    this.#owner.answerIsTaken();
  }
}

/** Written in this turn of the event loop. */
let taken: ComingDelivery[] = [];

function concludeTaken(): void {
  const concluded = taken;
  taken = [];
  // No loop: see `FirstBytes`.
  concluded.forEach((delivery) => delivery.conclude());
}
