import { type FlvClientCapabilities, wireFormOf } from '../../formats/flv/client-capabilities.ts';
import type { AccessUnit } from '../../formats/media/access-unit.ts';
import { type TrackConfig, trackNumber } from '../../formats/media/track.ts';

/** Which tracks of a file a player gets: those that it can take, as far as it wants sound and picture. */
export class SentTracks {
  readonly #client: FlvClientCapabilities;
  /** By `trackNumber`. */
  readonly #configs = new Map<number, TrackConfig>();
  readonly #wants = { audio: true, video: true };
  /** Pictures are missing before the next keyframe. */
  #videoBroken = false;

  constructor(client: FlvClientCapabilities) {
    this.#client = client;
  }

  /** What goes before the first frame. */
  get configs(): readonly TrackConfig[] {
    return [...this.#configs.values()];
  }

  get haveVideo(): boolean {
    return this.configs.some(({ kind }) => kind === 'video');
  }

  /** What comes next is from another place, where these are in force. */
  begin(configs: readonly TrackConfig[]): void {
    this.#videoBroken = false;
    this.#configs.clear();
    for (const config of configs) this.inForce(config);
  }

  /** Returns whether the player is to be told. */
  inForce(config: TrackConfig): boolean {
    const sent = wireFormOf(config, this.#client) === 'send';
    if (sent) this.#configs.set(trackNumber(config), config);
    else this.#configs.delete(trackNumber(config));
    return sent;
  }

  /** That of the unit's track; `undefined` when the player cannot take it. */
  configOf(unit: AccessUnit): TrackConfig | undefined {
    return this.#configs.get(trackNumber(unit));
  }

  receive(kind: TrackConfig['kind'], wanted: boolean): void {
    if (kind === 'video' && wanted && !this.#wants.video) this.#videoBroken = true;
    this.#wants[kind] = wanted;
  }

  /** Whether a frame is wanted, and of use to a decoder. */
  want(unit: AccessUnit): boolean {
    if (!this.#wants[unit.kind]) return false;
    if (unit.kind === 'video' && unit.keyframe) this.#videoBroken = false;
    return unit.kind === 'audio' || !this.#videoBroken;
  }
}
