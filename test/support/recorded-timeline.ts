import { withOwnData } from '../../src/base/own-copies.ts';
import { silentFrame } from '../../src/formats/aac/silent-frame.ts';
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
    onUnit: (unit) => this.#take(unit),
    // What is expected comes.
    onExpectedUnit: () => {},
    onLateTrack: (config) => this.late.push(config.kind),
  });
  readonly #contents = new Set([contentOf(silence)]);
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
      this.pushAt(unit, this.#wallMs);
    }
    return this;
  }

  /** Its data are lent for the call. */
  pushAt(unit: AccessUnit, wallMs: number): void {
    this.#contents.add(contentOf(unit.data));
    const lent = withOwnData(unit);
    this.timeline.push(lent, wallMs);
    lent.data.fill(0xdb).fill(0x24, -1);
  }

  wait(ms: number): this {
    this.#wallMs += ms;
    return this;
  }

  stop(): this {
    this.timeline.stopPublication();
    return this;
  }

  /** Inserted where nothing was sent. */
  get inserted(): TimedUnit[] {
    return this.audio.filter(({ data }) => contentOf(data) === contentOf(silence));
  }

  get video(): TimedUnit[] {
    return this.units.filter(({ track }) => track === videoTrack);
  }

  get audio(): TimedUnit[] {
    return this.units.filter(({ track }) => track === audioTrack);
  }

  #take(unit: TimedUnit): void {
    if (!this.#contents.has(contentOf(unit.data))) throw new Error('the timeline gives data that nobody has sent');
    this.units.push(withOwnData(unit));
  }
}

const silence = silentFrame(audioConfig) ?? new Uint8Array(0);

function contentOf(data: Uint8Array): string {
  return Buffer.from(data).toString('hex');
}
