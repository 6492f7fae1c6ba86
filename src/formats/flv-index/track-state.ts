import { ProtocolError } from '../../base/errors.ts';
import { type FlvTrackEvent, FlvTrackReader } from '../flv/track-reader.ts';
import type { AccessUnit } from '../media/access-unit.ts';
import type { ColorInfo } from '../media/color-info.ts';
import { sameTrackConfig, type TrackConfig, trackNumber } from '../media/track.ts';
import { withColorInfo } from '../media/video-color.ts';
import { messageType } from '../rtmp/message.ts';

/** A codec that a file holds and that is not carried. */
export interface UnsupportedTrack {
  readonly media: TrackConfig['kind'];
  readonly trackId: number;
  readonly codec: string;
}

export type TrackItem =
  | { readonly kind: 'config'; readonly config: TrackConfig }
  | { readonly kind: 'unit'; readonly unit: AccessUnit };

/**
 * The configurations in force at a place in a file: makes of tags what they say of their tracks, a configuration only
 * where it is another than before.
 */
export class TrackState {
  readonly #reader = new FlvTrackReader();
  /** As the tags said it, without what stands beside it. */
  readonly #told = new Map<number, TrackConfig>();
  readonly #colors = new Map<number, ColorInfo>();
  readonly #inForce = new Map<number, TrackConfig>();
  readonly #unsupported = new Map<number, UnsupportedTrack>();

  /** Video first, by track. */
  get configs(): readonly TrackConfig[] {
    return [...this.#inForce].sort(([a], [b]) => a - b).map(([, config]) => config);
  }

  get unsupported(): readonly UnsupportedTrack[] {
    return [...this.#unsupported.values()];
  }

  has(kind: TrackConfig['kind']): boolean {
    return (
      [...this.#inForce.values()].some((config) => config.kind === kind) ||
      [...this.#unsupported.values()].some(({ media }) => media === kind)
    );
  }

  /** These are known to be in force. They do not replace the tags that said so: a decoder's record comes from those. */
  assume(configs: readonly TrackConfig[]): void {
    for (const config of configs) this.#inForce.set(trackNumber(config), config);
  }

  /** A tag of audio or video, `at` this byte of the file. Throws `ProtocolError`, with that place, for what cannot be read. */
  read(typeId: number, body: Uint8Array, timestampMs: number, at: number): TrackItem[] {
    const items: TrackItem[] = [];
    for (const event of this.#events(typeId, body, timestampMs, at)) this.#take(event, items);
    return items;
  }

  #events(typeId: number, body: Uint8Array, timestampMs: number, at: number): FlvTrackEvent[] {
    try {
      if (typeId === messageType.video) return this.#reader.readVideo(body, timestampMs);
      return typeId === messageType.audio ? this.#reader.readAudio(body, timestampMs) : [];
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      const sentence = `an FLV tag that cannot be read (${error.message}): remux the file`;
      throw new ProtocolError('FLV_TAG', sentence, { byteOffset: at, cause: error });
    }
  }

  #take(event: FlvTrackEvent, items: TrackItem[]): void {
    switch (event.kind) {
      case 'config':
        this.#told.set(trackNumber(event.config), event.config);
        this.#settle(event.config, items);
        break;
      case 'unit':
        items.push(event);
        break;
      case 'color-info': {
        const number = trackNumber({ kind: 'video', trackId: event.trackId });
        if (event.colorInfo === undefined) this.#colors.delete(number);
        else this.#colors.set(number, event.colorInfo);
        const told = this.#told.get(number);
        if (told !== undefined) this.#settle(told, items);
        break;
      }
      case 'unsupported': {
        const { media, trackId, codec } = event;
        this.#unsupported.set(trackNumber({ kind: media, trackId }), { media, trackId, codec });
        break;
      }
      case 'dropped':
        break;
    }
  }

  #settle(told: TrackConfig, items: TrackItem[]): void {
    const number = trackNumber(told);
    const colors = this.#colors.get(number);
    const config =
      told.kind === 'video' && colors !== undefined ? { ...told, color: withColorInfo(told.color, colors) } : told;
    const before = this.#inForce.get(number);
    if (before !== undefined && sameTrackConfig(before, config)) return;
    this.#inForce.set(number, config);
    items.push({ kind: 'config', config });
  }
}
