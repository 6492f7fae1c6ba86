import type { Skip } from './blocking-reload.ts';
import { EncodedText } from './encoded-text.ts';
import { type MultivariantOptions, multivariantPlaylistText } from './live-multivariant.ts';
import { deltaUpdateText, iFramePlaylistText, mediaPlaylistText, type PlaylistSource } from './live-playlists.ts';
import type { Rendition } from './rendition.ts';
import { transportMultivariantText, transportPlaylistText } from './transport-playlists.ts';
import type { TransportVariant } from './transport-variant.ts';

/** The playlists of one state of a stream, as far as somebody has asked for them: each is written once. */
export class PackagedPlaylists {
  readonly #texts = new Map<string, EncodedText | undefined>();

  /** There is another state. */
  clear(): void {
    this.#texts.clear();
  }

  /** With `skip` an update, if there is anything to leave out. */
  media(source: PlaylistSource, rendition: Rendition, skip?: Skip): EncodedText | undefined {
    const update = skip && this.#written(`${rendition.name} ${skip}`, () => deltaUpdateText(source, rendition, skip));
    return update ?? this.#written(rendition.name, () => mediaPlaylistText(source, rendition));
  }

  /** `undefined` as long as there is no I-frame. */
  iFrames(source: PlaylistSource, rendition: Rendition): EncodedText | undefined {
    return this.#written(`${rendition.name} I-frames`, () => iFramePlaylistText(source, rendition));
  }

  multivariant(source: PlaylistSource, options: MultivariantOptions): EncodedText | undefined {
    return this.#written('index', () => multivariantPlaylistText(source, options));
  }

  /** MPEG-TS; `undefined` as long as nothing can be listed. */
  transport(source: PlaylistSource, variant: TransportVariant): EncodedText | undefined {
    return this.#written(`${variant.main.name} TS`, () => transportPlaylistText(source, variant));
  }

  /** Of one variant at least. */
  transportMultivariant(variants: readonly TransportVariant[]): EncodedText | undefined {
    return this.#written('TS', () => transportMultivariantText(variants));
  }

  #written(name: string, write: () => string | undefined): EncodedText | undefined {
    if (!this.#texts.has(name)) {
      const text = write();
      this.#texts.set(name, text === undefined ? undefined : new EncodedText(text));
    }
    return this.#texts.get(name);
  }
}
