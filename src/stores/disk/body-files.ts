import { close, closeSync, mkdir, open, openSync, read, readdir, readSync, rm, unlink, write } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { codeOf } from '../../base/thrown.ts';

/** Folders that the files are spread over: at a million files each holds a thousand. */
const folders = 1_024;

const openFile = promisify(open);
const closeFile = promisify(close);
const makeFolder = promisify(mkdir);
const listFolder = promisify(readdir);
const removeTree = promisify(rm);
const removeFile = promisify(unlink);

/** The files of the disk tier: one a body, named by its id, which is never used again. */
export class BodyFiles {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  pathOf(id: number): string {
    return join(this.#folder, folderName(id % folders), id.toString(16));
  }

  /** Rejects when not every byte could be written; what was is removed. */
  async write(id: number, body: Buffer): Promise<void> {
    const path = this.pathOf(id);
    const descriptor = await openFile(path, 'wx', 0o640).catch(async (error: unknown) => {
      if (!isMissing(error)) throw error;
      await makeFolder(join(path, '..'), { recursive: true, mode: 0o750 });
      return openFile(path, 'wx', 0o640);
    });
    try {
      await writeAll(descriptor, body);
    } catch (error) {
      await this.remove(id);
      throw error;
    } finally {
      await closeFile(descriptor);
    }
  }

  /** Fills a buffer. Rejects when there are fewer bytes than it takes. */
  async read(id: number, body: Buffer): Promise<void> {
    const descriptor = await openFile(this.pathOf(id), 'r');
    try {
      await readAll(descriptor, body);
    } finally {
      close(descriptor, () => {});
    }
  }

  /** Fills a buffer at once. Throws when there are fewer bytes than it takes. */
  readNow(id: number, body: Buffer): void {
    const descriptor = openSync(this.pathOf(id), 'r');
    try {
      let offset = 0;
      while (offset < body.length) {
        const count = readSync(descriptor, body, offset, body.length - offset, null);
        if (count === 0) throw tooShort(offset, body.length);
        offset += count;
      }
    } finally {
      closeSync(descriptor);
    }
  }

  /** What cannot be removed now is found by a later `sweep`. */
  async remove(id: number): Promise<void> {
    await removeFile(this.pathOf(id)).catch(() => {});
  }

  /** Removes files of earlier runs that nobody knows, a folder a step. */
  async *sweep(isKnown: (id: number) => boolean): AsyncGenerator<number, void, undefined> {
    for (const folder of await listFolder(this.#folder).catch(() => [])) {
      const path = join(this.#folder, folder);
      const names = await listFolder(path).catch(() => []);
      const unknown = names.filter((name) => !isKnown(Number.parseInt(name, 16)));
      for (const name of unknown) await removeTree(join(path, name), { recursive: true, force: true }).catch(() => {});
      yield unknown.length;
    }
  }
}

/** Of reading: neither a file that is gone nor one that is too short. */
export function isFailureOfDisk(error: unknown): boolean {
  return codeOf(error) !== undefined && !isMissing(error);
}

export function isMissing(error: unknown): boolean {
  return codeOf(error) === 'ENOENT';
}

function folderName(number: number): string {
  return number.toString(16).padStart(3, '0');
}

function tooShort(bytes: number, lengthBytes: number): Error {
  return new Error(`the file has ${bytes} bytes of ${lengthBytes}`);
}

function writeAll(descriptor: number, body: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const go = (offset: number): void => {
      if (offset === body.length) return resolve();
      return write(descriptor, body, offset, body.length - offset, null, (error, count) => {
        if (error) reject(error);
        else go(offset + count);
      });
    };
    go(0);
  });
}

function readAll(descriptor: number, body: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const go = (offset: number): void => {
      if (offset === body.length) return resolve();
      return read(descriptor, body, offset, body.length - offset, null, (error, count) => {
        if (error) reject(error);
        else if (count === 0) reject(tooShort(offset, body.length));
        else go(offset + count);
      });
    };
    go(0);
  });
}

const blockBytes = 4_096;

/** The blocks that the file takes, and a row of the index with its places in three trees. */
export function diskCostBytes(bodyBytes: number, cacheKey: string): number {
  return Math.ceil(bodyBytes / blockBytes) * blockBytes + 1_024 + cacheKey.length * 2;
}
