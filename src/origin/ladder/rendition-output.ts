import { FlvReader } from '../../formats/flv/flv-file.ts';
import { FlvTrackReader } from '../../formats/flv/track-reader.ts';
import type { VideoAccessUnit } from '../../formats/media/access-unit.ts';
import type { AvcTrackConfig } from '../../formats/media/track.ts';
import { messageType } from '../../formats/rtmp/message.ts';
import type { PlacedSample } from '../following-rendition.ts';
import type { FrameCursor, FramePlace } from './source-frames.ts';

/** Takes what one rendition gives, in order; the configuration comes first. */
export interface RenditionSink {
  onConfig(config: AvcTrackConfig): void;
  onUnit(unit: PlacedSample): void;
  /** Nothing comes of it now, perhaps later. */
  giveUp(): void;
}

/** No picture of a rendition is larger. */
const maxTagBytes = 16 * 1_048_576;
/** After a longer hole a picture lasts as long as its own, and not until the next one. */
const longestPauseTicks = 90_000;

/**
 * Makes pictures at exact times of the FLV that ffmpeg writes for one rendition. Each is held until the next one has
 * come: only then is it known how long it lasts, where pictures are left out for a lower rate.
 */
export class RenditionOutput {
  readonly #cursor: FrameCursor;
  readonly #sink: Pick<RenditionSink, 'onConfig' | 'onUnit'>;
  readonly #onUnplaced: () => void;
  readonly #tags = new FlvReader({ maxTagBytes });
  readonly #tracks = new FlvTrackReader(1);
  #held: { readonly unit: VideoAccessUnit; readonly place: FramePlace } | undefined;

  /** `onUnplaced`: a picture has a time that none of the source had, and is left out. */
  constructor(cursor: FrameCursor, sink: Pick<RenditionSink, 'onConfig' | 'onUnit'>, onUnplaced: () => void) {
    this.#cursor = cursor;
    this.#sink = sink;
    this.#onUnplaced = onUnplaced;
  }

  /** Throws `ProtocolError` or `LimitError` for what is not FLV with H.264. */
  push(bytes: Uint8Array): void {
    for (const { typeId, timestampMs, payload } of this.#tags.push(bytes)) {
      if (typeId !== messageType.video) continue;
      for (const event of this.#tracks.readVideo(payload, timestampMs)) {
        if (event.kind === 'config' && event.config.codec === 'avc') {
          this.flush();
          this.#sink.onConfig(event.config);
        } else if (event.kind === 'unit' && event.unit.kind === 'video') {
          this.#place(event.unit);
        }
      }
    }
  }

  /** Nothing follows. */
  flush(): void {
    const held = this.#held;
    this.#held = undefined;
    if (held !== undefined) this.#release(held, held.place.durationTicks);
  }

  #place(unit: VideoAccessUnit): void {
    const place = this.#cursor.take(unit.timestampMs + unit.compositionOffsetMs);
    if (place === undefined) {
      this.#onUnplaced();
      return;
    }
    const held = this.#held;
    this.#held = { unit, place };
    if (held === undefined) return;
    const distance = place.dtsTicks - held.place.dtsTicks;
    this.#release(held, distance > longestPauseTicks ? held.place.durationTicks : distance);
  }

  #release({ unit, place }: { unit: VideoAccessUnit; place: FramePlace }, durationTicks: number): void {
    this.#sink.onUnit({
      dtsTicks: place.dtsTicks,
      durationTicks,
      compositionOffsetTicks: place.ptsTicks - place.dtsTicks,
      keyframe: unit.keyframe,
      data: unit.data,
    });
  }
}
