import type { PlayAdmission, PlayGate, PlayRefused, PlayRequest } from '../live/play-gate.ts';
import { relayCode, type Relay } from './relay.ts';
import type { StoredPlays } from './stored/stored-plays.ts';
import { noGrant, type StreamDoor } from './stream-door.ts';
import type { StreamingRoutes, Unrouted } from './streaming-routes.ts';

/** Admits the players of an edge: finds out by its distributions what they ask for, and has it given by who has it. */
export class EdgePlayGate implements PlayGate {
  readonly #routes: StreamingRoutes;
  readonly #relay: Relay;
  readonly #stored: StoredPlays;
  readonly #door: StreamDoor;
  readonly #refused = new Map<string, number>();

  constructor(routes: StreamingRoutes, relay: Relay, stored: StoredPlays, door: StreamDoor) {
    this.#routes = routes;
    this.#relay = relay;
    this.#stored = stored;
    this.#door = door;
  }

  /** Players that were refused, by why. */
  get refused(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#refused);
  }

  async admit(request: PlayRequest, signal: AbortSignal): Promise<PlayAdmission> {
    const admission = await this.#admit(request, signal);
    if (admission.kind === 'refused') this.#refused.set(admission.code, (this.#refused.get(admission.code) ?? 0) + 1);
    return admission;
  }

  isStored({ tcUrl, app, streamName }: PlayRequest): boolean {
    return this.#routes.play(tcUrl, app, streamName).kind === 'stored';
  }

  async #admit(request: PlayRequest, signal: AbortSignal): Promise<PlayAdmission> {
    const routed = this.#routes.play(request.tcUrl, request.app, request.streamName);
    switch (routed.kind) {
      case 'unrouted':
        return refusedBy(routed);
      case 'stored':
        return this.#stored.admit(
          routed,
          { address: request.peerAddress, isOpen: this.#door.toFile(routed, request) },
          signal,
        );
      case 'routed':
        return this.#door.mayPlay(routed, request) ? this.#relay.admit(routed, request, signal) : noGrant;
    }
  }
}

function refusedBy({ code, sentence }: Unrouted): PlayRefused {
  return {
    kind: 'refused',
    statusCode: 'NetStream.Play.StreamNotFound',
    code: relayCode(code),
    sentence: `${code}: ${sentence}`,
  };
}
