import type { Clock } from '../../base/clock.ts';
import { StreamFrontError, UpstreamError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { StoredMedia } from '../../formats/media/stored-media.ts';
import type { PlayRefused, StoredAdmission } from '../../live/play-gate.ts';
import type { StoredFile } from '../../live/stored-file.ts';
import { orAborted } from '../../rtmp/abortable-wait.ts';
import type { Distribution } from '../routes.ts';
import type { RoutedFile } from '../streaming-routes.ts';
import { isClosedDoor } from '../stream-door.ts';
import { type FileDoor, FileLookup, type LookupSurroundings } from './file-lookup.ts';
import type { FileVersion } from './file-version.ts';
import { MediaOpener } from './media-opener.ts';
import { isFaultOfFile, MediaShelf } from './media-shelf.ts';

/** A version that cannot be played may be half of a file that has been copied by now: for so long the origin is not asked. */
const refusedTtlMs = 10_000;

export interface StoredPlaysStats {
  /** Players of stored files now. */
  readonly players: number;
  /** Media that are open, or are kept open for who comes next, and what they take. */
  readonly media: number;
  readonly mediaBytes: number;
}

/** Who wants a file. */
export interface FileViewer {
  readonly address: string;
  readonly door: FileDoor;
}

/** Gives the viewers of an edge the files of a library, through the cache that they are also in for HTTP. */
export class StoredPlays {
  readonly #lookup: FileLookup;
  readonly #opener: MediaOpener;
  readonly #shelf: MediaShelf;
  #players = 0;

  constructor(edge: LookupSurroundings & { readonly clock: Clock; readonly log: Log }, web: readonly Distribution[]) {
    const { clock, log, store } = edge;
    this.#lookup = new FileLookup(edge, web);
    this.#opener = new MediaOpener(clock);
    this.#shelf = new MediaShelf({ opener: this.#opener, store, clock, log });
  }

  stats(): StoredPlaysStats {
    const { bytes, media } = this.#shelf.stats;
    return { players: this.#players, media, mediaBytes: bytes };
  }

  /** As `PlayGate.admit`, when it is known what is asked for. */
  async admit(
    { library, name, path }: RoutedFile,
    viewer: FileViewer,
    signal: AbortSignal,
  ): Promise<StoredAdmission | PlayRefused> {
    let closed: PlayRefused | undefined;
    for (const candidate of name.candidates) {
      const file = await this.#open(library, candidate, viewer, signal, true);
      // A grant may name the file with the extension that the player has left out.
      if (isClosedDoor(file)) closed = file;
      if (file === undefined || file === closed) continue;
      if ('kind' in file) return file;
      this.#players++;
      return { kind: 'stored', path, file, release: () => this.#players-- };
    }
    if (closed !== undefined) return closed;
    return {
      kind: 'refused',
      statusCode: 'NetStream.Play.StreamNotFound',
      code: 'PLAY_FILE_NOT_FOUND',
      sentence: `there is no file ${path}`,
    };
  }

  /**
   * A file of a library by its path there; `undefined`: there is none. Rejects with nothing but the reason of `signal`. For
   * who plays it outside of `admit`: it is good as long as somebody holds it.
   */
  file(
    library: RoutedFile['library'],
    path: string,
    viewer: FileViewer,
    signal: AbortSignal,
  ): Promise<StoredFile | PlayRefused | undefined> {
    return this.#open(library, path, viewer, signal, true);
  }

  /** Whether there is such a file, as far as can be known now, without a look at what it holds. */
  async has(library: RoutedFile['library'], path: string, viewer: FileViewer, signal: AbortSignal): Promise<boolean> {
    return (await orAborted(this.#lookup.find(library, path, viewer.address, viewer.door), signal)).kind !== 'absent';
  }

  /** Begins now what is begun else when the first file is played; `file` is one to practise with. */
  warmUp(file: string): void {
    this.#opener.warmUp(file);
  }

  async close(): Promise<void> {
    this.#shelf.close();
    await this.#opener.close();
  }

  /** `undefined`: there is no such file. `again`: one that is replaced just now, or cannot be played, is looked up once more. */
  async #open(
    library: RoutedFile['library'],
    path: string,
    viewer: FileViewer,
    signal: AbortSignal,
    again: boolean,
  ): Promise<StoredFile | PlayRefused | undefined> {
    const found = await orAborted(this.#lookup.find(library, path, viewer.address, viewer.door), signal);
    if (found.kind === 'absent') return undefined;
    if (found.kind === 'closed') return found.refusal;
    if (found.kind === 'failed') return failed('PLAY_FILE_UNAVAILABLE', path, found.error);
    try {
      const media = await orAborted(this.#shelf.media(found.version), signal);
      return storedFile(path, found.version, media);
    } catch (error) {
      if (signal.aborted) throw error;
      if (again && isFaultOfFile(error)) {
        const ttlMs = Math.min(library.ttlMs, refusedTtlMs);
        return this.#open({ ...library, ttlMs }, path, viewer, signal, false);
      }
      if (again && error instanceof UpstreamError && error.code === 'ORIGIN_CHANGED') {
        return this.#open(library, path, viewer, signal, false);
      }
      return failed(isFaultOfFile(error) ? 'PLAY_FILE_UNREADABLE' : 'PLAY_FILE_UNAVAILABLE', path, error);
    }
  }
}

function storedFile(path: string, version: FileVersion, media: StoredMedia): StoredFile {
  return {
    path,
    lengthBytes: version.lengthBytes,
    media,
    openReader: (range, onProgress) => version.openReader(range, onProgress, 'media'),
  };
}

/** A bug of ours is for the log, which has it already. */
function failed(code: string, path: string, error: unknown): PlayRefused {
  const reason = error instanceof StreamFrontError ? error.message : 'the file cannot be read';
  return { kind: 'refused', statusCode: 'NetStream.Play.Failed', code, sentence: `${path}: ${reason}` };
}
