import type { Socket } from 'node:net';
import type { Guest } from '../policy/limits/viewings.ts';
import type { ProxyAddresses } from '../sockets/proxy-reception.ts';
import { readShared, type SharedReading } from '../sockets/shared-reading.ts';
import { SocketWriter } from '../sockets/socket-writer.ts';
import type { AnswerImages, QuickHead } from './answer-images.ts';
import { refuseConnection } from './broken-request.ts';
import { type ComingAnswer, type ComingAnswerOwner, ComingDelivery } from './coming-answer.ts';
import { HttpLane, type LaneOwner } from './http-lane.ts';
import { maxHeadBytes, maxTargetBytes } from './listener-bounds.ts';
import { type Peer, peerOf } from './peer.ts';
import { trustedForwarders, viewerBehind } from './viewer-address.ts';
import { type PlainGet, recognisePlainGet } from './plain-get.ts';

/** An answer that lies ready in memory. */
export interface QuickAnswer {
  /** Best the same for many answers. */
  readonly head: QuickHead;
  readonly requestId: string;
  /** A small one as text with a character for each byte, always the same with one head. */
  readonly body: Buffer | string;
  /** Whom it is for, where anybody wants to know. */
  readonly guest?: Guest;
  /**
   * Called once: the socket has taken everything (`whole`), or the viewer has left before. `isFree`: the bytes of the body
   * are surely not read any more, neither here nor by the socket.
   */
  ended(whole: boolean, sentBytes: number, isFree: boolean): void;
}

/** Answers plain GETs at once. */
export interface QuickResponder {
  /**
   * `whole-way`: the request is for `node:http`, the next one may be for this again. `for-good`: so is the connection.
   * It must not throw.
   */
  answer(get: PlainGet, peer: Peer): QuickAnswer | 'whole-way' | 'for-good';
  /**
   * Asked for what `answer` leaves `whole-way`: an answer that others wait for, or that is arriving, if this is for it.
   * It must not throw.
   */
  join?(get: PlainGet, peer: Peer): ComingAnswer | undefined;
}

export interface QuickConnectionOptions {
  readonly responder: QuickResponder;
  /** What follows the request id: the fields about the connection, and the empty line behind them. */
  readonly headEnd: string;
  /** With that end. */
  readonly images: AnswerImages;
  /**
   * Takes a connection as if it had just come: a socket for good, with what was read and not answered in it to be read
   * again; or a lane, for a request at a time.
   */
  readonly handOver: (connection: Socket | HttpLane) => void;
  readonly onClosed: (connection: QuickConnection) => void;
}

/**
 * What is written on TLS at once: it is encrypted into memory as a whole, and head and body written together would be
 * copied into one before.
 */
const tlsPieceBytes = 262_144;

const nothing = Buffer.alloc(0);

/**
 * A viewer's connection on the fast path: requests of a small grammar are answered from memory, in order, each with one
 * write. Others of the same grammar are passed on to who can parse HTTP, one at a time, in a lane. At the first request
 * that is anything else the connection, with the bytes from there on, goes over for good. While the viewer has not taken
 * an answer, no further one is made.
 */
export class QuickConnection implements LaneOwner, ComingAnswerOwner {
  readonly #options: QuickConnectionOptions;
  readonly #socket: Socket;
  /** Past the stream around the socket; otherwise what comes is its `data`. */
  readonly #reading: SharedReading | undefined;
  readonly #writer: SocketWriter;
  readonly #peer: Peer;
  /** Where the other end is a proxy. */
  readonly #forwarders: ProxyAddresses | undefined;
  /** Who asked last through that, as it said so. */
  #lastViewer: { readonly forwardedFor: string; readonly viewer: Peer } | undefined;
  /** Read and not yet answered: the beginning of a head, or what came while an answer was being sent. */
  #pending: Buffer | undefined;
  #sending: QuickAnswer | undefined;
  /** Of the body that is being sent in pieces. */
  #rest: Buffer = nothing;
  /** Of the last answer. */
  #sentBytes = 0;
  #lane: HttpLane | undefined;
  #coming: ComingDelivery | undefined;
  /** What came last in one piece, and the request in it, if it was one. */
  #lastText: string | undefined;
  #lastGet: PlainGet | undefined;
  #closing = false;
  #peerEnded = false;
  /** Whether a request was answered: before that, a quiet connection owes a head. */
  #answered = false;
  /** Sweeps since it began to wait for what it waits for. */
  #quietSweeps = 0;

