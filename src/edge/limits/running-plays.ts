import type { Clock, Timer } from '../../base/clock.ts';
import { AccessError, LimitError, type StreamFrontError } from '../../base/errors.ts';
import type { RunningPlay } from '../../live/play-gate.ts';
import type { Viewing } from '../../policy/limits/viewings.ts';
import type { Attendance } from './attendance.ts';
import type { ViewerLimits } from './viewer-limits.ts';

/** What goes on over a connection: somebody plays, or publishes. */
interface Running {
  readonly limits: ViewerLimits | undefined;
  /** `undefined`: it is being admitted. */
  play: RunningPlay | undefined;
  /** Why it is to end, as soon as it has begun. */
  endsBy: StreamFrontError | undefined;
  countedBytes: number;
}

/** How often what goes out over connections is counted. */
const countingMs = 1_000;
/** A stream cannot be slowed: who takes more than its bandwidth for so long has one player too many. */
const longestOwedMs = 10_000;

/** Players and encoders of RTMP and FLV, by their viewings, so that they can be ended, and what goes out to them counted. */
export class RunningPlays {
  readonly #running = new Map<Viewing, Running>();
  readonly #attendance: Attendance;
  readonly #clock: Clock;
  #timer: Timer | undefined;

  constructor(attendance: Attendance, clock: Clock) {
    this.#attendance = attendance;
    this.#clock = clock;
  }

  /** It is being admitted. `end` is to be called, whatever becomes of it. */
  begin(viewing: Viewing, limits: ViewerLimits | undefined): void {
    this.#running.set(viewing, { limits, play: undefined, endsBy: undefined, countedBytes: 0 });
    if (limits !== undefined) this.#timer ??= this.#clock.after(countingMs, () => this.#count());
  }

  /** It has begun. */
  attach(viewing: Viewing, play: RunningPlay): void {
    const running = this.#running.get(viewing);
    if (running === undefined) return;
    running.play = play;
    if (running.endsBy !== undefined) play.end(running.endsBy);
  }

  /** Harmless when called again. */
  end(viewing: Viewing): void {
    const running = this.#running.get(viewing);
    if (running === undefined) return;
    this.#countOne(viewing, running);
    this.#running.delete(viewing);
    this.#attendance.endViewing(viewing);
    if (this.#running.size > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** Bytes that went out so far; `undefined`: it is no connection. */
  sentBytes(viewing: Viewing): number | undefined {
    const running = this.#running.get(viewing);
    return running && (running.play?.sentBytes() ?? 0);
  }

  /** Ends those that `isOver` says. Returns how many. */
  endThoseOf(isOver: (viewing: Viewing) => boolean): number {
    const over = [...this.#running].filter(([viewing]) => isOver(viewing));
    for (const [, running] of over) endRunning(running, new AccessError('ACCESS_REVOKED', 'access was revoked'));
    return over.length;
  }

  #count(): void {
    this.#timer = this.#clock.after(countingMs, () => this.#count());
    const limited = [...this.#running].filter(([, { limits }]) => limits !== undefined);
    for (const [viewing, running] of limited) this.#countOne(viewing, running);
    // The one that came last goes first. What those that stay have had is forgiven: they alone may keep within it.
    for (const [viewing, running] of limited.toReversed()) {
      if (running.play === undefined || viewing.protocol === 'publish') continue;
      const owedMs = this.#attendance.owedMs(running.limits, viewing);
      if (owedMs < longestOwedMs) continue;
      this.#attendance.forgive(running.limits, viewing);
      endRunning(
        running,
        new LimitError('PLAY_OVER_BANDWIDTH', 'milliseconds ahead of the bandwidth of this address or grant', {
          limit: longestOwedMs,
          value: owedMs,
          setting: 'limits',
        }),
      );
    }
  }

  #countOne(viewing: Viewing, running: Running): void {
    const sentBytes = running.play?.sentBytes() ?? 0;
    if (sentBytes <= running.countedBytes) return;
    this.#attendance.spend(running.limits, viewing, viewing.stream, sentBytes - running.countedBytes);
    running.countedBytes = sentBytes;
  }
}

function endRunning(running: Running, error: StreamFrontError): void {
  running.endsBy ??= error;
  running.play?.end(error);
}
