import type { Clock } from '../../base/clock.ts';
import { LimitError, ProtocolError } from '../../base/errors.ts';
import type { SharedMedia, WantedBytes } from '../../formats/media/stored-media.ts';
import type { OpeningReply } from './opening-messages.ts';
import { OpeningWorker, ThreadLost } from './opening-worker.ts';
import type { FileVersion } from './file-version.ts';
import { OpeningDesk } from './opening-desk.ts';
import { OpeningReads } from './opening-reads.ts';

/** Files that are being opened at once; what they have asked for is in memory. */
const maxRunning = 4;
/** Files that wait for that; further ones are refused. */
const maxWaiting = 64;
/** From the first byte of an index to the last, at whatever pace the origin gives them. */
const deadlineMs = 60_000;
/** The index of a film of many hours. */
const maxWantedBytes = 67_108_864;
/** Of one file. Fragmented ones are looked at in many places. */
const maxTotalBytes = 268_435_456;
const maxSteps = 100_000;
/** How often a file is begun anew because of another one. */
const maxAttempts = 3;

/** A media file that can be played. */
export interface OpenedMedia {
  /** What `shareStoredMedia` gave. */
  readonly shared: SharedMedia;
  /**
   * What `encodeStoredMedia` gives for it, by the thread, which has it until then: it takes a while, and who waits for a film
   * comes first. To be called once. Rejects where the thread is lost.
   */
  readonly encode: () => Promise<Uint8Array<ArrayBuffer>>;
}

/** Finds out where everything is in media files, in a thread of its own, a bounded number of them at a time. */
export class MediaOpener {
  readonly #clock: Clock;
  readonly #worker: OpeningWorker;
  readonly #closing = new AbortController();
  readonly #waiting: (() => void)[] = [];
  /** Those that nobody works on. */
  readonly #desks: OpeningDesk[] = [];
  #running = 0;
  #jobs = 0;

  constructor(clock: Clock, worker = new OpeningWorker(clock)) {
    this.#clock = clock;
    this.#worker = worker;
  }

  /**
   * Rejects with a `ProtocolError` where it is no media that can be played, with a `LimitError` where it costs too much, and
   * with what reading it failed with.
   */
  async open(version: FileVersion): Promise<OpenedMedia> {
    await this.#turn();
    const ended = new AbortController();
    const timer = this.#clock.after(deadlineMs, () => ended.abort(tooLong()));
    const desk = this.#desks.pop() ?? new OpeningDesk();
    try {
      const signal = AbortSignal.any([ended.signal, this.#closing.signal]);
      for (let attempt = 1; ; attempt++) {
        try {
          return await this.#opened(version, desk, signal);
        } catch (error) {
          if (!(error instanceof ThreadLost) || attempt === maxAttempts || signal.aborted) throw error;
        }
      }
    } finally {
      timer.cancel();
      this.#desks.push(desk);
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }

  /** So that the first file needs not wait for it. `file` is one that can be played. */
  warmUp(file: string): void {
    this.#worker.warmUp(file);
  }

  async close(): Promise<void> {
    this.#closing.abort(new ThreadLost('closing'));
    // Each finds out for itself.
    for (const next of this.#waiting.splice(0)) next();
    await this.#worker.close();
  }

  async #turn(): Promise<void> {
    if (this.#running < maxRunning) {
      this.#running++;
      return;
    }
    if (this.#waiting.length >= maxWaiting) throw tooMany();
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  async #opened(version: FileVersion, desk: OpeningDesk, signal: AbortSignal): Promise<OpenedMedia> {
    const job = ++this.#jobs;
    const reads = new OpeningReads(version, desk, signal);
    try {
      return await this.#answered(version, job, reads);
    } finally {
      reads.close();
    }
  }

  async #answered({ lengthBytes }: FileVersion, job: number, reads: OpeningReads): Promise<OpenedMedia> {
    let { reply, thread } = await this.#worker.step({ kind: 'begin', job, lengthBytes }, undefined);
    let totalBytes = 0;
    for (let steps = 1; reply.kind === 'wants'; steps++) {
      const range = rangeOf(reply.wanted, lengthBytes);
      totalBytes += range === undefined ? 0 : range.last - range.first + 1;
      try {
        if (totalBytes > maxTotalBytes || steps > maxSteps) throw tooScattered(totalBytes);
        const bytes = range === undefined ? new Uint8Array(0) : await reads.read(range, reply.wanted.until);
        ({ reply, thread } = await this.#worker.step({ kind: 'bytes', job, bytes }, thread));
      } catch (error) {
        // Else it would wait there for ever.
        void this.#worker.step({ kind: 'forget', job }, thread).catch(() => {});
        throw error;
      }
    }
    if (reply.kind === 'refused') throw new ProtocolError(reply.code, reply.sentence);
    if (reply.kind !== 'opened') throw unexpected(reply);
    const encode = async () => {
      const { reply: last } = await this.#worker.step({ kind: 'encode', job }, thread);
      if (last.kind !== 'encoded') throw unexpected(last);
      return last.encoded;
    };
    return { shared: reply.shared, encode };
  }
}

function unexpected({ kind }: OpeningReply): Error {
  return new Error(`the thread that reads media files said ${kind}`);
}

/** `undefined`: it begins behind the end of the file. */
function rangeOf({ from, to }: WantedBytes, lengthBytes: number): { first: number; last: number } | undefined {
  if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to) || from < 0 || to < from) {
    throw new Error(`a reading wants bytes ${from} to ${to}`);
  }
  const end = Math.min(to, lengthBytes);
  if (from >= end) return undefined;
  if (end - from <= maxWantedBytes) return { first: from, last: end - 1 };
  throw new LimitError('STORED_MEDIA_INDEX_TOO_LARGE', 'bytes of the file that are needed at once', {
    limit: maxWantedBytes,
    value: end - from,
  });
}

function tooScattered(totalBytes: number): LimitError {
  return new LimitError('STORED_MEDIA_INDEX_TOO_LARGE', 'bytes of the file that would have to be looked at', {
    limit: maxTotalBytes,
    value: totalBytes,
  });
}

function tooLong(): LimitError {
  return new LimitError('STORED_MEDIA_OPENING_TIMEOUT', 'milliseconds for what is needed of the file to come', {
    limit: deadlineMs,
    value: deadlineMs,
  });
}

function tooMany(): LimitError {
  return new LimitError('STORED_MEDIA_OPENINGS', 'media files are waiting to be opened', {
    limit: maxWaiting,
    value: maxWaiting,
  });
}
