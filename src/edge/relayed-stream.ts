import type { Timer } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { reasonOf } from '../base/thrown.ts';
import { LiveStream } from '../live/live-stream.ts';
import type { PlayRefused } from '../live/play-gate.ts';
import { orAborted, sleep, untilAborted } from '../rtmp/abortable-wait.ts';
import { RetryDelay } from '../rtmp/retry-delay.ts';
import { RtmpPull, StreamOver } from '../rtmp/rtmp-pull.ts';
import { RtmpRefusal } from '../rtmp/server-failure.ts';
import { PulledPublication } from './pulled-publication.ts';
import { askGroup, type FailedAttempt, failureSentence } from './relay-attempt.ts';
import { originSilenceMs, type RelayOptions, relayRetry } from './relay-options.ts';
import { originConnection, type RelayOrigin } from './relay-origin.ts';
import type { RoutedStream } from './streaming-routes.ts';

/** What there is of a stream that an edge fetches. */
export interface RelayedStreamStats {
  readonly path: string;
  /** `connecting`: an origin is being asked; `playing`: it gives the stream; `waiting`: until it is asked again. */
  readonly state: 'connecting' | 'playing' | 'waiting';
  /** Which gives it, or gave it last. */
  readonly origin: string | undefined;
  readonly viewers: number;
  /** How often an origin has begun to give it. */
  readonly pulls: number;
}

export interface RelayedStreamOptions extends RelayOptions {
  readonly routed: RoutedStream;
  /** The edges that the first request has come through. */
  readonly via: readonly string[];
  /** Called once, before the viewers are told: nobody can be admitted to it any more. */
  readonly onEnded: (stream: RelayedStream) => void;
}

/** A pull that was that short is no reason to ask again at once. */
const shortPullMs = 2_000;

/** One live stream that an edge fetches from its origin group, once for all viewers. */
export class RelayedStream {
  readonly stream: LiveStream;
  readonly #options: RelayedStreamOptions;
  readonly #log: Log;
  readonly #stopping = new AbortController();
  readonly #firstAnswer = Promise.withResolvers<PlayRefused | undefined>();
  readonly #retry: RetryDelay;
  #state: RelayedStreamStats['state'] = 'connecting';
  #origin: string | undefined;
  #viewers = 0;
  #pulls = 0;
  #idleTimer: Timer | undefined;

