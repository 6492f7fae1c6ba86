import type { CloseBudget } from '../base/close-budget.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { LiveStream } from '../live/live-stream.ts';
import type { StreamSource } from './live-channel.ts';
import { settledWithin } from '../rtmp/abortable-wait.ts';
import { RestreamPush, type RestreamState } from './restream-push.ts';
import { type RestreamTargets, restreamTargets } from './restream-target.ts';
import type { RestreamSettings } from './settings.ts';

export interface RestreamsOptions {
  /** Names this origin, so that a stream that comes back to it is noticed. */
  readonly originId: string;
  readonly clock: Clock;
  readonly log: Log;
  /** From 0 up to 1: spreads retries. */
  readonly random: () => number;
}

/** Pushes the streams of a directory on to other servers, as the configuration says. */
export class Restreams {
  readonly #options: RestreamsOptions;
  readonly #targets: RestreamTargets;
  readonly #pushes = new Map<string, readonly RestreamPush[]>();
  readonly #stopListening: () => void;

  /** Throws a `ConfigError` when a file of certificates cannot be read. */
  constructor(source: StreamSource, rules: readonly RestreamSettings[], options: RestreamsOptions) {
    this.#options = options;
    this.#targets = restreamTargets(rules);
    this.#stopListening = source.onStream((stream) => this.#add(stream));
    for (const stream of source.list()) this.#add(stream);
  }

  /** How it stands with every place that a stream is pushed on to; empty when with none. */
  statesOf(path: string): readonly RestreamState[] {
    return this.#pushes.get(path)?.map((push) => push.state) ?? [];
  }

  /** Unpublishes everywhere. Servers that do not close the connection have a second for it, or `budget`. */
  async close(budget: CloseBudget): Promise<void> {
    this.#stopListening();
    const closed = Promise.all([...this.#pushes.values()].flat().map((push) => push.close()));
    this.#pushes.clear();
    await settledWithin(this.#options.clock, budget.graceMs(1_000), closed);
  }

  #add(stream: LiveStream): void {
    const targets = this.#targets(stream.path);
    if (targets.length === 0) return;
    const pushes = targets.map((target) => new RestreamPush({ ...this.#options, stream, target }));
    this.#pushes.set(stream.path, pushes);
    stream.subscribe({
      onEnd: () => {
        if (this.#pushes.get(stream.path) === pushes) this.#pushes.delete(stream.path);
      },
      onPublisherStart: () => {},
      onTrackConfig: () => {},
      onColorInfo: () => {},
      onAccessUnit: () => {},
      onData: () => {},
      onPublisherStop: () => {},
    });
  }
}
