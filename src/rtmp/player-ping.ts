import type { Clock, Timer } from '../base/clock.ts';
import { LimitError } from '../base/errors.ts';
import type { SessionOutput } from './session-output.ts';

const intervalMs = 30_000;

export interface PlayerPingOptions {
  readonly clock: Clock;
  readonly output: SessionOutput;
  readonly fail: (error: unknown) => void;
}

/**
 * Asks a player from time to time whether it is still there (RTMP 1.0 §7.1.7, PingRequest). One that has answered
 * before and does not any more is disconnected. There are players that never answer: the question keeps something
 * moving on their connection, so that the system notices when it is gone.
 */
export class PlayerPing {
  readonly #options: PlayerPingOptions;
  #timer: Timer | undefined;
  #everAnswered = false;
  #waiting = false;

  constructor(options: PlayerPingOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer ??= this.#options.clock.after(intervalMs, () => this.#ask());
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#waiting = false;
  }

  answered(): void {
    this.#everAnswered = true;
    this.#waiting = false;
  }

  #ask(): void {
    this.#timer = undefined;
    const { clock, output, fail } = this.#options;
    if (this.#waiting && this.#everAnswered) {
      const sentence = 'milliseconds without an answer to a ping from a player that used to answer';
      fail(new LimitError('RTMP_PLAYER_SILENT', sentence, { limit: intervalMs, value: intervalMs }));
      return;
    }
    this.#waiting = true;
    try {
      const timestampMs = Math.round(clock.monotonicMs()) >>> 0;
      output.control({ kind: 'user-control', event: { kind: 'ping-request', timestampMs } });
      output.flush();
    } catch (error) {
      fail(error);
      return;
    }
    this.start();
  }
}
