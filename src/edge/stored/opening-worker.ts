import { Worker } from 'node:worker_threads';
import type { Clock, Timer } from '../../base/clock.ts';
import { LimitError } from '../../base/errors.ts';
import type { OpeningRehearsal, OpeningReply, OpeningRequest } from './opening-messages.ts';

/** Between two requests for bytes a reading only looks at what it has got. */
const stepDeadlineMs = 10_000;
/** Beside the bytes of files and the numbers of indexes, which do not count. */
const maxHeapMiB = 256;

/** The same file in `src` and in `dist`. */
const threadUrl = new URL(`./opening-thread${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);

/** The readings of a thread that was ended are lost with it, those too that did nothing wrong: they can begin anew. */
export class ThreadLost extends Error {}

interface WaitingStep {
  readonly request: OpeningRequest;
  /** The thread that knows of it; `undefined` for the first step, which any may do. */
  readonly thread: number | undefined;
  resolve(answer: { readonly reply: OpeningReply; readonly thread: number }): void;
  reject(error: Error): void;
}

/**
 * A thread that opens media files, one step of one file at a time, begun when it is needed, and then there. A step that takes too long,
 * or more memory than there is, costs its own file an error, and all others that are being read another attempt.
 */
export class OpeningWorker {
  readonly #clock: Clock;
  readonly #threadUrl: URL;
  readonly #waiting: WaitingStep[] = [];
  #worker: Worker | undefined;
  /** Counts threads. */
  #thread = 0;
  #running: WaitingStep | undefined;
  #deadline: Timer | undefined;
  #closed = false;

  constructor(clock: Clock, url = threadUrl) {
    this.#clock = clock;
    this.#threadUrl = url;
  }

  /**
   * Begins the thread before it is needed: until all that it runs is loaded, a tenth of a second goes by and more. It opens
   * `file` over and over first, so that what runs often has been compiled when somebody waits for it.
   */
  warmUp(file: string): void {
    if (!this.#closed) this.#worker ??= this.#begin({ file });
  }

  /** Rejects with `ThreadLost`, or with what became of the thread by this very step. */
  step(
    request: OpeningRequest,
    thread: number | undefined,
  ): Promise<{ readonly reply: OpeningReply; readonly thread: number }> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ request, thread, resolve, reject });
      this.#next();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const step of this.#waiting.splice(0)) step.reject(new ThreadLost('closing'));
    this.#fail(new ThreadLost('closing'));
    await this.#end();
  }

  #next(): void {
    if (this.#running !== undefined) return;
    const step = this.#waiting.shift();
    if (step === undefined) return;
    if (this.#closed || (step.thread !== undefined && step.thread !== this.#thread) || !this.#send(step)) {
      step.reject(new ThreadLost('its thread is not there any more'));
      this.#next();
    }
  }

  #send(step: WaitingStep): boolean {
    if (this.#worker === undefined && step.thread !== undefined) return false;
    const worker = (this.#worker ??= this.#begin());
    const { request } = step;
    this.#running = step;
    this.#deadline = this.#clock.after(stepDeadlineMs, () => {
      this.#fail(
        new LimitError('STORED_MEDIA_TOO_COSTLY', 'milliseconds of work on a piece of this file without getting on', {
          limit: stepDeadlineMs,
          value: stepDeadlineMs,
        }),
      );
      void this.#end();
      this.#next();
    });
    worker.postMessage(request, []);
    return true;
  }

  #begin(rehearsal?: OpeningRehearsal): Worker {
    const thread = ++this.#thread;
    const worker = new Worker(this.#threadUrl, {
      workerData: rehearsal,
      execArgv: [],
      stdout: false,
      resourceLimits: { maxOldGenerationSizeMb: maxHeapMiB },
    });
    // Nothing waits for it that would not be told when the process ends.
    worker.unref();
    worker.on('message', (reply: OpeningReply) => {
      const step = this.#running;
      if (thread !== this.#thread || step === undefined) return;
      this.#settle();
      step.resolve({ reply, thread });
      this.#next();
    });
    worker.on('error', (cause) => {
      if (thread !== this.#thread) return;
      this.#fail(new Error('the thread that reads media files failed', { cause }));
      void this.#end();
      this.#next();
    });
    return worker;
  }

  #fail(error: Error): void {
    const step = this.#running;
    this.#settle();
    step?.reject(error);
  }

  #settle(): void {
    this.#running = undefined;
    this.#deadline?.cancel();
    this.#deadline = undefined;
  }

  async #end(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    this.#thread++;
    await worker?.terminate();
  }
}
