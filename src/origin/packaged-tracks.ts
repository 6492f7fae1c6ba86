import { type CmafTrackConfig, isCmafTrack } from '../formats/cmaf/cmaf-track.ts';
import type { ColorInfo } from '../formats/media/color-info.ts';
import { type DataMessage, metadataName } from '../formats/media/data-message.ts';
import { sameTrackConfig, type TrackConfig, trackNumber } from '../formats/media/track.ts';
import { type TrackLabel, trackLabels } from '../formats/media/track-labels.ts';
import { withColorInfo } from '../formats/media/video-color.ts';

/** The tracks of a publication whose codec is packaged, each with what the publisher says of it beside the bitstream. */
export class PackagedTracks {
  /** By number. */
  readonly #configs = new Map<number, CmafTrackConfig>();
  /** By the id of a video track. */
  readonly #colorInfos = new Map<number, ColorInfo>();
  #labels: ReadonlyMap<number, TrackLabel> = new Map();

  clear(): void {
    this.#configs.clear();
    this.#colorInfos.clear();
  }

  /** What the publisher of now, or the last one, calls its tracks, by number. */
  get labels(): ReadonlyMap<number, TrackLabel> {
    return this.#labels;
  }

  /** Whether it is one that says what tracks are called. */
  setMetadata(message: DataMessage): boolean {
    if (message.name !== metadataName) return false;
    this.#labels = trackLabels(message);
    return true;
  }

  has(track: Pick<TrackConfig, 'kind' | 'trackId'>): boolean {
    return this.#configs.has(trackNumber(track));
  }

  /** The configuration to package with; `undefined` when the codec is none that is packaged, or not `accepted`. */
  configure(config: TrackConfig, accepted: (config: CmafTrackConfig) => boolean): CmafTrackConfig | undefined {
    if (isCmafTrack(config) && accepted(config)) {
      this.#configs.set(trackNumber(config), config);
      return this.#withColorInfo(config);
    }
    this.#configs.delete(trackNumber(config));
    return undefined;
  }

  /** The configuration to package with from now on; `undefined` when nothing has changed. */
  setColorInfo(trackId: number, colorInfo: ColorInfo | undefined): CmafTrackConfig | undefined {
    const config = this.#configs.get(trackNumber({ kind: 'video', trackId }));
    const before = config && this.#withColorInfo(config);
    if (colorInfo === undefined) this.#colorInfos.delete(trackId);
    else this.#colorInfos.set(trackId, colorInfo);
    const after = config && this.#withColorInfo(config);
    // What the bitstream says as well changes nothing.
    return before === undefined || after === undefined || sameTrackConfig(before, after) ? undefined : after;
  }

  #withColorInfo(config: CmafTrackConfig): CmafTrackConfig {
    const colorInfo = config.kind === 'video' ? this.#colorInfos.get(config.trackId) : undefined;
    if (config.kind !== 'video' || colorInfo === undefined) return config;
    return { ...config, color: withColorInfo(config.color, colorInfo) };
  }
}
