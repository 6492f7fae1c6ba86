import type { TrackConfig } from '../media/track.ts';

/** What a sample entry says of the samples that name it. */
export interface SampleDescription {
  readonly kind: TrackConfig['kind'];
  readonly codec: TrackConfig['codec'];
  /** Keyframes may bring another configuration than this one. */
  readonly inBand: boolean;
  /**
   * `sample` is the beginning of the first sample at which decoding can start. `undefined` without it where it says what
   * the entry does not, and with it where it does not say it either. Throws `ProtocolError`.
   */
  readonly configure: (trackId: number, sample?: Uint8Array) => TrackConfig | undefined;
}