  constructor(socket: Socket, options: QuickConnectionOptions) {
    this.#socket = socket;
    this.#writer = new SocketWriter(socket);
    this.#peer = peerOf(socket);
    this.#forwarders = trustedForwarders(socket);
    this.#options = options;
    this.#reading = readShared(socket, this.#take);
    if (this.#reading === undefined) socket.on('data', this.#onData);
    socket.on('drain', this.#onDrain);
    socket.on('end', this.#onEnd);
    socket.on('timeout', this.#onTimeout);
    socket.on('error', ignoreError);
    socket.on('close', this.#onClose);
  }

  /** To be called once per `sweepMs`: deadlines are counted in sweeps, so that no request needs to look at a clock. */
  sweep(sweepMs: number, deadlines: { headMs: number; keepAliveMs: number; silenceMs: number }): void {
    const quietMs = this.#quietSweeps * sweepMs;
    this.#quietSweeps++;
    if (this.#lane?.busy === true) return;
    if (this.#coming !== undefined && !this.#coming.full) {
      // It is the origin that is waited for.
      this.#quietSweeps = 0;
    } else if (this.#sending !== undefined || this.#coming !== undefined) {
      // Whether bytes of one long write move only the socket knows.
      if (this.#quietSweeps === 2) this.#socket.setTimeout(deadlines.silenceMs);
    } else if (this.#pending !== undefined || !this.#answered) {
      if (quietMs >= deadlines.headMs) refuseConnection(this.#socket, '408 Request Timeout');
    } else if (quietMs >= deadlines.keepAliveMs) {
      this.#socket.destroy();
    }
  }

  /** Ends the connection at once, or when the answer that is being sent has been taken. */
  closeWhenIdle(): void {
    this.#closing = true;
    if (!this.#isBusy()) this.#socket.destroy();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Breaks off the answer that is being given, if it is for whom `isOver` says. Returns whether it did. */
  endAnswerOf(isOver: (guest: Guest) => boolean): boolean {
    const guest = this.#sending?.guest ?? this.#coming?.guest;
    if (guest === undefined || !isOver(guest)) return false;
    this.#socket.destroy();
    return true;
  }

  /** An answer is on its way. */
  #isBusy(): boolean {
    return this.#sending !== undefined || this.#coming !== undefined || this.#lane?.busy === true;
  }

  /** A write counts until the system has taken its bytes. */
  #isFree(): boolean {
    return this.#socket.writableLength === 0 && !this.#socket.destroyed;
  }

  /** The server has answered what it was passed. */
  laneIsFree(): void {
    if (this.#socket.writable) this.#goOn();
  }

  readonly #onData = (bytes: Buffer): void => this.#take(bytes, bytes.length);

  /** The first `length` bytes have come. They are somebody else's afterwards. */
  readonly #take = (bytes: Buffer, length: number): void => {
    if (this.#pending === undefined && !this.#isBusy()) {
      this.#answer(bytes, length);
      return;
    }
    const came = bytes.subarray(0, length);
    const pending = this.#pending === undefined ? Buffer.from(came) : Buffer.concat([this.#pending, came]);
    if (this.#isBusy()) {
      this.#pending = pending;
      this.#socket.pause();
    } else {
      this.#answer(pending, pending.length);
    }
  };

  /** Answers what is whole, as long as the viewer takes the answers. The first `length` bytes are copied if kept. */
  #answer(bytes: Buffer, length: number): void {
    const text = bytes.toString('latin1', 0, length);
    let from = 0;
    while (from < length) {
      const get = this.#recognise(text, from);
      if (get === 'partial' && length - from <= maxHeadBytes) {
        if (this.#pending === undefined) this.#quietSweeps = 0;
        this.#pending = copyOf(bytes, from, length);
        return;
      }
      const answer =
        typeof get === 'string' || get.target.length > maxTargetBytes || get.headBytes > maxHeadBytes
          ? 'for-good'
          : this.#options.responder.answer(get, this.#viewer(get));
      if (answer === 'for-good' || typeof get === 'string') {
        this.#handOver(copyOf(bytes, from, length));
        return;
      }
      const began = from;
      from = get.endsAt;
      this.#answered = true;
      this.#quietSweeps = 0;
      if (answer === 'whole-way') {
        this.#pending = from < length ? copyOf(bytes, from, length) : undefined;
        const head = copyOf(bytes, began, from);
        const coming = this.#options.responder.join?.(get, this.#viewer(get));
        if (coming === undefined) this.passOn(head);
        else this.#await(coming, head);
        return;
      }
      if (!this.#send(answer)) {
        this.#sending = answer;
        this.#pending = from < length ? copyOf(bytes, from, length) : undefined;
        return;
      }
      answer.ended(true, this.#sentBytes, this.#isFree());
    }
    this.#pending = undefined;
  }

  /** Who asks: as a rule who is at the other end. */
  #viewer({ fields: { forwardedFor } }: PlainGet): Peer {
    if (this.#forwarders === undefined || forwardedFor === undefined) return this.#peer;
    if (this.#lastViewer?.forwardedFor !== forwardedFor) {
      this.#lastViewer = { forwardedFor, viewer: viewerBehind(this.#peer, this.#forwarders, forwardedFor) };
    }
    return this.#lastViewer.viewer;
  }

  /** Players ask for the same playlist again and again: then it is what it was. */
  #recognise(text: string, from: number): ReturnType<typeof recognisePlainGet> {
    const last = this.#lastGet;
    if (last !== undefined && text === this.#lastText) return last;
    const get = recognisePlainGet(text, from, last?.fields);
    if (typeof get !== 'string') {
      this.#lastGet = get;
      this.#lastText = get.headBytes === text.length ? text : undefined;
    }
    return get;
  }

  /** `false`: the viewer has not taken all of it yet. */
  #send(answer: QuickAnswer): boolean {
    const { body, head, requestId } = answer;
    const image =
      typeof body === 'string' && this.#peer.tls === undefined
        ? this.#options.images.of(head, requestId, body)
        : undefined;
    if (image !== undefined) {
      this.#sentBytes = image.length;
      return this.#writer.writeLent(image.bytes, image.length);
    }
    const headEnd = `${requestId}${this.#options.headEnd}`;
    this.#sentBytes = head.text.length + headEnd.length + body.length;
    if (typeof body === 'string') return this.#writer.writeTexts([head.text, headEnd, body]);
    if (this.#peer.tls === undefined) return this.#writer.writeTexts([head.text, headEnd], body);
    this.#writer.writeTexts([head.text, headEnd]);
    this.#rest = body;
    return this.#sendRest();
  }

  /** Likewise, of what is left of a body that goes out in pieces. */
  #sendRest(): boolean {
    let taken = true;
    while (taken && this.#rest.length > 0) {
      taken = this.#socket.write(this.#rest.subarray(0, tlsPieceBytes));
      this.#rest = this.#rest.subarray(tlsPieceBytes);
    }
    return taken;
  }

  readonly #onDrain = (): void => {
    if (this.#coming !== undefined) {
      this.#endSilence();
      this.#coming.drained();
      return;
    }
    const answer = this.#sending;
    if (answer === undefined || (this.#rest.length > 0 && !this.#sendRest())) return;
    this.#sending = undefined;
    this.#endSilence();
    answer.ended(true, this.#sentBytes, this.#isFree());
    this.#goOn();
  };

  /** An answer was taken: the next request, if there is one. */
  #goOn(): void {
    this.#quietSweeps = 0;
    if (this.#closing) {
      this.#socket.destroySoon();
      return;
    }
    const pending = this.#pending;
    this.#pending = undefined;
    if (this.#socket.isPaused()) this.#socket.resume();
    if (pending !== undefined) this.#answer(pending, pending.length);
    if (this.#peerEnded && !this.#isBusy()) this.#socket.end();
  }

  #endSilence(): void {
    if (this.#quietSweeps >= 2) this.#socket.setTimeout(0);
    this.#quietSweeps = 0;
  }

  #await(answer: ComingAnswer, head: Buffer): void {
    const { headEnd, images } = this.#options;
    const connection = { socket: this.#socket, writer: this.#writer, headEnd, images };
    this.#coming = new ComingDelivery(answer, connection, head, this);
    this.#coming.begin();
  }

  /** For the coming answer. */
  answerIsTaken(): void {
    this.#coming = undefined;
    if (this.#socket.writable) this.#goOn();
  }

  /** Likewise: a request that is for the server. */
  passOn(head: Buffer): void {
    this.#coming = undefined;
    if (this.#lane === undefined || this.#lane.destroyed) {
      this.#lane = new HttpLane(this.#socket, this);
      this.#options.handOver(this.#lane);
    }
    this.#writer.yield();
    this.#lane.ask(head);
  }

  /** The viewer asks for nothing more. */
  readonly #onEnd = (): void => {
    this.#peerEnded = true;
    // A server for HTTP takes this for the viewer's leaving.
    if (this.#lane?.busy === true) {
      this.#lane.push(null);
    } else if (this.#coming !== undefined) {
      this.#coming.left();
      this.#socket.destroySoon();
    } else if (this.#sending === undefined) {
      this.#socket.end();
    }
  };

  readonly #onTimeout = (): void => {
    if (this.#lane?.busy !== true) this.#socket.destroy();
  };

  readonly #onClose = (): void => {
    const answer = this.#sending;
    this.#sending = undefined;
    // How much of it the kernel has taken nobody tells: at most what the socket does not hold any more.
    answer?.ended(false, Math.max(0, this.#sentBytes - this.#rest.length - this.#socket.writableLength), false);
    this.#coming?.left();
    this.#lane?.destroy();
    this.#options.onClosed(this);
  };

  #handOver(bytes: Buffer): void {
    const socket = this.#socket;
    this.#pending = undefined;
    // The parser would never hear of the end, which was here already; it answers nothing behind one.
    if (this.#peerEnded) {
      socket.end();
      return;
    }
    socket.off('data', this.#onData);
    socket.off('drain', this.#onDrain);
    socket.off('end', this.#onEnd);
    socket.off('timeout', this.#onTimeout);
    socket.off('error', ignoreError);
    socket.off('close', this.#onClose);
    this.#options.onClosed(this);
    this.#lane?.destroy();
    this.#reading?.end();
    socket.unshift(bytes);
    this.#options.handOver(socket);
  }
}

function ignoreError(): void {
  // The connection broke: `close` follows.
}

function copyOf(bytes: Buffer, from: number, to: number): Buffer {
  return Buffer.from(bytes.subarray(from, to));
}
