import { SelectableList } from './selectable-list.ts';

/** A rendition as media-chrome's quality menu reads it. */
export interface VideoRendition {
  readonly id: string;
  readonly width: number;
  readonly height: number;
  readonly bitrate: number;
}

/**
 * The list of renditions that media-chrome looks for at `media.videoRenditions`, after the media-tracks proposal: an
 * iterable of renditions with `selectedIndex`, −1 for automatic.
 */
export class VideoRenditions extends SelectableList<VideoRendition> {
  readonly [index: number]: VideoRendition;

  /** Takes the place of all renditions; the choice goes back to automatic. */
  replace(renditions: readonly VideoRendition[]): void {
    const before = this.length;
    this.put(renditions);
    for (let index = 0; index < Math.max(before, renditions.length); index += 1) {
      const rendition = renditions[index];
      if (rendition === undefined) Reflect.deleteProperty(this, index);
      else Object.defineProperty(this, index, { value: rendition, configurable: true });
    }
    this.dispatchEvent(new Event(renditions.length < before ? 'removerendition' : 'addrendition'));
    // Back to automatic, said only if it was not: who hears it drops what is buffered of another choice.
    this.selectedIndex = -1;
  }
}

/** Puts the list where media-chrome finds it; to be done before the element enters a media-controller. */
export function offerRenditions(video: HTMLVideoElement): VideoRenditions {
  const renditions = new VideoRenditions();
  Object.defineProperty(video, 'videoRenditions', { value: renditions, configurable: true });
  return renditions;
}
