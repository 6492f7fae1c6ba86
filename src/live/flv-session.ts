import type { Clock, Timer } from '../base/clock.ts';
import type { StreamFrontError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { FanOut } from './fan-out.ts';
import { flvClientOf } from './flv-client.ts';
import type { FlvConnection } from './flv-connection.ts';
import type { LiveAdmission, PlayRequest } from './play-gate.ts';
import type { PlayerFeed } from './player-feed.ts';
import { flvWireForm } from './wire-form.ts';

/** How long a player that was told the end has to take it. */
const lingerMs = 5_000;

export interface FlvSessionOptions {
  readonly request: PlayRequest;
  readonly admitted: LiveAdmission;
  readonly connection: FlvConnection;
  readonly fanOut: FanOut;
  readonly clock: Clock;
  /** Carries the peer already. */
  readonly log: Log;
  /** Called once. */
  readonly onClosed: () => void;
}

/** One player of FLV, from its admission until its connection is gone. */
export class FlvSession {
  readonly #options: FlvSessionOptions;
  readonly #feed: PlayerFeed;
  readonly #startedMs: number;
  #lingerTimer: Timer | undefined;
  #released = false;

  constructor(options: FlvSessionOptions) {
    this.#options = options;
    const { request, admitted, connection, fanOut, clock, log } = options;
    this.#startedMs = clock.monotonicMs();
    log.info({ stream: admitted.path, protocol: request.protocol, client: request.clientName }, 'Player started');
    this.#feed = fanOut.join(admitted.stream, flvWireForm(flvClientOf(request.clientName)), {
      connection,
      onStreamEnd: () => this.#end('Player has seen the end of the stream'),
      onStalled: (error) => this.#fail(error),
    });
    admitted.attach?.({
      sentBytes: () => this.#feed.totals.writtenBytes,
      end: (error) => this.#fail(error),
    });
  }

  /** The connection is gone. */
  connectionClosed(): void {
    this.#lingerTimer?.cancel();
    this.#release('Player left');
    this.#options.onClosed();
  }

  /** The server is closing. */
  close(): void {
    this.#end('Player disconnected');
  }

  #end(sentence: string): void {
    if (!this.#release(sentence)) return;
    const { connection, clock } = this.#options;
    this.#lingerTimer = clock.after(lingerMs, () => connection.destroy());
    connection.end();
  }

  #fail(error: StreamFrontError): void {
    const { admitted, connection, log } = this.#options;
    log.warn({ code: error.code, stream: admitted.path }, error.message);
    this.#release('Player disconnected');
    connection.destroy();
  }

  /** Returns whether it had not been released before. */
  #release(sentence: string): boolean {
    if (this.#released) return false;
    this.#released = true;
    const { admitted, clock, log } = this.#options;
    this.#feed.end();
    admitted.release();
    const seconds = Math.round((clock.monotonicMs() - this.#startedMs) / 1_000);
    log.info({ stream: admitted.path, seconds, ...this.#feed.totals }, sentence);
    return true;
  }
}
