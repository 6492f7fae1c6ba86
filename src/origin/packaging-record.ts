import type { PackagingKeeper, PackagingState } from './packaging-state.ts';
import type { Rendition } from './rendition.ts';
import type { RenditionSetOptions } from './rendition-set.ts';
import type { ViewerPatience } from './viewer-patience.ts';

/** Tells whoever keeps a stream for a restart, if anybody does, how far it is. */
export class PackagingRecord {
  readonly #keeper: PackagingKeeper | undefined;
  readonly #state: () => PackagingState | undefined;
  readonly #patience: Pick<ViewerPatience, 'isWatched' | 'isAwaited'>;

  /**
   * While nobody waits for parts, nobody plays any of the segment that is open: it is kept when it is complete, and while
   * nobody watches a little later than that. To write each part would cost as much as to make it.
   */
  constructor(
    keeper: PackagingKeeper | undefined,
    state: () => PackagingState | undefined,
    patience: Pick<ViewerPatience, 'isWatched' | 'isAwaited'>,
  ) {
    this.#keeper = keeper;
    this.#state = state;
    this.#patience = patience;
  }

  /** What its renditions tell. */
  get ofRenditions(): Pick<RenditionSetOptions, 'onBegun' | 'onRenditionChanged' | 'onPart' | 'onSegment'> {
    return {
      onBegun: (begun) => this.#write((keeper, state) => keeper.onSegmentBegun(state, begun)),
      onRenditionChanged: () => this.onStateChanged(),
      onPart: (rendition) => {
        if (this.#patience.isAwaited) this.#keeper?.onPart(rendition);
      },
      onSegment: (rendition) => {
        this.#keeper?.onWatched(this.#patience.isWatched);
        this.#keeper?.onSegment(rendition);
      },
    };
  }

  onStateChanged(): void {
    this.#write((keeper, state) => keeper.onStateChanged(state));
  }

  /** Somebody watches, and nobody did. */
  onWatched(): void {
    this.#keeper?.onWatched(true);
  }

  /** Somebody waits for parts, and nobody did: he will meet those that there are. */
  onAwaited(renditions: readonly Rendition[]): void {
    for (const rendition of renditions) this.#keeper?.onPart(rendition);
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
    if (keeper === undefined || state === undefined) return;
    keeper.onWatched(this.#patience.isWatched);
    write(keeper, state);
  }
}
