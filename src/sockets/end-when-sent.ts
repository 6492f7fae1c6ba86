import type { Socket } from 'node:net';
import type { Clock } from '../base/clock.ts';

/** Who leaves what comes unread for a while takes all of it behind that. */
const stallMs = 3_000;
const mostMs = 10_000;

/** What Node keeps of an open connection. */
type Begun = { readonly _handle?: { readonly writeQueueSize?: number } | null };

/**
 * Ends a connection when all has been sent, and resolves when it is closed, by both. When the peer takes nothing for three
 * seconds, or not all in ten, the rest is lost.
 */
export async function endWhenSent(socket: Socket & Begun, clock: Clock): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => resolve());
  });
  socket.end();
  const giveUpMs = clock.monotonicMs() + mostMs;
  let before = unsent(socket);
  const look = () => {
    const now = unsent(socket);
    const isTaken = now.whole < before.whole || now.begun < before.begun;
    before = now;
    if (isTaken && clock.monotonicMs() < giveUpMs) timer = clock.after(stallMs, look);
    else socket.destroy();
  };
  let timer = clock.after(stallMs, look);
  await closed;
  timer.cancel();
}

/** Bytes of whole writes, and those that are left of the one that has begun. */
function unsent({ writableLength, _handle: handle }: Socket & Begun): {
  readonly whole: number;
  readonly begun: number;
} {
  return { whole: writableLength, begun: handle?.writeQueueSize ?? 0 };
}
