import { SelectableList } from './selectable-list.ts';

/** An audio track as the HTML standard has it, and as media-chrome's menu reads it. */
export interface AudioTrack {
  readonly id: string;
  readonly kind: string;
  readonly label: string;
  /** A tag of BCP 47, or nothing. */
  readonly language: string;
  enabled: boolean;
}

/** What media-chrome looks for at `media.audioTracks`: the browser's own list, where it has one, or `AudioTracks`. */
export interface AudioTrackList extends EventTarget, Iterable<AudioTrack> {
  readonly length: number;
}

/** An EXT-X-MEDIA of TYPE=AUDIO (rfc8216bis §4.4.6.1): NAME, LANGUAGE and DEFAULT. */
export interface AudioRendition {
  readonly name: string;
  readonly lang?: string | undefined;
  readonly default: boolean;
}

/**
 * The audio tracks of a playlist that the page plays itself. One of them sounds: to enable it disables the others, and
 * to disable it alone does nothing.
 */
export class AudioTracks extends SelectableList<AudioTrack> implements AudioTrackList {
  /** Takes the place of all tracks; none is selected then. */
  replace(renditions: readonly AudioRendition[]): void {
    this.selectedIndex = -1;
    this.put(renditions.map((rendition, index) => this.#track(rendition, index)));
    this.dispatchEvent(new Event(renditions.length === 0 ? 'removetrack' : 'addtrack'));
  }

  #track({ name, lang = '', default: isDefault }: AudioRendition, index: number): AudioTrack {
    const selected = () => this.selectedIndex === index;
    const select = () => {
      this.selectedIndex = index;
    };
    return {
      id: `${index}`,
      kind: isDefault ? 'main' : 'alternative',
      label: name,
      language: lang,
      get enabled() {
        return selected();
      },
      set enabled(enabled) {
        if (enabled) select();
      },
    };
  }
}

/** Puts the list where media-chrome finds it, in place of the browser's; before `media` enters a media-controller. */
export function offerAudioTracks(media: object, tracks: AudioTracks): void {
  Object.defineProperty(media, 'audioTracks', { value: tracks, configurable: true });
}
