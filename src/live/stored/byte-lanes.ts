import { LimitError, UpstreamError } from '../../base/errors.ts';
import type { WantedBytes } from '../../formats/media/stored-media.ts';
import { type BodyReader, readLent } from '../../stores/body-reader.ts';
import type { StoredFile } from '../stored-file.ts';

/** Sound and picture may lie far apart in a file; a third place is looked at now and then. */
const maxLanes = 3;

/** What is skipped rather than jumped over: it comes with the same slice mostly. */
const maxSkipBytes = 524_288;

/** A frame is 16 MiB at most, as a message of RTMP is. */
const maxWantedBytes = 33_554_432;

/** A place in the file that is read on from. */
interface Lane {
  readonly reader: BodyReader;
  /** The last byte that the reader was opened for. */
  readonly last: number;
  /** One behind the other, without the bytes before `startOffset`; they are views of what all viewers share. */
  buffers: Buffer[];
  startOffset: number;
  endOffset: number;
  usedAt: number;
}

/**
 * The bytes of a stored file for one viewer, wherever it wants them: a few places are read on from, each at the pace at
 * which it is read. What lies within one buffer of the source is a view of it.
 */
export class ByteLanes {
  /** Whether what is behind the bytes that are asked for will be wanted too: not while a place is looked for. */
  readsOn = false;
  readonly #file: StoredFile;
  readonly #onProgress: () => void;
  readonly #lanes = new Set<Lane>();
  #uses = 0;

  constructor(file: StoredFile, onProgress: () => void) {
    this.#file = file;
    this.#onProgress = onProgress;
  }

  /**
   * The bytes that are wanted, fewer where the file ends before; `undefined` when they have to come first. They are good until
   * it is asked for other ones. Throws what the source failed with: the next call tries again.
   */
  bytes({ from, to }: WantedBytes): Uint8Array | undefined {
    if (to - from > maxWantedBytes) {
      throw new LimitError('STORED_FRAME_TOO_LARGE', 'bytes of a file that would be needed in one piece', {
        limit: maxWantedBytes,
        value: to - from,
      });
    }
    const end = Math.min(to, this.#file.lengthBytes);
    if (from >= end) return new Uint8Array(0);
    const lane = this.#laneFor(from, end);
    lane.usedAt = ++this.#uses;
    while (lane.endOffset < end) {
      const buffer = readLent(lane.reader);
      if (buffer === undefined) {
        const { state } = lane.reader;
        if (state === 'open') return undefined;
        this.#close(lane);
        if (state !== 'ended') throw state.error;
        throw new UpstreamError('STORED_FILE_SHORT', `${this.#file.path} ended at byte ${lane.endOffset}`);
      }
      lane.buffers.push(buffer);
      lane.endOffset += buffer.length;
      dropBefore(lane, from);
    }
    dropBefore(lane, from);
    return cut(lane, from, end);
  }

  /** Nothing is read ahead any more. What it gave last may still be used, and it may be asked again. */
  close(): void {
    for (const lane of this.#lanes) this.#close(lane);
  }

  /** The same when nothing that it gave is used any more. */
  letGo(): void {
    for (const { reader } of this.#lanes) reader.close();
    this.#lanes.clear();
  }

  #laneFor(from: number, end: number): Lane {
    for (const lane of this.#lanes) {
      const isNear = from >= lane.startOffset && from <= lane.endOffset + maxSkipBytes;
      if (isNear && end - 1 <= lane.last) return lane;
    }
    if (this.#lanes.size >= maxLanes) {
      const [oldest] = [...this.#lanes].sort((a, b) => a.usedAt - b.usedAt);
      if (oldest !== undefined) this.#close(oldest);
    }
    const last = (this.readsOn ? this.#file.lengthBytes : end) - 1;
    const reader = this.#file.openReader({ first: from, last }, this.#onProgress);
    const lane: Lane = { reader, last, buffers: [], startOffset: from, endOffset: from, usedAt: 0 };
    this.#lanes.add(lane);
    return lane;
  }

  #close(lane: Lane): void {
    this.#lanes.delete(lane);
    lane.reader.keepLent?.();
    lane.reader.close();
  }
}

function dropBefore(lane: Lane, offset: number): void {
  for (;;) {
    const [first] = lane.buffers;
    if (first === undefined || lane.startOffset + first.length > offset) break;
    lane.buffers.shift();
    lane.startOffset += first.length;
  }
  lane.reader.passed?.(lane.startOffset);
}

function cut({ buffers, startOffset }: Lane, from: number, to: number): Uint8Array {
  const [first] = buffers;
  if (first !== undefined && startOffset + first.length >= to) {
    // No `Buffer`, whose `slice` is no copy.
    return new Uint8Array(first.buffer, first.byteOffset + from - startOffset, to - from);
  }
  const views: Buffer[] = [];
  let at = startOffset;
  for (const buffer of buffers) {
    views.push(buffer.subarray(Math.max(0, from - at), Math.max(0, to - at)));
    at += buffer.length;
  }
  return Buffer.concat(views, to - from);
}
