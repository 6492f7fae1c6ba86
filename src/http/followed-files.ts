import { type BigIntStats, statSync } from 'node:fs';
import type { Clock, Timer } from '../base/clock.ts';
import { reasonOf } from '../base/thrown.ts';

/** How often the files are looked at: a look is a `stat` of each. */
const lookIntervalMs = 10_000;

export interface FollowedFilesOptions<Content> {
  readonly files: readonly string[];
  /** Reads and checks them, all together. Throws when they cannot be used. */
  readonly load: () => Content;
  readonly clock: Clock;
  /** They have changed, and can be used. */
  readonly onReplaced: () => void;
  /** They have changed and cannot be used: what they held before stays. Called once for each problem. */
  readonly onUnusable: (problem: string) => void;
}

/**
 * What files hold, read again when one of them changes. While they do not fit together, as between the writing of one and
 * of another, what they held before stays in use.
 */
export class FollowedFiles<Content> {
  readonly #options: FollowedFilesOptions<Content>;
  readonly #listeners = new Set<(content: Content) => void>();
  #content: Content;
  #version: string;
  #reportedProblem = '';
  #timer: Timer | undefined;

  /** Throws what `load` does. */
  constructor(options: FollowedFilesOptions<Content>) {
    this.#options = options;
    this.#version = versionOf(options.files);
    this.#content = options.load();
    if (options.files.length > 0) this.#lookLater();
  }

  get content(): Content {
    return this.#content;
  }

  /** `listener` is called with what counts from now on. Returns the way to stop listening. */
  onChange(listener: (content: Content) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** The files are not looked at any more. */
  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#listeners.clear();
  }

  #lookLater(): void {
    this.#timer = this.#options.clock.after(lookIntervalMs, () => {
      this.#lookLater();
      this.#look();
    });
  }

  #look(): void {
    const { files, load, onReplaced, onUnusable } = this.#options;
    const version = versionOf(files);
    if (version === this.#version) return;
    try {
      this.#content = load();
    } catch (error) {
      const problem = reasonOf(error);
      // Once each: it is looked at again until it can be used.
      if (problem !== this.#reportedProblem) onUnusable(problem);
      this.#reportedProblem = problem;
      return;
    }
    this.#version = version;
    this.#reportedProblem = '';
    onReplaced();
    for (const listener of this.#listeners) listener(this.#content);
  }
}

/** Changes whenever one of the files is written or replaced, also behind a symbolic link. */
function versionOf(files: readonly string[]): string {
  return files.map((file) => fileVersion(file)).join();
}

/** Changes whenever the file is written, replaced, or gone, also behind a symbolic link: a look is one `stat`. */
export function fileVersion(file: string): string {
  let stats: BigIntStats;
  try {
    stats = statSync(file, { bigint: true });
  } catch {
    return 'unreadable';
  }
  return `${stats.ino}-${stats.mtimeNs}-${stats.size}`;
}
