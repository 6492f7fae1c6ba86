import type { PlayGate, PlayRefused } from '../live/play-gate.ts';
import type { ConnectRefusal } from './connect-command.ts';

/** For a connection that may publish and nothing else. */
export class ClosedPlayGate implements PlayGate {
  readonly #refused: PlayRefused;

  constructor({ code, sentence }: ConnectRefusal) {
    this.#refused = { kind: 'refused', statusCode: 'NetStream.Play.Unauthorized', code, sentence };
  }

  async admit(): Promise<PlayRefused> {
    return this.#refused;
  }
}
