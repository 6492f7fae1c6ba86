import type { UpstreamExchange } from '../http/upstream.ts';
import type { BanList } from '../policy/ban-list.ts';
import type { ByteRange } from '../policy/range-selection.ts';
import type { BodyReader } from '../stores/body-reader.ts';
import type { CachedResponse, ResponseHead, SlicedManifest } from './edge-response.ts';
import type { SliceHandler, SliceSource } from './slice-request.ts';
import { SlicedObject, type SliceSurroundings } from './sliced-object.ts';
import type { ReadAhead } from './sliced-reader.ts';

/** Takes what comes of an object that is cut into slices. */
export interface SlicedIntake extends SliceHandler {
  /** Ends it if nobody reads. To be called when the first readers have been opened. */
  settle(): void;
}

export interface SlicedObjectsOptions extends SliceSurroundings {
  readonly bans: BanList;
  readonly sliceBytes: number;
  /** Objects of at least this length are kept in slices. */
  readonly slicedFromBytes: number;
}

/** The large objects of an edge that are being read or fetched. The rest of them is in the store, and only there. */
export class SlicedObjects {
  readonly slicedFromBytes: number;
  readonly sliceBytes: number;
  readonly #options: SlicedObjectsOptions;
  readonly #objects = new Map<string, SlicedObject>();

  constructor(options: SlicedObjectsOptions) {
    this.slicedFromBytes = options.slicedFromBytes;
    this.sliceBytes = options.sliceBytes;
    this.#options = options;
  }

  /** How many are being read or fetched. */
  get size(): number {
    return this.#objects.size;
  }

  /**
   * What slices of this version have in common. The ETag is strong: what has the same one has the same bytes, so that
   * slices outlive a manifest that was let go and has come back. Not over an invalidation, by whose `sequence` it is
   * told apart: an operator may know better than the ETag.
   */
  manifest(entityTag: string, lengthBytes: number, sequence: number): SlicedManifest {
    const { sliceBytes } = this.#options;
    return { identity: `${entityTag} ${lengthBytes}/${sliceBytes} ${sequence}`, lengthBytes, sliceBytes, entityTag };
  }

  /**
   * Takes over an exchange that has begun to bring the whole of an object, or the first of its slices alone. What comes is
   * to be handed to the intake.
   */
  adopt(cacheKey: string, manifest: CachedResponse, exchange: UpstreamExchange, firstSliceOnly: boolean): SlicedIntake {
    return this.#object(cacheKey, manifest.head).adopt(exchange, firstSliceOnly);
  }

  /**
   * Reads a range of an object whose manifest was found in the store. `source`: where what is missing is fetched;
   * `readAhead`: how much of it before it is read.
   */
  openReader(
    cacheKey: string,
    manifest: CachedResponse,
    source: SliceSource,
    range: ByteRange,
    onProgress: () => void,
    readAhead: ReadAhead = 'steady',
  ): BodyReader {
    return this.#object(cacheKey, manifest.head).openReader(range, source, onProgress, readAhead);
  }

  #object(cacheKey: string, head: ResponseHead): SlicedObject {
    const { sliced, variantKey } = head;
    if (sliced === undefined) throw new TypeError('only what has a manifest is kept in slices');
    const name = [cacheKey, sliced.identity, variantKey].join('\n');
    const running = this.#objects.get(name);
    if (running !== undefined && !running.isGone && this.#isJoinable(cacheKey, running)) return running;
    const object = new SlicedObject(this.#options, cacheKey, head, sliced, () => {
      if (this.#objects.get(name) === object) this.#objects.delete(name);
    });
    this.#objects.set(name, object);
    return object;
  }

  /** What has been banned since it began goes on for its readers; whoever comes gets nothing of it, the same ETag or not. */
  #isJoinable(cacheKey: string, running: SlicedObject): boolean {
    const { bans } = this.#options;
    if (bans.isOutdated(cacheKey, running.tags, running.sequence)) return false;
    running.sequence = bans.current;
    return true;
  }
}