  constructor(options: RelayedStreamOptions) {
    this.#options = options;
    const { path, behaviour } = options.routed;
    this.stream = new LiveStream(path);
    this.#log = options.log.child({ stream: path, distribution: behaviour.distribution });
    this.#retry = new RetryDelay(relayRetry, options.random);
    this.#run().catch((error: unknown) => {
      if (!this.#stopping.signal.aborted) this.#log.error({ err: error }, 'A bug of ours ended this relay');
      this.#end();
    });
  }

  stats(): RelayedStreamStats {
    return {
      path: this.stream.path,
      state: this.#state,
      origin: this.#origin,
      viewers: this.#viewers,
      pulls: this.#pulls,
    };
  }

  /** Another viewer; call what is returned when it has left. */
  join(): () => void {
    this.#viewers++;
    this.#idleTimer?.cancel();
    this.#idleTimer = undefined;
    let here = true;
    return () => {
      if (!here) return;
      here = false;
      this.#viewers--;
      if (this.#viewers > 0 || this.#stopping.signal.aborted) return;
      const { clock, routed } = this.#options;
      this.#idleTimer = clock.after(routed.behaviour.idleGraceMs, () => this.close());
    };
  }

  /** Resolves when an origin has said whether there is the stream: with the refusal, if not. */
  firstAnswer(signal: AbortSignal): Promise<PlayRefused | undefined> {
    return orAborted(this.#firstAnswer.promise, signal);
  }

  /** Stops fetching; viewers that are still there see the stream end. */
  close(): void {
    this.#stopping.abort(new Error('nobody watches any more'));
    this.#end();
  }

  #end(): void {
    if (this.stream.ended) return;
    this.#stopping.abort();
    this.#idleTimer?.cancel();
    this.#options.onEnded(this);
    this.#firstAnswer.resolve({
      kind: 'refused',
      statusCode: 'NetStream.Play.Failed',
      code: 'RELAY_CLOSED',
      sentence: 'this edge is closing',
    });
    this.stream.end();
  }

  /** Asks, plays, and asks again: until nobody watches, or there has been nothing to play for the grace time. */
  async #run(): Promise<void> {
    const { clock, routed } = this.#options;
    const { signal } = this.#stopping;
    let goneSinceMs: number | undefined;
    let saidOver = false;
    for (;;) {
      this.#state = 'connecting';
      const outcome = await this.#ask();
      const askedMs = clock.monotonicMs();
      if (outcome.kind === 'opened') {
        goneSinceMs = undefined;
        const ended = await this.#playUntilItEnds(outcome.opened, outcome.origin);
        saidOver = ended instanceof StreamOver;
        goneSinceMs = clock.monotonicMs();
        if (goneSinceMs - askedMs >= shortPullMs) {
          // At once: another origin of the group may have it, and one that was restarted may be there again.
          this.#retry.reset();
          continue;
        }
      } else {
        const refusal = refusalOf(routed.path, outcome.failures);
        this.#log.info(
          { code: refusal.code, reason: failureSentence(outcome.failures) },
          'No origin gives this stream now',
        );
        const notFound = refusal.statusCode === 'NetStream.Play.StreamNotFound';
        // Over is over: an origin that is restarting does not answer at all, or has said nothing about an end.
        if (goneSinceMs === undefined || (saidOver && notFound)) {
          this.#firstAnswer.resolve(refusal);
          this.#end();
          return;
        }
        if (askedMs - goneSinceMs >= routed.behaviour.originGraceMs) {
          this.#log.warn({ code: 'RELAY_ORIGIN_GONE' }, 'The stream has been gone for too long: its viewers are told');
          this.#end();
          return;
        }
      }
      this.#state = 'waiting';
      await sleep(clock, this.#retry.nextMs(), signal);
    }
  }

  async #ask() {
    const { routed, clock, edgeId, via, maxMessageBytes } = this.#options;
    const { origins, answerTimeoutMs } = routed.behaviour;
    return askGroup({
      origins,
      answerTimeoutMs,
      clock,
      signal: this.#stopping.signal,
      open: (origin, signal) =>
        RtmpPull.open({
          ...originConnection(origin, routed.app, routed.name, [...via, edgeId]),
          clock,
          signal,
          stepTimeoutMs: answerTimeoutMs,
          silenceMs: originSilenceMs,
          maxMessageBytes,
          onPublication: () => this.#beginPublication(origin),
          log: this.#log,
        }),
    });
  }

  /** Returns why it ended. */
  async #playUntilItEnds(pull: RtmpPull, origin: RelayOrigin): Promise<unknown> {
    this.#state = 'playing';
    this.#origin = origin.name;
    this.#pulls++;
    this.#log.info({ origin: origin.name, pulls: this.#pulls }, 'Stream fetched from the origin');
    this.#firstAnswer.resolve(undefined);
    const { signal } = this.#stopping;
    const reason = await untilAborted(pull.failed, signal).catch((stopped: unknown) => {
      pull.close();
      throw stopped;
    });
    if (reason instanceof StreamOver) {
      this.#log.info({ origin: origin.name }, 'The stream is over at the origin');
    } else {
      const said = reasonOf(reason);
      this.#log.warn(
        { code: 'RELAY_PULL_ENDED', origin: origin.name, reason: said },
        'The origin has stopped giving this stream: it is asked for again',
      );
    }
    return reason;
  }

  #beginPublication(origin: RelayOrigin): PulledPublication {
    return new PulledPublication(this.stream, () => {
      this.stream.startPublication({
        peer: origin.server.server,
        encoder: undefined,
        startedWallMs: this.#options.clock.wallMs(),
      });
    });
  }
}

/** What a viewer is told. Where one origin knows and the others do not answer, it is the one that counts. */
function refusalOf(path: string, failures: readonly FailedAttempt[]): PlayRefused {
  const refusals = failures.map(({ error }) => error).filter((error) => error instanceof RtmpRefusal);
  if (refusals.some(({ statusCode }) => statusCode === 'NetStream.Play.StreamNotFound')) {
    return {
      kind: 'refused',
      statusCode: 'NetStream.Play.StreamNotFound',
      code: 'PLAY_STREAM_NOT_FOUND',
      sentence: `there is no stream ${path} now`,
    };
  }
  const [refused] = refusals;
  if (refused !== undefined) {
    const unauthorized = refused.statusCode === 'NetStream.Play.Unauthorized';
    return {
      kind: 'refused',
      statusCode: unauthorized ? 'NetStream.Play.Unauthorized' : 'NetStream.Play.Failed',
      code: 'PLAY_ORIGIN_REFUSED',
      sentence: refused.description === '' ? `the origin refuses ${path}` : refused.description,
    };
  }
  return {
    kind: 'refused',
    statusCode: 'NetStream.Play.Failed',
    code: 'PLAY_ORIGIN_UNREACHABLE',
    sentence: `the origin of ${path} cannot be reached at the moment`,
  };
}
