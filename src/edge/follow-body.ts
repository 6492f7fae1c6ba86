import type { ServerResponse } from 'node:http';
import type { ByteRange } from '../policy/range-selection.ts';
import type { BodyReader } from '../stores/body-reader.ts';
import type { Leg } from '../http/body-portion.ts';

/** Where a body goes: the answer to a viewer. */
export interface BodyTaker {
  /** `false`: no more, until it takes bytes again. */
  write(bytes: Buffer): boolean;
  end(closing?: string): unknown;
  destroy(): unknown;
  /** A head that waits for the first bytes goes out. */
  flushHeaders(): void;
}

/** A body on its way to a viewer. */
export interface FollowedBody {
  readonly legs: readonly Leg[];
  /** What stands behind the last leg. */
  readonly closing?: string | undefined;
  /** `undefined`: that part of the body cannot be had. */
  readonly open: (range: ByteRange | undefined, onProgress: () => void) => BodyReader | undefined;
  /** Called once, before the first byte. */
  readonly writeHead: () => void;
  /**
   * With it the head waits for the first byte, and this is called when none can be had. Without it the head goes out
   * at once, also when the body lets itself be waited for.
   */
  readonly onNoFirstByte?: (error: Error) => void;
  /** Called once, from no other's call: the viewer has all of it, or has left, or the body broke. */
  readonly onEnd?: () => void;
}

/** Writes a body as it comes, at this viewer's pace. A body that breaks breaks the connection. */
export function followBody(response: ServerResponse, body: FollowedBody): void {
  const follower = new BodyFollower(response, body);
  response.on('drain', () => follower.drained());
  response.on('close', () => follower.closed());
  follower.start();
}

/** The same for any taker, whose owner says what becomes of it. */
export class BodyFollower {
  readonly #response: BodyTaker;
  readonly #body: FollowedBody;
  #leg = 0;
  #reader: BodyReader | undefined;
  #begun = false;
  #hasBytes = false;
  #full = false;
  #pumping = false;
  #progress = false;
  #done = false;

  /** `full`: the taker takes nothing now. */
  constructor(response: BodyTaker, body: FollowedBody, full = false) {
    this.#response = response;
    this.#body = body;
    this.#full = full;
  }

  start(): void {
    if (this.#body.onNoFirstByte === undefined) this.#begin();
    this.#pump();
    // The head goes with the first bytes if they are there already, else as soon as nothing more is to be done.
    if (this.#begun && !this.#hasBytes) {
      setImmediate(() => {
        if (!this.#hasBytes && !this.#done) this.#response.flushHeaders();
      });
    }
  }

  /** The taker takes bytes again. */
  drained(): void {
    this.#full = false;
    this.#pump();
  }

  /** To be called once, when the answer is over, however it ended. */
  closed(): void {
    this.#finish();
    this.#body.onEnd?.();
  }

  /** A reader may tell of progress while it is being read: then it is read once more. */
  #pump(): void {
    this.#progress = true;
    if (this.#pumping) return;
    this.#pumping = true;
    while (this.#progress) {
      this.#progress = false;
      while (!this.#full && !this.#done && this.#step());
    }
    this.#pumping = false;
  }

  /** Writes what there is next; `false` when there is nothing now. */
  #step(): boolean {
    const leg = this.#body.legs[this.#leg];
    if (leg === undefined) {
      this.#begin();
      this.#response.end(this.#body.closing);
      this.#finish();
      return false;
    }
    const reader = this.#reader ?? this.#open(leg);
    if (reader === undefined) return false;
    const bytes = reader.read();
    if (bytes !== undefined) {
      this.#write(bytes);
      return true;
    }
    const { state } = reader;
    if (state === 'open') return false;
    if (state !== 'ended') {
      this.#break(state.error);
      return false;
    }
    reader.close();
    this.#reader = undefined;
    this.#leg++;
    return true;
  }

  #open(leg: Leg): BodyReader | undefined {
    this.#reader = this.#body.open(leg.range, () => this.#pump());
    if (this.#reader === undefined) this.#break(new Error('the beginning of the body is gone'));
    else if (leg.head !== undefined) this.#write(Buffer.from(leg.head, 'latin1'));
    return this.#reader;
  }

  #write(bytes: Buffer): void {
    this.#begin();
    this.#hasBytes = true;
    this.#full = !this.#response.write(bytes);
  }

  #begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    this.#body.writeHead();
  }

  #break(error: Error): void {
    const { onNoFirstByte } = this.#body;
    this.#finish();
    if (this.#begun || onNoFirstByte === undefined) this.#response.destroy();
    else onNoFirstByte(error);
  }

  #finish(): void {
    if (this.#done) return;
    this.#done = true;
    this.#reader?.close();
  }
}
