import type { SegmentCutter } from '../policy/segment-cutter.ts';
import { FollowingRendition, firstFollowingTrack } from './following-rendition.ts';

/** The renditions of one stream that are made of the publisher's, each known by its name. */
export class FollowingRenditions {
  readonly #renditions = new Map<string, FollowingRendition>();
  #cutter: SegmentCutter | undefined;

  has(name: string): boolean {
    return this.#renditions.has(name);
  }

  /** Comes into being when it is asked for the first time. */
  get(name: string): FollowingRendition {
    const existing = this.#renditions.get(name);
    if (existing !== undefined) return existing;
    const track = Math.max(firstFollowingTrack - 1, ...[...this.#renditions.values()].map((other) => other.track)) + 1;
    const created = new FollowingRendition({ name, track });
    this.#renditions.set(name, created);
    if (this.#cutter !== undefined) created.attach(this.#cutter);
    return created;
  }

  /** One from before a restart. */
  restore({ name, track }: { readonly name: string; readonly track: number }): void {
    this.#renditions.set(name, new FollowingRendition({ name, track }));
  }

  /** What the track with this number is called, if it is one of them. */
  nameOf(track: number): string | undefined {
    for (const rendition of this.#renditions.values()) {
      if (rendition.track === track) return rendition.name;
    }
    return undefined;
  }

  /** There is something to cut by. */
  attach(cutter: SegmentCutter): void {
    this.#cutter = cutter;
    for (const rendition of this.#renditions.values()) rendition.attach(cutter);
  }

  /** The stream is over. */
  end(): void {
    for (const rendition of this.#renditions.values()) rendition.end();
  }
}
