import type { Clock } from '../../base/clock.ts';
import { LimitError, ProtocolError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { SharedMedia, StoredMedia } from '../../formats/media/stored-media.ts';
import { decodeStoredMedia } from '../../formats/stored-media/record.ts';
import type { CacheStore } from '../../stores/cache-store.ts';
import type { CachedResponse } from '../edge-response.ts';
import { StoredSlices } from '../stored-slices.ts';
import type { FileVersion } from './file-version.ts';
import { LaterEncodings } from './later-encodings.ts';
import type { MediaOpener, OpenedMedia } from './media-opener.ts';

/** Of opened media that nobody plays perhaps. */
const maxBytes = 67_108_864;
/** The objects around an index. */
const fixedBytes = 4_096;
/** What cannot be played is not read again for this long, as long as it is the same version. */
const refusalMs = 300_000;
/** What may be otherwise in a moment. */
const shortRefusalMs = 2_000;
const maxRefusals = 1_000;

export interface MediaShelfOptions {
  readonly opener: Pick<MediaOpener, 'open'>;
  readonly store: CacheStore<CachedResponse>;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Media files that have been opened, by version: each once for all who play it, however many come at once. The latest are
 * at hand; of larger files the index is in the store beside their slices, on disk if they are, and goes with them when an
 * invalidation names the file.
 */
export class MediaShelf {
  readonly #options: MediaShelfOptions;
  /** The latest used last. */
  readonly #opened = new Map<string, { readonly media: StoredMedia; readonly bytes: number }>();
  readonly #opening = new Map<string, Promise<StoredMedia>>();
  /** The oldest first. */
  readonly #refused = new Map<string, { readonly error: Error; readonly untilMs: number }>();
  readonly #encodings: LaterEncodings;
  #bytes = 0;

  constructor(options: MediaShelfOptions) {
    this.#options = options;
    this.#encodings = new LaterEncodings(options.clock);
  }

  get stats(): { readonly media: number; readonly bytes: number; readonly refused: number } {
    return { media: this.#opened.size, bytes: this.#bytes, refused: this.#refused.size };
  }

  /** What was not encoded yet is not kept. */
  close(): void {
    this.#encodings.close();
  }

  /** Rejects as `MediaOpener.open` does. */
  media(version: FileVersion): Promise<StoredMedia> {
    const { name } = version;
    const opened = this.#opened.get(name);
    if (opened !== undefined) {
      this.#opened.delete(name);
      this.#opened.set(name, opened);
      return Promise.resolve(opened.media);
    }
    const refused = this.#refusal(name);
    if (refused !== undefined) return Promise.reject(refused);
    const running = this.#opening.get(name);
    if (running !== undefined) return running;
    const opening = this.#open(version).finally(() => this.#opening.delete(name));
    this.#opening.set(name, opening);
    return opening;
  }

  async #open(version: FileVersion): Promise<StoredMedia> {
    const { opener, clock, log } = this.#options;
    const startedMs = clock.monotonicMs();
    try {
      const stored = this.#storedPart(version);
      const kept = stored && (stored.get('index') ?? (await stored.recall('index')));
      // What is open is views of it.
      kept?.memory?.lend();
      const media = kept && this.#decoded(kept.bytes);
      if (media !== undefined) return this.#shelve(version, media, kept?.bytes.length ?? 0);
      // From now on: a ban that speaks meanwhile speaks of it.
      const keep = stored?.keeper();
      this.#encodings.postpone();
      const { shared, encode } = await opener.open(version);
      const fresh = decodeStoredMedia(shared.record, shared.beside);
      const { container, durationMs } = fresh;
      const tookMs = Math.round(clock.monotonicMs() - startedMs);
      log.info({ cacheKey: version.cacheKey, container, durationMs, tookMs }, 'media file opened');
      const sharedBytes = bytesOf(shared);
      this.#encodings.add(sharedBytes, () => this.#keepEncoded(version, fresh, encode, keep));
      return this.#shelve(version, fresh, sharedBytes);
    } catch (error) {
      this.#refuse(version, error);
      throw error;
    }
  }

  /** Writes down what was opened for the store, and lets go the memory that this saves. */
  async #keepEncoded(
    version: FileVersion,
    media: StoredMedia,
    encode: OpenedMedia['encode'],
    keep: ReturnType<StoredSlices['keeper']> | undefined,
  ): Promise<void> {
    try {
      const encoded = await encode();
      keep?.('index', { bytes: Buffer.from(encoded.buffer, encoded.byteOffset, encoded.byteLength) });
      media.replaceTables?.(decodeStoredMedia(encoded));
      if (this.#opened.get(version.name)?.media === media) this.#shelve(version, media, encoded.length);
    } catch (error) {
      // It can be played all the same, and is opened anew by whoever comes when it is not at hand any more.
      this.#options.log.debug({ err: error, cacheKey: version.cacheKey }, 'the index of a media file was not kept');
    }
  }

  #storedPart({ cacheKey, response, sliced }: FileVersion): StoredSlices | undefined {
    return sliced && new StoredSlices(this.#options.store, cacheKey, response.head, sliced);
  }

  /** `undefined`: an older version of this program has written it. */
  #decoded(bytes: Buffer): StoredMedia | undefined {
    try {
      return decodeStoredMedia(bytes);
    } catch (error) {
      if (error instanceof ProtocolError) return undefined;
      throw error;
    }
  }

  #shelve({ name, response, sliced }: FileVersion, media: StoredMedia, indexBytes: number): StoredMedia {
    // A small file goes on being held by what is open.
    const bytes = fixedBytes + indexBytes + (sliced === undefined ? response.costBytes : 0);
    this.#bytes += bytes - (this.#opened.get(name)?.bytes ?? 0);
    this.#opened.set(name, { media, bytes });
    for (const [oldName, old] of this.#opened) {
      if (this.#bytes <= maxBytes) break;
      this.#opened.delete(oldName);
      this.#bytes -= old.bytes;
    }
    return media;
  }

  #refusal(name: string): Error | undefined {
    const refused = this.#refused.get(name);
    if (refused === undefined) return undefined;
    if (refused.untilMs > this.#options.clock.monotonicMs()) return refused.error;
    this.#refused.delete(name);
    return undefined;
  }

  /** What the origin did is none of the file's faults. */
  #refuse({ cacheKey, name }: FileVersion, error: unknown): void {
    if (!(error instanceof Error)) return;
    const { clock, log } = this.#options;
    const isFault = isFaultOfFile(error);
    // Where in this program it was found is of no use to who can repair the file.
    const facts = isFault ? { code: error.code, reason: error.message } : { err: error };
    log.warn({ ...facts, cacheKey }, 'a media file could not be opened');
    const untilMs = clock.monotonicMs() + (isFault ? refusalMs : shortRefusalMs);
    this.#refused.set(name, { error, untilMs });
    const [oldest] = this.#refused.keys();
    if (this.#refused.size > maxRefusals && oldest !== undefined) this.#refused.delete(oldest);
  }
}

function bytesOf({ record, beside }: SharedMedia): number {
  return beside.reduce((sum, { byteLength }) => sum + byteLength, record.length);
}

/** Whether another attempt to open the same version would end in the same way. */
export function isFaultOfFile(error: unknown): error is ProtocolError | LimitError {
  return error instanceof ProtocolError || (error instanceof LimitError && !passing.has(error.code));
}

/** These say that too much was going on. */
const passing: ReadonlySet<string> = new Set(['STORED_MEDIA_OPENINGS', 'STORED_MEDIA_OPENING_TIMEOUT']);
