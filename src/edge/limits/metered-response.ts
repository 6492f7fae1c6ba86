import type { ServerResponse } from 'node:http';
import type { Clock, Timer } from '../../base/clock.ts';

/** What an answer is sent at the pace of. */
export interface Meter {
  spend(bytes: number): void;
  /** How long nothing more should go out. */
  owedMs(): number;
}

/**
 * Counts the body of an answer, and makes whoever writes it wait while more has gone out than should: `write` gives
 * `false`, and `drain` comes when there is room again. That is how all of them wait for a slow viewer, so none needs to
 * know of it. What is written at once goes out at once, and is made up for.
 */
export function meterResponse(response: ServerResponse, meter: Meter, clock: Clock): void {
  let timer: Timer | undefined;
  const write = response.write.bind(response) as (...written: unknown[]) => boolean;
  const end = response.end.bind(response) as (...written: unknown[]) => ServerResponse;
  const emit = response.emit.bind(response) as (event: string | symbol, ...values: unknown[]) => boolean;
  response.write = (...written: unknown[]): boolean => {
    meter.spend(lengthOf(written[0]));
    const taken = write(...written);
    if (timer !== undefined) return false;
    const owedMs = meter.owedMs();
    if (owedMs === 0) return taken;
    timer = clock.after(owedMs, () => {
      timer = undefined;
      // Else the viewer is slower: the stream will say when it takes more.
      if (!response.writableNeedDrain && !response.destroyed) emit('drain');
    });
    return false;
  };
  response.end = (...written: unknown[]): ServerResponse => {
    meter.spend(lengthOf(written[0]));
    return end(...written);
  };
  response.emit = ((event: string | symbol, ...values: unknown[]): boolean =>
    event === 'drain' && timer !== undefined ? true : emit(event, ...values)) as ServerResponse['emit'];
  response.once('close', () => timer?.cancel());
}

function lengthOf(written: unknown): number {
  if (typeof written === 'string') return Buffer.byteLength(written);
  return written instanceof Uint8Array ? written.length : 0;
}
