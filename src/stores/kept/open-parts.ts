import * as fs from 'node:fs';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { totalLength } from '../../base/byte-pieces.ts';
import { encodeOpenParts, encodeSegmentEnd, type KeptSegment } from './segment-file.ts';

// By descriptors: a file that grows stays open, and to write to it is all there is to do.
const open = promisify(fs.open);
const writev = promisify(fs.writev);
const truncate = promisify(fs.ftruncate);
const close = promisify(fs.close);

/** Holds the parts of the segment of a rendition that is open, or that was it last, until that has a file of its own. */
export function openFileName(rendition: string): string {
  return `${rendition}.open`;
}

/** Of segment `msn`, the first `parts`. */
interface OpenFile {
  readonly descriptor: number;
  msn: number;
  parts: number;
}

/** The files of the open segments of a stream, one for each rendition. The folder must be there. */
export class OpenParts {
  readonly #folder: string;
  readonly #files = new Map<string, OpenFile>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** How many parts of segment `msn` the file has. */
  written(rendition: string, msn: number): number {
    const file = this.#files.get(rendition);
    return file?.msn === msn ? file.parts : 0;
  }

  /** Writes those that follow them, or the first of another segment in place of what is there. */
  async append(rendition: string, kept: KeptSegment): Promise<void> {
    const { msn, parts } = kept.segment;
    const file = this.#files.get(rendition) ?? (await this.#open(rendition));
    if (file.msn !== msn) {
      await truncate(file.descriptor);
      file.parts = 0;
    }
    file.msn = msn;
    await writeAll(file.descriptor, encodeOpenParts(kept));
    file.parts += parts.length;
  }

  /** Makes the file, which has parts of it, that of a segment which is whole, with what is missing. */
  async end(rendition: string, kept: KeptSegment, path: string): Promise<void> {
    const file = this.#files.get(rendition);
    if (file?.msn !== kept.segment.msn) throw new Error(`no part of segment ${kept.segment.msn} is in the open file`);
    await writeAll(file.descriptor, encodeSegmentEnd(kept, file.parts));
    this.#files.delete(rendition);
    await close(file.descriptor);
    await rename(join(this.#folder, openFileName(rendition)), path);
  }

  /** Gives the descriptors back: parts are written from the first on again. */
  async close(): Promise<void> {
    const files = [...this.#files.values()];
    this.#files.clear();
    for (const { descriptor } of files) await close(descriptor);
  }

  async #open(rendition: string): Promise<OpenFile> {
    const path = join(this.#folder, openFileName(rendition));
    const file = { descriptor: await open(path, 'a', 0o640), msn: -1, parts: 0 };
    this.#files.set(rendition, file);
    return file;
  }
}

/**
 * Writes one file. The next record is asked for when the one before has been written: what has just been read to make one
 * is still in the processor's cache. Rejects when not all of it could be written.
 */
export async function writeRecords(
  path: string,
  records: Iterable<readonly Uint8Array[]>,
  mode: number,
): Promise<void> {
  const descriptor = await open(path, 'w', mode);
  try {
    for (const pieces of records) await writeAll(descriptor, pieces);
  } finally {
    await close(descriptor);
  }
}

async function writeAll(descriptor: number, pieces: readonly Uint8Array[]): Promise<void> {
  const total = totalLength(pieces);
  const { bytesWritten } = await writev(descriptor, pieces);
  if (bytesWritten !== total) throw new Error(`only ${bytesWritten} of ${total} bytes could be written`);
}
