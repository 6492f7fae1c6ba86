import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import type { Clock, Timer } from '../../base/clock.ts';
import { reasonOf } from '../../base/thrown.ts';
import { FfmpegMessages, type FfmpegMessage } from './ffmpeg-messages.ts';
import { firstOutputDescriptor } from './ffmpeg-arguments.ts';

export interface FfmpegProcessOptions {
  readonly program: string;
  readonly args: readonly string[];
  /** How many outputs it has: descriptors from 3 on. */
  readonly outputs: number;
  /** It is ended when it is fed and gives nothing for so long. */
  readonly stallMs: number;
  readonly clock: Clock;
  /** What came out of an output. Must not throw. */
  readonly onOutput: (output: number, bytes: Uint8Array) => void;
  readonly onMessage: (message: FfmpegMessage) => void;
  /** Called once, after the last output. */
  readonly onExit: (exit: FfmpegExit) => void;
}

export interface FfmpegExit {
  readonly pid: number | undefined;
  /** Whether it ended by itself, and well, after its input had ended. */
  readonly asAsked: boolean;
  /** Why it ended: its own words where it has any. */
  readonly reason: string;
  readonly gaveOutput: boolean;
}

/** How much may wait to be read by it. */
const maxQueueBytes = 8 * 1_048_576;

/**
 * One ffmpeg that reads its standard input and writes to pipes. Nobody ever waits for it: what it is too slow to read is
 * refused. It gets a process group of its own, so that Ctrl-C reaches us and not it; when we are gone, however that
 * came, its input ends, and so does it.
 */
export class FfmpegProcess {
  readonly #options: FfmpegProcessOptions;
  /** `undefined` where the system had nothing left to start it with. */
  readonly #child: ChildProcess | undefined;
  readonly #messages = new FfmpegMessages();
  #isFull = false;
  #inputEnded = false;
  #over = false;
  #gaveOutput = false;
  #failure: string | undefined;
  /** Since when it has been fed without an answer. */
  #unansweredSinceMs: number | undefined;
  #watch: Timer | undefined;
  #deadline: Timer | undefined;

  constructor(options: FfmpegProcessOptions) {
    this.#options = options;
    try {
      this.#child = this.#spawn();
    } catch (error) {
      queueMicrotask(() => this.#failedToStart(error));
    }
    this.#watchForStall();
  }

  #spawn(): ChildProcess {
    const options = this.#options;
    const outputs = Array.from({ length: options.outputs }, () => 'pipe' as const);
    const child = spawn(options.program, options.args, {
      stdio: ['pipe', 'ignore', 'pipe', ...outputs],
      detached: true,
      windowsHide: true,
    });
    child.once('error', (error) => this.#failedToStart(error));
    child.once('close', (code, signal) => {
      if (signal === null) this.#exited(code === 0, this.#messages.reason ?? `it ended with status ${code}`);
      else this.#exited(false, `it was ended by ${signal}`);
    });
    // It may be gone before it has read all; that it is gone is told by `close`.
    child.stdin?.on('error', () => {});
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      for (const message of this.#messages.push(text)) options.onMessage(message);
    });
    child.stderr?.on('error', () => {});
    for (let output = 0; output < options.outputs; output++) {
      // By the `stdio` above this is the reading end of a pipe; where no descriptor was left there is none.
      const pipe = (child.stdio as readonly unknown[] | undefined)?.[firstOutputDescriptor + output] as
        | Readable
        | undefined;
      pipe?.on('data', (bytes: Uint8Array) => {
        this.#gaveOutput = true;
        this.#unansweredSinceMs = undefined;
        if (!this.#over) options.onOutput(output, bytes);
      });
      pipe?.on('error', () => {});
    }
    return child;
  }

  #failedToStart(error: unknown): void {
    this.#exited(false, `it cannot be started: ${reasonOf(error)}`);
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** It reads too slowly: what is written now is refused. Holds until half of what waits has been read. */
  get isFull(): boolean {
    const waiting = this.#child?.stdin?.writableLength ?? 0;
    if (waiting > maxQueueBytes) this.#isFull = true;
    else if (waiting < maxQueueBytes / 2) this.#isFull = false;
    return this.#isFull;
  }

  write(bytes: Uint8Array): void {
    if (this.#inputEnded || this.#over) return;
    this.#unansweredSinceMs ??= this.#options.clock.monotonicMs();
    this.#child?.stdin?.write(bytes);
  }

  /** Nothing follows: it gives what it has and ends, within `graceMs`, or is killed. */
  end(graceMs: number): void {
    if (this.#over) return;
    if (!this.#inputEnded) this.#child?.stdin?.end();
    this.#inputEnded = true;
    this.#deadline?.cancel();
    this.#deadline = this.#options.clock.after(graceMs, () => {
      this.kill(`it did not end within ${graceMs} ms after its input had`);
    });
  }

  kill(reason: string): void {
    if (this.#over) return;
    this.#failure ??= reason;
    const { pid } = this;
    if (pid === undefined) return;
    try {
      // With what it may have started: an installed ffmpeg is often a script that runs another.
      process.kill(-pid, 'SIGKILL');
    } catch {
      // It is gone already.
    }
  }

  #watchForStall(): void {
    const { clock, stallMs } = this.#options;
    this.#watch = clock.after(stallMs / 4, () => {
      const sinceMs = this.#unansweredSinceMs;
      if (sinceMs === undefined || clock.monotonicMs() - sinceMs < stallMs) this.#watchForStall();
      else this.kill(`it was fed for ${stallMs} ms and gave nothing`);
    });
  }

  #exited(endedWell: boolean, reason: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#watch?.cancel();
    this.#deadline?.cancel();
    this.#options.onExit({
      pid: this.#child?.pid,
      asAsked: this.#inputEnded && this.#failure === undefined && endedWell,
      reason: this.#failure ?? reason,
      gaveOutput: this.#gaveOutput,
    });
  }
}
