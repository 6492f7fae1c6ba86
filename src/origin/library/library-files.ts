import { constants } from 'node:fs';
import { type FileHandle, open, realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { AccessError, LimitError } from '../../base/errors.ts';
import { codeOf } from '../../base/thrown.ts';

/** One version of a file, open for reading. */
export interface LibraryFile {
  readonly lengthBytes: number;
  readonly modifiedWallMs: number;
  /**
   * Length, time of the last change in nanoseconds and inode: what has another one of these is another version. The content
   * is not looked at, for that would mean to read gigabytes before the first byte is sent.
   */
  readonly versionName: string;
  /** Fewer bytes than wanted only where the file ends; `undefined` when it is not the version any more that was opened. */
  read(offset: number, lengthBytes: number): Promise<Buffer | undefined>;
  close(): Promise<void>;
}

/** The files of one folder and of the folders in it, a bounded number of them open at once. */
export class LibraryFiles {
  readonly #folder: string;
  readonly #maxOpen: number;
  #openCount = 0;

  /** `folder`: as `realpath` gives it. */
  constructor(folder: string, maxOpen: number) {
    this.#folder = folder;
    this.#maxOpen = maxOpen;
  }

  get openCount(): number {
    return this.#openCount;
  }

  /**
   * `names`: of the folders and of the file, as `libraryPath` gives them. `undefined`: there is no such file, or a link
   * leads out of the folder. Throws a `LimitError` when too many are open, an `AccessError` for what this process may not
   * read, and what the system throws when it fails.
   */
  async open(names: readonly string[]): Promise<LibraryFile | undefined> {
    if (this.#openCount >= this.#maxOpen) throw this.#tooMany();
    this.#openCount++;
    try {
      const file = await this.#opened(names);
      if (file === undefined) this.#openCount--;
      return file;
    } catch (error) {
      this.#openCount--;
      if (isOneOf(absences, error)) return undefined;
      if (isOneOf(denials, error)) throw denied(names, error);
      throw error;
    }
  }

  async #opened(names: readonly string[]): Promise<LibraryFile | undefined> {
    const path = await realpath(join(this.#folder, ...names));
    if (!path.startsWith(this.#folder + sep)) return undefined;
    // Links have been followed: what is one now was put there since. A pipe must not be waited for.
    const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const file = await OpenFile.of(handle, () => this.#openCount--);
      if (file === undefined) await handle.close();
      return file;
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  #tooMany(): LimitError {
    return new LimitError('LIBRARY_TOO_MANY_OPEN', 'files of the library are read already', {
      limit: this.#maxOpen,
      value: this.#openCount,
      setting: 'origin.library.maxOpen',
    });
  }
}

class OpenFile implements LibraryFile {
  readonly lengthBytes: number;
  readonly modifiedWallMs: number;
  readonly versionName: string;
  readonly #handle: FileHandle;
  readonly #onClosed: () => void;
  #closing: Promise<void> | undefined;

  private constructor(handle: FileHandle, facts: VersionFacts, onClosed: () => void) {
    this.#handle = handle;
    this.lengthBytes = facts.lengthBytes;
    this.modifiedWallMs = facts.modifiedWallMs;
    this.versionName = facts.versionName;
    this.#onClosed = onClosed;
  }

  /** `undefined`: it is no file. */
  static async of(handle: FileHandle, onClosed: () => void): Promise<OpenFile | undefined> {
    const facts = await versionFacts(handle);
    return facts && new OpenFile(handle, facts, onClosed);
  }

  async read(offset: number, lengthBytes: number): Promise<Buffer | undefined> {
    // Not from the pool: it is on its way to a socket for longer than others use their share of a slab.
    const buffer = Buffer.allocUnsafeSlow(lengthBytes);
    let filled = 0;
    while (filled < lengthBytes) {
      const { bytesRead } = await this.#handle.read(buffer, filled, lengthBytes - filled, offset + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    // Afterwards: what was written meanwhile is in the buffer perhaps.
    const facts = await versionFacts(this.#handle);
    return facts?.versionName === this.versionName ? buffer.subarray(0, filled) : undefined;
  }

  close(): Promise<void> {
    this.#closing ??= this.#handle.close().finally(() => this.#onClosed());
    return this.#closing;
  }
}

type VersionFacts = Pick<LibraryFile, 'lengthBytes' | 'modifiedWallMs' | 'versionName'>;

async function versionFacts(handle: FileHandle): Promise<VersionFacts | undefined> {
  const stats = await handle.stat({ bigint: true });
  if (!stats.isFile()) return undefined;
  return {
    lengthBytes: Number(stats.size),
    modifiedWallMs: Number(stats.mtimeNs / 1_000_000n),
    versionName: [stats.size, stats.mtimeNs, stats.ino].map((number) => number.toString(36)).join('-'),
  };
}

/** What these say is that there is nothing for anybody; a loop of links, a name that is too long. */
const absences = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG', 'EISDIR', 'ENXIO']);

const denials = new Set(['EACCES', 'EPERM']);

function isOneOf(codes: ReadonlySet<string>, error: unknown): boolean {
  return codes.has(codeOf(error) ?? '');
}

function denied(names: readonly string[], cause: unknown): AccessError {
  const sentence = `this process may not read ${names.join('/')} of the library: change its mode or its owner`;
  return new AccessError('LIBRARY_FILE_DENIED', sentence, { cause });
}
