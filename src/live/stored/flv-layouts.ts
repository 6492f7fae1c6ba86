import type { Clock } from '../../base/clock.ts';
import { asError } from '../../base/thrown.ts';
import { type FlvLayout, type FlvSelection, layOutFlv } from '../../formats/flv-layout/flv-layout.ts';
import type { Mp4Media } from '../../formats/mp4-index/mp4-media.ts';
import { trackNumber } from '../../formats/media/track.ts';

type Laying = Promise<FlvLayout | undefined>;

/** Layouts of media as FLV files: made once for all who ask, and kept as long as the media is. */
export class FlvLayouts {
  readonly #clock: Clock;
  readonly #layouts = new WeakMap<Mp4Media, Map<string, Laying>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** As `layOutFlv`, with others having a turn meanwhile. */
  of(media: Mp4Media, selection: FlvSelection): Laying {
    const layouts = this.#layouts.get(media) ?? new Map<string, Laying>();
    this.#layouts.set(media, layouts);
    const name = `${selection.trackConfigs.map(trackNumber).join()} ${selection.dialect}`;
    const known = layouts.get(name) ?? this.#lay(media, selection);
    layouts.set(name, known);
    return known;
  }

  #lay(media: Mp4Media, selection: FlvSelection): Laying {
    const laying = layOutFlv(media, selection);
    return new Promise((resolve, reject) => {
      const goOn = (): void => {
        try {
          const step = laying.next();
          if (step.done === true) resolve(step.value);
          else this.#clock.after(0, goOn);
        } catch (error) {
          reject(asError(error));
        }
      };
      goOn();
    });
  }
}
