import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const clip = join(import.meta.dirname, '..', '..', 'media', 'demo.mp4');

/** ffmpeg as an encoder that publishes the demo clip over and over at its own pace, until it is ended. */
export class FfmpegEncoder implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #exited: Promise<unknown>;

  constructor(url: string, output: readonly string[] = ['-c', 'copy']) {
    const input = ['-nostdin', '-v', 'error', '-re', '-stream_loop', '-1', '-i', clip];
    this.#process = spawn('ffmpeg', [...input, ...output, '-f', 'flv', url], { stdio: ['ignore', 'ignore', 'ignore'] });
    this.#exited = once(this.#process, 'exit');
  }

  /** Sends nothing more, and keeps its connection. */
  stall(): void {
    this.#process.kill('SIGSTOP');
  }

  /** Sends at once what it has missed, and goes on. */
  resume(): void {
    this.#process.kill('SIGCONT');
  }

  /** As when its machine loses power, but that the system closes its connection. */
  async kill(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.#exited;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }
}
