import { withOwnData } from '../base/own-copies.ts';
import type { AccessUnit } from '../formats/media/access-unit.ts';
import type { ColorInfo } from '../formats/media/color-info.ts';
import { type DataMessage, metadataName } from '../formats/media/data-message.ts';
import { sameTrackConfig, type TrackConfig } from '../formats/media/track.ts';
import type { LiveStream } from '../live/live-stream.ts';
import type { PulledSink } from '../rtmp/rtmp-pull.ts';

/** Metadata, cues and the like that are kept back at most while a pull is compared. */
const maxHeldBesideUnits = 1_000;

/** What a pull has brought while it is not known whether it is the publication that viewers have. */
interface Held {
  readonly apply: () => void;
  /** Says what is in force: applied also where viewers go on with what they have. */
  readonly inForce: boolean;
}

type State =
  /** `record` is the GOP that viewers had last; its first `matched` access units have come again. */
  | { readonly kind: 'comparing'; readonly record: readonly AccessUnit[]; matched: number; held: Held[] }
  /** `offsetMs` leads from the timestamps of this pull to those of the stream. */
  | { readonly kind: 'passing'; readonly offsetMs: number }
  | { readonly kind: 'over' };

/**
 * What one pull brings, on its way into the stream of an edge. Where an interrupted pull has left a publication standing
 * and this one begins with the very same GOP, the same bytes in the same order, viewers go on behind what they have had:
 * they see nothing twice, and nothing is missing. With anything else a publication begins anew. Only bytes are compared:
 * origins count time from wherever they please, and one from another house says nothing else that could be compared.
 */
export class PulledPublication implements PulledSink {
  readonly #stream: LiveStream;
  readonly #begin: () => void;
  #state: State;

  /** `begin` starts a publication of `stream`. */
  constructor(stream: LiveStream, begin: () => void) {
    this.#stream = stream;
    this.#begin = begin;
    const record = stream.publication === undefined ? [] : stream.runningGop;
    this.#state = { kind: 'comparing', record, matched: 0, held: [] };
    if (record.length === 0) this.#beginAnew();
  }

  setTrackConfig(config: TrackConfig): void {
    const current = this.#stream.trackConfigs.find(
      ({ kind, trackId }) => kind === config.kind && trackId === config.trackId,
    );
    const same = current !== undefined && sameTrackConfig(current, config);
    if (!same && this.#state.kind === 'comparing') this.#beginAnew();
    this.#apply(() => this.#stream.setTrackConfig(config), true);
  }

  setColorInfo(trackId: number, colorInfo: ColorInfo | undefined): void {
    this.#apply(() => this.#stream.setColorInfo(trackId, colorInfo), true);
  }

  push(unit: AccessUnit): void {
    if (this.#state.kind === 'comparing') this.#compare(unit, this.#state);
    else if (this.#state.kind === 'passing') this.#pushAt(unit, this.#state.offsetMs);
  }

  pushData(message: DataMessage): void {
    this.#apply((offsetMs) => {
      this.#stream.pushData({ ...message, timestampMs: (message.timestampMs + offsetMs) >>> 0 });
    }, message.name === metadataName);
  }

  nameEncoder(encoder: string): void {
    this.#apply(() => this.#stream.nameEncoder(encoder), true);
  }

  release(): void {
    if (this.#state.kind === 'over') return;
    this.#state = { kind: 'over' };
    this.#stream.stopPublication();
  }

  interrupted(): void {
    this.#state = { kind: 'over' };
  }

  #compare(unit: AccessUnit, state: Extract<State, { kind: 'comparing' }>): void {
    const expected = state.record[state.matched];
    if (expected === undefined || !sameUnit(expected, unit)) {
      this.#beginAnew();
      this.#stream.push(unit);
      return;
    }
    state.matched++;
    const kept = withOwnData(unit);
    state.held.push({ apply: () => this.#stream.push(kept), inForce: false });
    if (state.matched < state.record.length) return;
    this.#state = { kind: 'passing', offsetMs: (expected.timestampMs - unit.timestampMs) | 0 };
    for (const { apply, inForce } of state.held) if (inForce) apply();
  }

  #pushAt(unit: AccessUnit, offsetMs: number): void {
    this.#stream.push(offsetMs === 0 ? unit : { ...unit, timestampMs: (unit.timestampMs + offsetMs) >>> 0 });
  }

  #apply(action: (offsetMs: number) => void, inForce: boolean): void {
    const state = this.#state;
    if (state.kind === 'passing') action(state.offsetMs);
    if (state.kind !== 'comparing') return;
    state.held.push({ apply: () => action(0), inForce });
    if (state.held.length > state.matched + maxHeldBesideUnits) this.#beginAnew();
  }

  #beginAnew(): void {
    const state = this.#state;
    this.#state = { kind: 'passing', offsetMs: 0 };
    this.#begin();
    if (state.kind === 'comparing') for (const { apply } of state.held) apply();
  }
}

function sameUnit(a: AccessUnit, b: AccessUnit): boolean {
  return a.kind === b.kind && a.trackId === b.trackId && Buffer.compare(a.data, b.data) === 0;
}
