import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { reasonOf } from '../base/thrown.ts';
import type { LiveStream, StreamSubscriber } from '../live/live-stream.ts';
import { sleep, untilAborted } from '../rtmp/abortable-wait.ts';
import { OutgoingPublication } from '../rtmp/outgoing-publication.ts';
import { viaProperty } from '../rtmp/relay-via.ts';
import { RetryDelay } from '../rtmp/retry-delay.ts';
import type { RestreamTarget } from './restream-target.ts';

/** How it stands with one place that a stream is pushed on to. */
export interface RestreamState {
  /** The server, without what may be a key: `rtmp://live.example.org`. */
  readonly to: string;
  /** `idle`: the stream has no publisher; `waiting`: until the next attempt. */
  readonly state: 'idle' | 'connecting' | 'live' | 'waiting';
  readonly sinceWallMs: number;
  /** Why it is waiting, or was the last time. Holds no key. */
  readonly reason: string | undefined;
  /** Access units left out because the server reads too slowly, since the stream began. */
  readonly droppedUnits: number;
}

export interface RestreamPushOptions {
  readonly stream: LiveStream;
  readonly target: RestreamTarget;
  /** Names this origin, so that a stream that comes back to it is noticed. */
  readonly originId: string;
  readonly clock: Clock;
  readonly log: Log;
  /** From 0 up to 1: spreads retries. */
  readonly random: () => number;
}

const retry = { firstMs: 1_000, longestMs: 60_000 } as const;

/** A push that lasted this long has worked: the next failure is a new one. */
const steadyMs = 10_000;

/** Pushes one stream to one place whenever it is published, and comes back, later and later, when that ends. */
export class RestreamPush implements StreamSubscriber {
  readonly #options: RestreamPushOptions;
  readonly #log: Log;
  readonly #unsubscribe: () => void;
  #state: RestreamState['state'] = 'idle';
  #sinceWallMs: number;
  #reason: string | undefined;
  #droppedBefore = 0;
  /** The run of the publication of now, and the push under way. */
  #stopping: AbortController | undefined;
  #outgoing: OutgoingPublication | undefined;
  #ending: Promise<void> = Promise.resolve();

  constructor(options: RestreamPushOptions) {
    this.#options = options;
    const { stream, target, clock, log } = options;
    this.#log = log.child({ stream: stream.path, to: target.address.server });
    this.#sinceWallMs = clock.wallMs();
    this.#unsubscribe = stream.subscribe(this);
  }

  get state(): RestreamState {
    return {
      to: this.#options.target.address.server,
      state: this.#state,
      sinceWallMs: this.#sinceWallMs,
      reason: this.#reason,
      droppedUnits: this.#droppedBefore + (this.#outgoing?.stats().droppedUnits ?? 0),
    };
  }

  onPublisherStart(): void {
    this.#stop();
    const stopping = new AbortController();
    this.#stopping = stopping;
    this.#run(stopping.signal).catch((error: unknown) => {
      if (!stopping.signal.aborted) this.#log.error({ err: error }, 'A bug of ours ended this restream');
    });
  }

  onPublisherStop(): void {
    this.#stop();
    this.#set('idle');
  }

  onEnd(): void {
    this.#stop();
  }

  onTrackConfig(): void {}
  onColorInfo(): void {}
  onAccessUnit(): void {}
  onData(): void {}

  /** Unpublishes, when what was sent has been taken: in ten seconds at most. */
  async close(): Promise<void> {
    this.#unsubscribe();
    this.#stop();
    await this.#ending;
  }

  #stop(): void {
    this.#stopping?.abort(new Error('the publication is over'));
    this.#stopping = undefined;
    const outgoing = this.#outgoing;
    this.#outgoing = undefined;
    if (outgoing === undefined) return;
    this.#droppedBefore += outgoing.stats().droppedUnits;
    this.#ending = outgoing.close().catch(() => {});
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { stream, target, originId, clock, random } = this.#options;
    const delay = new RetryDelay(retry, random);
    for (;;) {
      this.#set('connecting');
      let begunMs: number | undefined;
      try {
        const outgoing = await OutgoingPublication.open({
          address: target.address,
          ...(target.ca === undefined ? {} : { tls: { ca: target.ca } }),
          queueBytes: target.queueBytes,
          properties: viaProperty([originId]),
          clock,
          signal,
        });
        if (signal.aborted) {
          await outgoing.close();
          return;
        }
        begunMs = clock.monotonicMs();
        this.#outgoing = outgoing;
        this.#reason = undefined;
        this.#set('live');
        this.#log.info({}, 'Stream is pushed on');
        outgoing.follow(stream);
        this.#reason = this.#withoutKeys(reasonOf(await untilAborted(outgoing.failed, signal)));
      } catch (error) {
        if (signal.aborted) return;
        this.#reason = this.#withoutKeys(reasonOf(error));
      }
      if (this.#outgoing !== undefined) this.#droppedBefore += this.#outgoing.stats().droppedUnits;
      this.#outgoing = undefined;
      if (begunMs !== undefined && clock.monotonicMs() - begunMs >= steadyMs) delay.reset();
      const retryMs = Math.round(delay.nextMs());
      this.#set('waiting');
      this.#log.warn({ code: 'RESTREAM_FAILED', reason: this.#reason, retryMs }, 'Stream is not pushed on now');
      await sleep(clock, retryMs, signal);
    }
  }

  #set(state: RestreamState['state']): void {
    this.#state = state;
    this.#sinceWallMs = this.#options.clock.wallMs();
  }

  /** A server may repeat the name of the stream, which is the secret of many services, or a part of the query. */
  #withoutKeys(sentence: string): string {
    const { app, streamName } = this.#options.target.address;
    const secrets = [streamName, ...streamName.split(/[?&=]/), app].filter((part) => part.length >= 4);
    return secrets.reduce((text, secret) => text.replaceAll(secret, '…'), sentence);
  }
}
