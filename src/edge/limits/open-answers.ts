import type { ServerResponse } from 'node:http';
import type { Clock } from '../../base/clock.ts';
import type { Guest } from '../../policy/limits/viewings.ts';
import type { Attendance } from './attendance.ts';
import { meterResponse } from './metered-response.ts';
import { isPaced, type ViewerLimits } from './viewer-limits.ts';

/** Answers over HTTP that are being given, so that they can be ended. */
export class OpenAnswers {
  readonly #open = new Map<ServerResponse, Guest>();

  readonly #attendance: Attendance;
  readonly #clock: Clock;

  constructor(attendance: Attendance, clock: Clock) {
    this.#attendance = attendance;
    this.#clock = clock;
  }

  /** Until it is over. Its body is counted where bytes are. */
  add(response: ServerResponse, limits: ViewerLimits | undefined, guest: Guest): void {
    this.#open.set(response, guest);
    if (limits !== undefined && (isPaced(limits) || limits.egress !== undefined)) {
      const attendance = this.#attendance;
      const meter = {
        spend: (bytes: number) => attendance.spend(limits, guest, guest.viewing?.stream, bytes),
        owedMs: () => attendance.owedMs(limits, guest),
      };
      meterResponse(response, meter, this.#clock);
    }
    response.once('close', () => this.#open.delete(response));
  }

  /** Breaks off those that are for whom `isOver` says. Returns how many. */
  endThoseOf(isOver: (guest: Guest) => boolean): number {
    let ended = 0;
    for (const [response, guest] of this.#open) {
      if (!isOver(guest)) continue;
      ended++;
      response.destroy();
    }
    return ended;
  }
}
