import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { type ListenerPair, startListenerPair } from '../http/listener-pair.ts';
import type { QuickResponder } from '../http/quick-connection.ts';
import type { FlvResponder } from '../live/flv-responder.ts';
import type { EdgeDoor } from './access/edge-door.ts';
import type { OriginSettings } from './settings.ts';

export interface OriginHttpParts {
  readonly door: EdgeDoor;
  readonly flv: FlvResponder;
  readonly quick: QuickResponder;
  readonly routes: (request: IncomingMessage, response: ServerResponse) => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Listens where edges fetch, over HTTP and HTTPS. Throws `ConfigError` when a port cannot be had, and when certificate
 * or key cannot be used.
 */
export function startOriginHttp(
  settings: Pick<OriginSettings, 'http' | 'https'>,
  { door, flv, quick, routes, clock, log }: OriginHttpParts,
): Promise<ListenerPair> {
  const { http, https } = settings;
  return startListenerPair({
    name: 'origin',
    http,
    https: https && { ...https, peerCa: door.peerCa },
    common: {
      handler: (request, response) => {
        if (door.refuses(request, response)) return undefined;
        return flv.wants(request) ? flv.answer(request, response) : routes(request, response);
      },
      upgrade: {
        wants: (request) => flv.wants(request) && door.admits(request),
        upgrade: (request, socket, head) => flv.upgrade(request, socket, head),
      },
      // What it recognises says nothing of who asks.
      ...(door.isOpen ? { quick } : {}),
      log,
    },
    clock,
  });
}
