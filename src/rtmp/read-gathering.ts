import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '../base/clock.ts';
import { ReceiveWindow } from '../sockets/receive-window.ts';

/** What Node keeps of an open TCP connection. */
interface ReadHandle {
  readStop(): void;
  readStart(): void;
}

/** Of what the system takes unread: the encoder never waits for us. */
const unreadShare = 0.75;
/** Of the system's memory, for one encoder. */
const mostUnreadBytes = 1_048_576;
const longestMs = 2_000;
/** In the beginning, when the time of a stream's media is set by when it comes. */
const longestAtFirstMs = 100;
const firstMs = 3_000;
/** As much as is read at once: there may be more. */
const fullReadBytes = 65_536;
/** What came in less time says nothing of how much will come. */
const measuredMs = 10;
/** Encoders send frame by frame: the rate is that of about so long. */
const averagedMs = 250;

/**
 * Says how long what comes next may be left unread, `maxMs` at most; and may call `readNow` before that is over: then it
 * is read in the next turn of the event loop.
 */
type LeaveUnreadMs = (maxMs: number, readNow: () => void) => number;

/**
 * Lets the system gather what an encoder sends. An encoder sends each frame by itself, and to wake up for it costs more
 * than to read it: the processor has forgotten by then what it needs for that. So where everybody who follows the
 * stream can wait, nothing is read for a part of that time. Where Node does not give the handle of a socket, or over
 * TLS, what comes is read at once.
 */
export class ReadGathering {
  readonly #socket: Duplex & { readonly _handle?: Partial<ReadHandle> | null };
  readonly #clock: Clock;
  readonly #leaveUnreadMs: LeaveUnreadMs;
  readonly #readPresent: () => void;
  readonly #handle: ReadHandle | undefined;
  readonly #window = new ReceiveWindow();
  readonly #beganMs: number;
  #bytes = 0;
  #wasUnread = false;
  #sinceMs: number;
  #bytesPerMs: number | undefined;
  /** Ends the pause that there is. */
  #resume: (() => void) | undefined;
  readonly #readNow = (): void => this.#resume?.();

  /** `readPresent` takes what lies there when it was time to read again, if that can be done at once. */
  constructor(socket: Duplex, clock: Clock, leaveUnreadMs: LeaveUnreadMs, readPresent = () => {}) {
    this.#socket = socket;
    this.#clock = clock;
    this.#leaveUnreadMs = leaveUnreadMs;
    this.#readPresent = readPresent;
    const handle = Object.getPrototypeOf(socket) === Socket.prototype ? this.#socket._handle : undefined;
    this.#handle = canPause(handle) ? handle : undefined;
    this.#beganMs = clock.monotonicMs();
    this.#sinceMs = this.#beganMs;
  }

  /** So many bytes have been read and dealt with. */
  received(bytes: number): void {
    this.#bytes += bytes;
    const nowMs = this.#clock.monotonicMs();
    const elapsedMs = nowMs - this.#sinceMs;
    if (this.#handle === undefined || elapsedMs < measuredMs || bytes >= fullReadBytes) return;
    // Then the encoder may have waited for us: how fast it is shows when nothing is left unread.
    const isFull = this.#wasUnread && this.#bytes >= unreadShare * this.#window.bytes;
    if (this.#wasUnread) this.#window.found(this.#bytes);
    const roomBytes = Math.min(unreadShare * this.#window.bytes, mostUnreadBytes);
    const roomMs = roomBytes / this.#averaged(this.#bytes / elapsedMs, elapsedMs);
    this.#bytes = 0;
    this.#sinceMs = nowMs;
    this.#wasUnread = false;
    if (isFull) {
      this.#bytesPerMs = undefined;
      return;
    }
    const mostMs = nowMs - this.#beganMs < firstMs ? longestAtFirstMs : longestMs;
    const unreadMs = this.#leaveUnreadMs(Math.min(mostMs, roomMs), this.#readNow);
    this.#wasUnread = unreadMs > 0;
    if (unreadMs > 0) this.#pause(this.#handle, unreadMs);
  }

  #averaged(bytesPerMs: number, elapsedMs: number): number {
    const before = this.#bytesPerMs ?? bytesPerMs;
    this.#bytesPerMs = before + (bytesPerMs - before) * (elapsedMs / (elapsedMs + averagedMs));
    return this.#bytesPerMs;
  }

  /** Past the stream, which would begin to read again by itself. */
  #pause(handle: ReadHandle, pauseMs: number): void {
    handle.readStop();
    const readAgain = () => {
      if (this.#socket._handle === handle) handle.readStart();
    };
    const timer = this.#clock.after(pauseMs, () => {
      this.#resume = undefined;
      if (this.#socket._handle === handle) this.#readPresent();
      // Unless a pause has followed, which is how it goes while the encoder sends and everybody can wait.
      if (this.#resume === undefined) readAgain();
    });
    // In the midst of what somebody else does: not at once.
    this.#resume = () => {
      this.#resume = undefined;
      timer.cancel();
      readAgain();
    };
  }
}

function canPause(handle: Partial<ReadHandle> | null | undefined): handle is ReadHandle {
  return handle?.readStop !== undefined && handle.readStart !== undefined;
}
