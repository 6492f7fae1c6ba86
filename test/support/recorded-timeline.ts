import type { CmafTrackConfig } from '../../src/formats/cmaf/cmaf-track.ts';
import type { AccessUnit } from '../../src/formats/media/access-unit.ts';
import { trackNumber } from '../../src/formats/media/track.ts';
import type { TimedUnit } from '../../src/policy/timed-unit.ts';
import { Timeline } from '../../src/policy/timeline.ts';
import { audioConfig, videoConfig } from './synthetic-units.ts';

/** When the publisher begins. */
export const startWallMs = 1_700_000_000_000;
const videoTrack = trackNumber(videoConfig);
const audioTrack = trackNumber(audioConfig);
export const isPicture = ({ track }: TimedUnit) => track === videoTrack;

/** What a timeline gives of what a publisher sends it. */
export class RecordedTimeline {
  readonly epochs: { readonly tracks: readonly CmafTrackConfig[]; readonly atUnit: number }[] = [];
  readonly units: TimedUnit[] = [];
  readonly late: string[] = [];
  readonly timeline = new Timeline({
    onEpoch: (tracks) => this.epochs.push({ tracks: tracks.map(({ config }) => config), atUnit: this.units.length }),
    onUnit: (unit) => this.units.push(unit),
    // What is expected comes.
    onExpectedUnit: () => {},
    onLateTrack: (config) => this.late.push(config.kind),
  });
  #wallMs = startWallMs;

  start(...configs: CmafTrackConfig[]): this {
    this.timeline.startPublication();
    for (const config of configs) this.timeline.setTrackConfig(config);
    return this;
  }

  /** One after the other, each when its timestamp says, by a publisher whose first unit comes now. */
  push(units: readonly AccessUnit[]): this {
    const firstMs = units[0]?.timestampMs ?? 0;
    const fromWallMs = this.#wallMs;
    for (const unit of units) {
      this.#wallMs = Math.max(this.#wallMs, fromWallMs + Math.min((unit.timestampMs - firstMs) | 0, 60_000));
      this.timeline.push(unit, this.#wallMs);
    }
    return this;
  }

  wait(ms: number): this {
    this.#wallMs += ms;
    return this;
  }

  stop(): this {
    this.timeline.stopPublication();
    return this;
  }

  get video(): TimedUnit[] {
    return this.units.filter(({ track }) => track === videoTrack);
  }

  get audio(): TimedUnit[] {
    return this.units.filter(({ track }) => track === audioTrack);
  }
}
