import { mkdir, rename, rm, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import { reasonOf } from '../../base/thrown.ts';
import { type HeldBytes, holdParts } from '../segment-window.ts';
import { OpenParts, writeRecords } from './open-parts.ts';
import { encodeSegmentFile, type KeptSegment } from './segment-file.ts';
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

/** Sequence numbers of the segments that one file holds, of one rendition. */
export interface KeptRange {
  readonly first: number;
  readonly last: number;
}

export function segmentFileName(rendition: string, { first, last }: KeptRange): string {
  return first === last ? `${rendition}.${first}.segment` : `${rendition}.${first}-${last}.segments`;
}

export function rangeOf(segments: readonly KeptSegment[]): KeptRange {
  const msns = segments.map(({ segment }) => segment.msn);
  return { first: Math.min(...msns), last: Math.max(...msns) };
}

/** Its parts are held until it has been written, or is left out. */
interface WaitingSegment {
  readonly kept: KeptSegment;
  readonly holds: HeldBytes;
}

interface Job {
  readonly kind: 'write' | 'removal';
  readonly run: () => Promise<void>;
  /** What it writes, in order, if that is to be removed one day. */
  readonly segments?: { readonly rendition: string; waiting: WaitingSegment[] };
  /** The rendition whose open segment it writes parts of. */
  readonly partsOf?: string;
}

/**
 * Writes what a restart needs of one live stream, in the background and in order: nobody waits for the disk. While nobody
 * will miss it, it is written seconds later, much at once and a rendition's segments to one file: each file that is opened,
 * written, closed and removed wakes two threads for each of that. When that fails or is too slow, one warning says so; the
 * state is taken away, so that none that is out of date is found later, and after a rest it is tried again. What was not
 * written meanwhile will be missing after a restart, and nothing else.
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
  /** By rendition: the files of segments that are on the disk or being written, by the last that each has. */
  readonly #kept = new Map<string, KeptRange[]>();
  readonly #open: OpenParts;
  /** By rendition: the segment of which parts are to be written. */
  readonly #unwritten = new Map<string, number>();
  #gathers = false;
  #waitingSinceMs = 0;
  #folderMade = false;
  #failing = false;
  #restUntilMs = -Infinity;

  constructor(options: StreamFilesOptions) {
    this.#options = options;
    this.#open = new OpenParts(options.folder);
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

  /** Files that are on the disk already, after a restart. */
  adopt(rendition: string, ranges: readonly KeptRange[]): void {
    for (const range of ranges) this.#keep(rendition, range);
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
      await this.#writeFile(`${path}.new`, [[encodeStateFile(this.#state)]], 0o600);
      await rename(`${path}.new`, path);
      this.#worksAgain();
    };
    this.#addGathered({ kind: 'write', run });
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
      const kept = partsFrom(this.#open.written(rendition, msn));
      if (kept === undefined) return;
      const held = holdParts(kept.segment.parts);
      try {
        await this.#makeFolder();
        await this.#open.append(rendition, kept);
      } finally {
        held.release();
      }
    };
    this.#add({ kind: 'write', run, partsOf: rendition });
  }

  /** Nothing is open, and nothing will be for a while: what was held for it is given back. */
  closeParts(): void {
    if (this.#closeWaits) return;
    this.#closeWaits = true;
    this.#remove(() => this.#closeOpen());
  }

  writeSegment(rendition: string, kept: KeptSegment): void {
    const { byteLength, parts } = kept.segment;
    if (this.#isResting() || !this.#hasRoomFor(byteLength)) return;
    const segment = { kept, holds: holdParts(parts) };
    this.#queuedBytes += byteLength;
    const gathered = this.#gathers ? this.#waitingOf(rendition).at(-1) : undefined;
    if (gathered !== undefined) {
      gathered.waiting.push(segment);
      this.#startWhenDue();
      return;
    }
    const segments = { rendition, waiting: [segment] };
    const run = () =>
      this.#writeSegments(
        rendition,
        segments.waiting.map((one) => one.kept),
      );
    this.#addGathered({ kind: 'write', run, segments });
  }

  /** Those before `msn` have left the window. A file goes when all of it has. */
  removeBefore(rendition: string, msn: number): void {
    const hasLeft = ({ kept }: WaitingSegment) => kept.segment.msn < msn;
    for (const segments of this.#waitingOf(rendition)) {
      for (const segment of segments.waiting.filter(hasLeft)) this.#leaves(segment);
      segments.waiting = segments.waiting.filter((segment) => !hasLeft(segment));
    }
    this.#waiting = this.#waiting.filter(({ segments }) => segments?.waiting.length !== 0);
    const there = this.#kept.get(rendition) ?? [];
    while (there[0] !== undefined && there[0].last < msn) {
      const path = this.#pathOf(rendition, there[0]);
      there.shift();
      this.#addGathered({ kind: 'removal', run: () => unlink(path) });
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

  #pathOf(rendition: string, range: KeptRange): string {
    return join(this.#options.folder, segmentFileName(rendition, range));
  }

  /** What will be written of a rendition, in order. */
  #waitingOf(rendition: string) {
    return this.#waiting.flatMap(({ segments }) => (segments?.rendition === rendition ? [segments] : []));
  }

  #keep(rendition: string, range: KeptRange): void {
    const there = this.#kept.get(rendition) ?? [];
    if (there.some(({ first, last }) => first === range.first && last === range.last)) return;
    there.push(range);
    this.#kept.set(
      rendition,
      there.sort((a, b) => a.last - b.last),
    );
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
    this.#add({ kind: 'removal', run });
  }

  #add(job: Job): void {
    this.#waiting.push(job);
    this.#start();
  }

  #addGathered(job: Job): void {
    if (this.#waiting.length === 0) this.#waitingSinceMs = this.#options.clock.monotonicMs();
    this.#waiting.push(job);
    this.#startWhenDue();
  }

  #startWhenDue(): void {
    const isDue =
      this.#options.clock.monotonicMs() - this.#waitingSinceMs >= gatherMs || this.#queuedBytes >= gatherBytes;
    if (!this.#gathers || isDue) this.#start();
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
      for (const segment of next.segments?.waiting ?? []) this.#leaves(segment);
    }
    this.#running = undefined;
  }

  /** It has been written, or will not be. */
  #leaves({ kept, holds }: WaitingSegment): void {
    this.#queuedBytes -= kept.segment.byteLength;
    holds.release();
  }

  /** To one file; but if the parts of the first have been written while it was open, that file becomes its own. */
  async #writeSegments(rendition: string, segments: readonly KeptSegment[]): Promise<void> {
    const [first] = segments;
    if (first === undefined) return;
    const isOpen = this.#open.written(rendition, first.segment.msn) > 0;
    const own = rangeOf([first]);
    const rest = isOpen ? segments.slice(1) : segments;
    // Before they are there: a segment may leave the window while it is written.
    if (isOpen) this.#keep(rendition, own);
    if (rest.length > 0) this.#keep(rendition, rangeOf(rest));
    if (isOpen) await this.#open.end(rendition, first, this.#pathOf(rendition, own));
    if (rest.length === 0) return;
    const records = Iterator.from(rest).map(encodeSegmentFile);
    await this.#writeFile(this.#pathOf(rendition, rangeOf(rest)), records, 0o640);
  }

  async #closeOpen(): Promise<void> {
    this.#closeWaits = false;
    await this.#open.close();
  }

  async #writeFile(path: string, records: Iterable<readonly Uint8Array[]>, mode: number): Promise<void> {
    await this.#makeFolder();
    await writeRecords(path, records, mode);
  }

  async #makeFolder(): Promise<void> {
    if (this.#folderMade) return;
    await mkdir(this.#options.folder, { recursive: true, mode: 0o750 });
    this.#folderMade = true;
  }

  #dropWrites(): void {
    const dropped = this.#waiting.filter(({ kind }) => kind === 'write');
    this.#waiting = this.#waiting.filter(({ kind }) => kind === 'removal');
    this.#stateWaits = false;
    this.#unwritten.clear();
    for (const segment of dropped.flatMap(({ segments }) => segments?.waiting ?? [])) this.#leaves(segment);
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
