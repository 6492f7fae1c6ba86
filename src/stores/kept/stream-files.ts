import * as fs from 'node:fs';
import { mkdir, rename, rm, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { promisify } from 'node:util';
import { totalLength } from '../../base/byte-pieces.ts';
import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import { reasonOf } from '../../base/thrown.ts';
import { type HeldBytes, holdParts } from '../segment-window.ts';
import { encodeOpenParts, encodeSegmentEnd, encodeSegmentFile, type KeptSegment } from './segment-file.ts';
import { encodeStateFile } from './state-file.ts';

export interface StreamFilesOptions {
  /** Of this stream alone; made with the first write. */
  readonly folder: string;
  readonly clock: Clock;
  /** Carries the stream. */
  readonly log: Log;
}

/** Bytes of segments that may wait for the disk. */
const maxQueuedBytes = 33_554_432;
/** What may wait is written after so long, or when it is so much. */
const gatherMs = 10_000;
const gatherBytes = 8_388_608;
/** After a failure the disk is left alone for so long. */
const restMs = 30_000;

export const stateFileName = 'stream.json';

export function segmentFileName(rendition: string, msn: number): string {
  return `${rendition}.${msn}.segment`;
}

/** The parts of the segment of a rendition that is open, or that was it last, until that has a file of its own. */
export function openFileName(rendition: string): string {
  return `${rendition}.open`;
}

interface KeptName {
  readonly rendition: string;
  readonly msn: number;
}

// By descriptors: a file that grows stays open, and to write to it is all there is to do.
const open = promisify(fs.open);
const writev = promisify(fs.writev);
const truncate = promisify(fs.ftruncate);
const close = promisify(fs.close);

/** What holds the parts of the open segment of a rendition: of segment `msn`, the first `parts`. */
interface OpenFile {
  readonly descriptor: number;
  msn: number;
  parts: number;
}

interface Job {
  readonly kind: 'write' | 'removal';
  readonly bytes: number;
  readonly run: () => Promise<void>;
  /** What it writes, if that is to be removed one day. */
  readonly segment?: KeptName;
  /** The rendition whose open segment it writes parts of. */
  readonly partsOf?: string;
  /** Held until it has run, or is left out. */
  readonly holds?: HeldBytes;
}

/**
 * Writes what a restart needs of one live stream, in the background and in order: nobody waits for the disk. While nobody
 * will miss it, it is written seconds later, much at once: each thing that is written wakes two threads by itself. When that
 * fails or is too slow, one warning says so; the state is taken away, so that none that is out of date is found later,
 * and after a rest it is tried again. What was not written meanwhile will be missing after a restart, and nothing else.
 */
export class StreamFiles {
  readonly #options: StreamFilesOptions;
  #waiting: Job[] = [];
  #running: Promise<void> | undefined;
  #queuedBytes = 0;
  /** Written next, if it is not yet; the newest alone counts. */
  #state: unknown;
  #stateWaits = false;
  #stateRemovalWaits = false;
  #closeWaits = false;
  /** By rendition: the segments that are on the disk or on their way, oldest first. */
  readonly #kept = new Map<string, number[]>();
  /** By rendition: what holds the parts of its open segment. */
  readonly #open = new Map<string, OpenFile>();
  /** By rendition: the segment of which parts are to be written. */
  readonly #unwritten = new Map<string, number>();
  #gathers = false;
  #waitingSinceMs = 0;
  #folderMade = false;
  #failing = false;
  #restUntilMs = -Infinity;

  constructor(options: StreamFilesOptions) {
    this.#options = options;
  }

  /** Bytes of segments that wait for the disk. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Writes and removals that wait for the disk: with one that hangs, no more than it has files. */
  get queuedJobs(): number {
    return this.#waiting.length;
  }

  /** Whether what comes from now on may wait so that more is written at once. If not, what waits is written now. */
  gather(mayWait: boolean): void {
    this.#gathers = mayWait;
    if (!mayWait) this.#start();
  }

  /** Segments that are on the disk already, oldest first, after a restart. */
  adopt(rendition: string, msns: readonly number[]): void {
    this.#kept.set(rendition, [...msns]);
  }

  /** What is to be found after a restart: anything that JSON holds. */
  writeState(state: unknown): void {
    if (this.#isResting()) return;
    this.#state = state;
    if (this.#stateWaits) return;
    this.#stateWaits = true;
    const run = async () => {
      this.#stateWaits = false;
      const path = join(this.#options.folder, stateFileName);
      // It may hold keys.
      await this.#writeFile(`${path}.new`, [encodeStateFile(this.#state)], 0o600);
      await rename(`${path}.new`, path);
      this.#worksAgain();
    };
    this.#addGathered({ kind: 'write', bytes: 0, run });
  }

  /**
   * Writes what is not on the disk yet of the parts of segment `msn`, which is open. When it is their turn, `partsFrom` is
   * asked for those from an index on, as one segment: what has come meanwhile goes with them. It gives `undefined` when
   * there are none, or the segment has become a whole one, which is written behind them.
   */
  writeParts(rendition: string, msn: number, partsFrom: (part: number) => KeptSegment | undefined): void {
    if (this.#isResting() || this.#unwritten.get(rendition) === msn) return;
    this.#unwritten.set(rendition, msn);
    // Of a segment before this one there is nothing to write any more.
    this.#waiting = this.#waiting.filter(({ partsOf }) => partsOf !== rendition);
    const run = async () => {
      this.#unwritten.delete(rendition);
      const written = this.#open.get(rendition);
      const kept = partsFrom(written?.msn === msn ? written.parts : 0);
      if (kept === undefined) return;
      const held = holdParts(kept.segment.parts);
      try {
        await this.#append(written ?? (await this.#openParts(rendition)), kept);
      } finally {
        held.release();
      }
    };
    this.#add({ kind: 'write', bytes: 0, run, partsOf: rendition });
  }

  /** Nothing is open, and nothing will be for a while: what was held for it is given back. */
  closeParts(): void {
    if (this.#closeWaits) return;
    this.#closeWaits = true;
    this.#remove(() => this.#closeOpen());
  }

  writeSegment(rendition: string, kept: KeptSegment): void {
    const { msn, byteLength } = kept.segment;
    if (this.#isResting() || !this.#hasRoomFor(byteLength)) return;
    const there = this.#kept.get(rendition) ?? [];
    // In order, but for what a restart has put in.
    there.push(msn);
    if ((there.at(-2) ?? msn) > msn) there.sort((a, b) => a - b);
    this.#kept.set(rendition, there);
    const run = () => this.#writeSegment(rendition, kept);
    const holds = holdParts(kept.segment.parts);
    this.#addGathered({ kind: 'write', bytes: byteLength, run, segment: { rendition, msn }, holds });
  }

  /** Those before `msn` have left the window. */
  removeBefore(rendition: string, msn: number): void {
    const there = this.#kept.get(rendition) ?? [];
    while (there[0] !== undefined && there[0] < msn) {
      const segment = { rendition, msn: there[0] };
      there.shift();
      if (this.#dropWrite(segment)) continue;
      this.#addGathered({ kind: 'removal', bytes: 0, run: () => unlink(this.#pathOf(segment)) });
    }
  }

  /** The stream is gone for viewers too: nothing of it stays. */
  removeAll(onRemoved: () => void): void {
    this.#dropWrites();
    this.#remove(async () => {
      try {
        await this.#closeOpen();
        await rm(this.#options.folder, { recursive: true, force: true });
      } finally {
        onRemoved();
      }
    });
  }

  /** Resolves when everything is on the disk, or has failed. */
  async idle(): Promise<void> {
    this.#start();
    while (this.#running !== undefined) await this.#running;
  }

  #pathOf({ rendition, msn }: KeptName): string {
    return join(this.#options.folder, segmentFileName(rendition, msn));
  }

  #hasRoomFor(byteLength: number): boolean {
    if (this.#queuedBytes + byteLength <= maxQueuedBytes) return true;
    this.#fail(new Error(`the disk is too slow: ${this.#queuedBytes} bytes wait for it`));
    return false;
  }

  #isResting(): boolean {
    return this.#options.clock.monotonicMs() < this.#restUntilMs;
  }

  #remove(run: () => Promise<void>): void {
    this.#add({ kind: 'removal', bytes: 0, run });
  }

  #add(job: Job): void {
    this.#queue(job);
    this.#start();
  }

  #addGathered(job: Job): void {
    const nowMs = this.#options.clock.monotonicMs();
    if (this.#waiting.length === 0) this.#waitingSinceMs = nowMs;
    this.#queue(job);
    const isDue = nowMs - this.#waitingSinceMs >= gatherMs || this.#queuedBytes >= gatherBytes;
    if (!this.#gathers || isDue) this.#start();
  }

  #queue(job: Job): void {
    this.#waiting.push(job);
    this.#queuedBytes += job.bytes;
  }

  #start(): void {
    if (this.#waiting.length > 0) this.#running ??= this.#work();
  }

  async #work(): Promise<void> {
    // Viewers who waited for what is to be written are answered first: to encode it takes longer than to send it.
    await setImmediate();
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      try {
        await next.run();
      } catch (error) {
        // What is not there any more, or stays for lack of rights, harms nobody: writing would fail as well.
        if (next.kind === 'write') this.#fail(error);
      }
      this.#leaves(next);
    }
    this.#running = undefined;
  }

  /** It has been written, or will not be. */
  #leaves({ bytes, holds }: Job): void {
    this.#queuedBytes -= bytes;
    holds?.release();
  }

  async #append(file: OpenFile, kept: KeptSegment): Promise<void> {
    const { msn, parts } = kept.segment;
    if (file.msn !== msn) {
      await truncate(file.descriptor);
      file.parts = 0;
    }
    file.msn = msn;
    await writeAll(file.descriptor, encodeOpenParts(kept));
    file.parts += parts.length;
  }

  /** If its parts have been written while it was open, that file becomes its own with what is missing. */
  async #writeSegment(rendition: string, kept: KeptSegment): Promise<void> {
    const { msn } = kept.segment;
    const path = this.#pathOf({ rendition, msn });
    const file = this.#open.get(rendition);
    if (file?.msn !== msn) {
      await this.#writeFile(path, encodeSegmentFile(kept));
      return;
    }
    await writeAll(file.descriptor, encodeSegmentEnd(kept, file.parts));
    this.#open.delete(rendition);
    await close(file.descriptor);
    await rename(join(this.#options.folder, openFileName(rendition)), path);
  }

  async #openParts(rendition: string): Promise<OpenFile> {
    await this.#makeFolder();
    const path = join(this.#options.folder, openFileName(rendition));
    const file = { descriptor: await open(path, 'a', 0o640), msn: -1, parts: 0 };
    this.#open.set(rendition, file);
    return file;
  }

  async #closeOpen(): Promise<void> {
    this.#closeWaits = false;
    const files = [...this.#open.values()];
    this.#open.clear();
    for (const { descriptor } of files) await close(descriptor);
  }

  async #writeFile(path: string, pieces: readonly Uint8Array[], mode = 0o640): Promise<void> {
    await this.#makeFolder();
    const descriptor = await open(path, 'w', mode);
    try {
      await writeAll(descriptor, pieces);
    } finally {
      await close(descriptor);
    }
  }

  async #makeFolder(): Promise<void> {
    if (this.#folderMade) return;
    await mkdir(this.#options.folder, { recursive: true, mode: 0o750 });
    this.#folderMade = true;
  }

  #dropWrites(): void {
    const waiting = this.#waiting;
    this.#waiting = waiting.filter(({ kind }) => kind === 'removal');
    this.#stateWaits = false;
    this.#unwritten.clear();
    for (const job of waiting) {
      if (job.kind === 'removal') continue;
      this.#leaves(job);
      if (job.segment !== undefined) this.#forget(job.segment);
    }
  }

  /** It never came to the disk: there is nothing to remove. */
  #forget({ rendition, msn }: KeptName): void {
    const there = this.#kept.get(rendition) ?? [];
    this.#kept.set(
      rendition,
      there.filter((kept) => kept !== msn),
    );
  }

  /** `false`: it does not wait any more. */
  #dropWrite({ rendition, msn }: KeptName): boolean {
    const index = this.#waiting.findIndex(({ segment }) => segment?.rendition === rendition && segment.msn === msn);
    const [dropped] = index < 0 ? [] : this.#waiting.splice(index, 1);
    if (dropped !== undefined) this.#leaves(dropped);
    return dropped !== undefined;
  }

  /** The state is taken away, and parts are written again from the first on. */
  #startAnew(): void {
    if (this.#stateRemovalWaits) return;
    this.#stateRemovalWaits = true;
    this.#remove(async () => {
      this.#stateRemovalWaits = false;
      await this.#closeOpen();
      await unlink(join(this.#options.folder, stateFileName));
    });
  }

  #fail(error: unknown): void {
    const { folder, log, clock } = this.#options;
    this.#dropWrites();
    this.#folderMade = false;
    this.#restUntilMs = clock.monotonicMs() + restMs;
    this.#startAnew();
    if (this.#failing) return;
    this.#failing = true;
    const reason = reasonOf(error);
    log.warn(
      { code: 'LIVE_KEEP_FAILED', folder, reason },
      'Live stream cannot be kept on disk for a restart; it goes on, and the disk is tried again',
    );
  }

  #worksAgain(): void {
    if (!this.#failing) return;
    this.#failing = false;
    this.#options.log.info({ folder: this.#options.folder }, 'Live stream is kept on disk again');
  }
}

async function writeAll(descriptor: number, pieces: readonly Uint8Array[]): Promise<void> {
  const total = totalLength(pieces);
  const { bytesWritten } = await writev(descriptor, pieces);
  if (bytesWritten !== total) throw new Error(`only ${bytesWritten} of ${total} bytes could be written`);
}
