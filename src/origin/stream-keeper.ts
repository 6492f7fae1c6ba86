import type { Clock } from '../base/clock.ts';
import type { KeptStream } from '../stores/kept/kept-streams.ts';
import type { BegunSegment, MendedStream } from '../stores/kept/mended-windows.ts';
import type { KeptSegment } from '../stores/kept/segment-file.ts';
import type { StreamFiles } from '../stores/kept/stream-files.ts';
import type { PackagingKeeper, PackagingState } from './packaging-state.ts';
import type { Rendition } from './rendition.ts';
import { type StreamState, streamStateJson } from './stream-state.ts';

export interface StreamKeeperOptions {
  readonly path: string;
  readonly epoch: string;
  readonly files: StreamFiles;
  readonly clock: Clock;
  /** Nothing of the stream is kept any more. */
  readonly onGone: () => void;
}

interface ResumedStream {
  /** What is on the disk. */
  readonly kept: Pick<KeptStream, 'renditions'>;
  /** Of that, what goes on. */
  readonly segments: ReadonlyMap<string, readonly KeptSegment[]>;
  readonly mended: MendedStream;
}

/**
 * So many sequence numbers after those that have begun are taken as used until the next state is on the disk: nobody waits
 * for that, and no number may ever mean two things.
 */
const reservedMsns = 2;

function reserving(packaging: PackagingState): PackagingState {
  return { ...packaging, nextMsn: packaging.nextMsn + reservedMsns };
}

/** Writes down what a restart needs of one stream. */
export class StreamKeeper implements PackagingKeeper {
  readonly #options: StreamKeeperOptions;
  #publication: StreamState['publication'];
  #begun: StreamState['begun'];
  #ended = false;

  constructor(options: StreamKeeperOptions) {
    this.#options = options;
  }

  /** After a restart: the gaps that had to be put in are written too, so that one more restart finds the same. */
  resume(
    packaging: PackagingState,
    {
      kept,
      segments,
      mended,
      publication,
      endedWallMs,
    }: ResumedStream & Pick<StreamState, 'publication' | 'endedWallMs'>,
  ): void {
    const { files } = this.#options;
    this.#publication = publication;
    for (const [rendition, window] of mended.windows) {
      const there = new Set(segments.get(rendition)?.map(({ segment }) => segment.msn));
      files.adopt(rendition, kept.renditions.get(rendition)?.files ?? []);
      for (const segment of window) {
        if (!there.has(segment.segment.msn)) files.writeSegment(rendition, segment);
      }
    }
    this.#ended = endedWallMs !== undefined;
    this.#write({ packaging: reserving(packaging), endedWallMs });
  }

  /** Who publishes, for the next state. */
  publishedBy({ encoder, startedWallMs }: NonNullable<StreamState['publication']>): void {
    this.#publication = { encoder, startedWallMs };
  }

  onWatched(isWatched: boolean): void {
    this.#options.files.gather(!isWatched);
  }

  onSegmentBegun(packaging: PackagingState, begun: BegunSegment): void {
    this.#begun = begun;
    this.onStateChanged(packaging);
  }

  onStateChanged(packaging: PackagingState): void {
    this.#write({ packaging: reserving(packaging), endedWallMs: undefined });
  }

  onPart(rendition: Rendition): void {
    const msn = rendition.window.open?.head.msn;
    if (msn !== undefined)
      this.#options.files.writeParts(rendition.name, msn, (from) => rendition.openParts(msn, from));
  }

  onSegment({ name, window, lastSegment }: Rendition): void {
    const { files } = this.#options;
    if (lastSegment !== undefined) files.writeSegment(name, lastSegment);
    files.removeBefore(name, window.oldestMsn ?? 0);
  }

  onIdle(packaging: PackagingState): void {
    this.#begun = undefined;
    this.onStateChanged(packaging);
    // With all that waits.
    this.#options.files.closeParts();
  }

  /** The process ends, and nothing will begin any more: no number is used that viewers do not know. */
  onClose(packaging: PackagingState | undefined): void {
    this.#options.files.closeParts();
    if (packaging !== undefined && this.#begun === undefined && !this.#ended)
      this.#write({ packaging, endedWallMs: undefined });
  }

  onEnd(packaging: PackagingState | undefined): void {
    this.#ended = true;
    this.#options.files.gather(false);
    if (packaging === undefined) return;
    this.#begun = undefined;
    this.#write({ packaging, endedWallMs: this.#options.clock.wallMs() });
  }

  /** Viewers get nothing of the stream any more. */
  discard(): void {
    this.#options.files.removeAll(this.#options.onGone);
  }

  #write(state: Pick<StreamState, 'packaging' | 'endedWallMs'>): void {
    const { path, epoch, files, clock } = this.#options;
    files.writeState(
      streamStateJson({
        path,
        epoch,
        savedWallMs: clock.wallMs(),
        publication: this.#publication,
        begun: this.#begun,
        ...state,
      }),
    );
  }
}
