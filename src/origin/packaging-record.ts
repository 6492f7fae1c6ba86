import type { PackagingKeeper, PackagingState } from './packaging-state.ts';
import type { RenditionSetOptions } from './rendition-set.ts';

/** Tells whoever keeps a stream for a restart, if anybody does, how far it is. */
export class PackagingRecord {
  readonly #keeper: PackagingKeeper | undefined;
  readonly #state: () => PackagingState | undefined;

  constructor(keeper: PackagingKeeper | undefined, state: () => PackagingState | undefined) {
    this.#keeper = keeper;
    this.#state = state;
  }

  /** What its renditions tell. */
  get ofRenditions(): Pick<RenditionSetOptions, 'onBegun' | 'onRenditionChanged' | 'onPart' | 'onSegment'> {
    return {
      onBegun: (begun) => this.#write((keeper, state) => keeper.onSegmentBegun(state, begun)),
      onRenditionChanged: () => this.onStateChanged(),
      onPart: (rendition) => this.#keeper?.onPart(rendition),
      onSegment: (rendition) => this.#keeper?.onSegment(rendition),
    };
  }

  onStateChanged(): void {
    this.#write((keeper, state) => keeper.onStateChanged(state));
  }

  /** Nothing is open, and nothing will begin until a publisher comes. */
  onIdle(): void {
    this.#write((keeper, state) => keeper.onIdle(state));
  }

  onEnd(): void {
    this.#keeper?.onEnd(this.#state());
  }

  #write(write: (keeper: PackagingKeeper, state: PackagingState) => void): void {
    const keeper = this.#keeper;
    const state = keeper && this.#state();
    if (keeper !== undefined && state !== undefined) write(keeper, state);
  }
}
