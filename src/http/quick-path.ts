import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Guest } from '../policy/limits/viewings.ts';
import { AnswerImages } from './answer-images.ts';
import type { HttpLane } from './http-lane.ts';
import { type HttpDeadlines, sweepIntervalMs } from './listener-bounds.ts';
import { QuickConnection, type QuickConnectionOptions, type QuickResponder } from './quick-connection.ts';

/** The connections of a listener that are on the fast path. */
export interface QuickPath {
  /** Idle connections end now, the others with the answer that is being sent. */
  closeWhenIdle(): void;
  destroyAll(): void;
  /** Breaks off the answers that are for whom `isOver` says. Returns how many. */
  endAnswersOf(isOver: (guest: Guest) => boolean): number;
  /** Deadlines are not looked at any more. */
  close(): void;
}

/**
 * Puts the fast path in front of a server: new connections begin on it, and those that ask for anything else than it
 * knows go over to the server as if they had just come.
 */
export function takeQuickPath(
  server: Server,
  responder: QuickResponder,
  { deadlines, secure }: { readonly deadlines: HttpDeadlines; readonly secure: boolean },
): QuickPath {
  // The server's own way to take a connection is put aside. A second server that does not listen would do for the
  // parsing, but such a one does not look at its deadlines.
  const event = secure ? 'secureConnection' : 'connection';
  const taking = server.listeners(event) as ((connection: Socket | HttpLane) => void)[];
  server.removeAllListeners(event);
  const connections = new Set<QuickConnection>();
  // As `node:http` says it.
  const headEnd = `\r\nConnection: keep-alive\r\nKeep-Alive: timeout=${Math.floor(deadlines.keepAliveMs / 1_000)}\r\n\r\n`;
  const options: QuickConnectionOptions = {
    responder,
    headEnd,
    images: new AnswerImages(headEnd),
    handOver: (connection) => {
      for (const take of taking) take.call(server, connection);
    },
    onClosed: (connection) => connections.delete(connection),
  };
  server.on(event, (socket: Socket) => {
    connections.add(new QuickConnection(socket, options));
  });
  const sweepMs = sweepIntervalMs(deadlines);
  const sweeping = setInterval(() => {
    for (const connection of connections) connection.sweep(sweepMs, deadlines);
  }, sweepMs);
  sweeping.unref();
  return {
    closeWhenIdle: () => {
      for (const connection of connections) connection.closeWhenIdle();
    },
    destroyAll: () => {
      for (const connection of connections) connection.destroy();
    },
    endAnswersOf: (isOver) => {
      let ended = 0;
      for (const connection of connections) if (connection.endAnswerOf(isOver)) ended++;
      return ended;
    },
    close: () => clearInterval(sweeping),
  };
}
