import { mkdir, open, rename, rm, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
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
/** After a failure the disk is left alone for so long. */
const restMs = 30_000;

export const stateFileName = 'stream.json';

export function segmentFileName(rendition: string, msn: number): string {
  return `${rendition}.${msn}.segment`;
}

/** The parts of the segment of a rendition that is open, or that was it last. */
export function openFileName(rendition: string): string {
  return `${rendition}.open`;
}

interface Job {
  readonly kind: 'write' | 'removal';
  readonly bytes: number;
  readonly run: () => Promise<void>;
}

/**
 * Writes what a restart needs of one live stream, in the background and in order: nobody waits for the disk. When that
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
  /** By rendition: the segments that are on the disk or on their way, oldest first. */
  readonly #kept = new Map<string, number[]>();
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
    this.#add('write', 0, async () => {
      this.#stateWaits = false;
      const path = join(this.#options.folder, stateFileName);
      // It may hold keys.
      await this.#writeFile(`${path}.new`, [encodeStateFile(this.#state)], { mode: 0o600 });
      await rename(`${path}.new`, path);
      this.#worksAgain();
    });
  }

  /** The newest part of the open segment, as a segment that has nothing else; with `isFirst` there was none before it. */
  writePart(rendition: string, kept: KeptSegment, isFirst: boolean): void {
    const { byteLength } = kept.segment;
    if (this.#isResting() || !this.#hasRoomFor(byteLength)) return;
    const path = join(this.#options.folder, openFileName(rendition));
    this.#add('write', byteLength, () => this.#writeFile(path, encodeSegmentFile(kept), { flag: isFirst ? 'w' : 'a' }));
  }

  writeSegment(rendition: string, kept: KeptSegment): void {
    const { msn, byteLength } = kept.segment;
    if (this.#isResting() || !this.#hasRoomFor(byteLength)) return;
    const there = this.#kept.get(rendition) ?? [];
    // In order, but for what a restart has put in.
    there.push(msn);
    if ((there.at(-2) ?? msn) > msn) there.sort((a, b) => a - b);
    this.#kept.set(rendition, there);
    const path = join(this.#options.folder, segmentFileName(rendition, msn));
    this.#add('write', byteLength, () => this.#writeFile(path, encodeSegmentFile(kept)));
  }

  /** Those before `msn` have left the window. */
  removeBefore(rendition: string, msn: number): void {
    const there = this.#kept.get(rendition) ?? [];
    while (there[0] !== undefined && there[0] < msn) {
      const path = join(this.#options.folder, segmentFileName(rendition, there[0]));
      there.shift();
      this.#add('removal', 0, () => unlink(path));
    }
  }

  /** The stream is gone for viewers too: nothing of it stays. */
  removeAll(onRemoved: () => void): void {
    this.#dropWrites();
    this.#add('removal', 0, async () => {
      try {
        await rm(this.#options.folder, { recursive: true, force: true });
      } finally {
        onRemoved();
      }
    });
  }

  /** Resolves when everything is on the disk, or has failed. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  #hasRoomFor(byteLength: number): boolean {
    if (this.#queuedBytes + byteLength <= maxQueuedBytes) return true;
    this.#fail(new Error(`the disk is too slow: ${this.#queuedBytes} bytes wait for it`));
    return false;
  }

  #isResting(): boolean {
    return this.#options.clock.monotonicMs() < this.#restUntilMs;
  }

  #add(kind: Job['kind'], bytes: number, run: () => Promise<void>): void {
    this.#waiting.push({ kind, run, bytes });
    this.#queuedBytes += bytes;
    this.#running ??= this.#work();
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
      this.#queuedBytes -= next.bytes;
    }
    this.#running = undefined;
  }

  async #writeFile(path: string, pieces: readonly Uint8Array[], { flag = 'w', mode = 0o640 } = {}): Promise<void> {
    if (!this.#folderMade) {
      await mkdir(this.#options.folder, { recursive: true, mode: 0o750 });
      this.#folderMade = true;
    }
    const file = await open(path, flag, mode);
    try {
      const total = pieces.reduce((sum, { length }) => sum + length, 0);
      const { bytesWritten } = await file.writev(pieces);
      if (bytesWritten !== total) throw new Error(`only ${bytesWritten} of ${total} bytes could be written`);
    } finally {
      await file.close();
    }
  }

  #dropWrites(): void {
    for (const { bytes } of this.#waiting) this.#queuedBytes -= bytes;
    this.#waiting = this.#waiting.filter(({ kind }) => kind === 'removal');
    this.#stateWaits = false;
  }

  #fail(error: unknown): void {
    const { folder, log, clock } = this.#options;
    this.#dropWrites();
    this.#folderMade = false;
    this.#restUntilMs = clock.monotonicMs() + restMs;
    this.#add('removal', 0, () => unlink(join(folder, stateFileName)));
    if (this.#failing) return;
    this.#failing = true;
    const reason = error instanceof Error ? error.message : String(error);
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
