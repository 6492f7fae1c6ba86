import type { PlayAdmission, PlayGate, PlayRefused, PlayRequest } from '../live/play-gate.ts';
import { countryPlayRefusal } from './geo/served-countries.ts';
import type { PlayLimits } from './limits/play-limits.ts';
import { relayCode, type Relay } from './relay.ts';
import type { StoredPlays } from './stored/stored-plays.ts';
import type { StreamDoor } from './stream-door.ts';
import type { StreamingRoutes, Unrouted } from './streaming-routes.ts';

/** Admits the players of an edge: finds out by its distributions what they ask for, and has it given by who has it. */
export class EdgePlayGate implements PlayGate {
  readonly #routes: StreamingRoutes;
  readonly #relay: Relay;
  readonly #stored: StoredPlays;
  readonly #door: StreamDoor;
  readonly #limits: PlayLimits;
  readonly #refused = new Map<string, number>();

  constructor(routes: StreamingRoutes, relay: Relay, stored: StoredPlays, door: StreamDoor, limits: PlayLimits) {
    this.#routes = routes;
    this.#relay = relay;
    this.#stored = stored;
    this.#door = door;
    this.#limits = limits;
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
      case 'stored': {
        if (routed.served?.has(request.peerAddress) === false) return countryPlayRefusal;
        const early = this.#limits.refuses(routed.limits, request);
        if (early !== undefined) return early;
        const door = this.#door.toFile(routed, request);
        const viewer = { address: request.peerAddress, door: door.refusal };
        const admitted = await this.#stored.admit(routed, viewer, signal);
        if (admitted.kind === 'refused' || request.onlyLength === true) return admitted;
        const entered = this.#limits.enter(routed, request, door.grant);
        if (entered.kind === 'refused') admitted.release();
        return entered.kind === 'refused' ? entered : entered.watched(admitted);
      }
      case 'routed': {
        const { limits } = routed.behaviour;
        const early = this.#limits.refuses(limits, request);
        if (early !== undefined) return early;
        const letIn = this.#door.mayPlay(routed, request);
        if ('kind' in letIn) return letIn;
        const entered = this.#limits.enter({ limits, path: routed.path }, request, letIn.grant);
        if (entered.kind === 'refused') return entered;
        const admitted = await this.#relay.admit(routed, request, signal).catch((error: unknown) => {
          entered.leave();
          throw error;
        });
        if (admitted.kind === 'refused') entered.leave();
        return admitted.kind === 'refused' ? admitted : entered.watched(admitted);
      }
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
