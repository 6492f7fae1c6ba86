import { AccessError, type StreamFrontError, UpstreamError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { reasonOf } from '../base/thrown.ts';
import type { AccessUnit } from '../formats/media/access-unit.ts';
import type { ColorInfo } from '../formats/media/color-info.ts';
import type { DataMessage } from '../formats/media/data-message.ts';
import type { TrackConfig } from '../formats/media/track.ts';
import { LiveStream } from '../live/live-stream.ts';
import type { PublishRefused } from '../policy/publish-request.ts';
import { sleep, untilAborted } from '../rtmp/abortable-wait.ts';
import { OutgoingPublication } from '../rtmp/outgoing-publication.ts';
import type { PublicationSink } from '../rtmp/publish-gate.ts';
import { RetryDelay } from '../rtmp/retry-delay.ts';
import { RtmpRefusal } from '../rtmp/server-failure.ts';
import { askGroup, type FailedAttempt, failureSentence } from './relay-attempt.ts';
import { type RelayOptions, relayRetry } from './relay-options.ts';
import { originConnection, type RelayOrigin } from './relay-origin.ts';
import type { RoutedStream } from './streaming-routes.ts';

/** What there is of a publication that an edge passes on. */
export interface RelayedPublicationStats {
  readonly path: string;
  /** `passing`: the origin takes it; `waiting`: the origin is gone, the encoder stays. */
  readonly state: 'passing' | 'waiting';
  /** Which takes it, or took it last. */
  readonly origin: string;
  /** How often an origin has begun to take it. */
  readonly publications: number;
  /** Left out because the origin reads too slowly, over all of them. */
  readonly droppedUnits: number;
}

export interface RelayedPublicationOptions extends RelayOptions {
  readonly routed: RoutedStream;
  /** What follows the name towards the origin: `?key=…`, or nothing. Secret. */
  readonly query: string;
  /** What the encoder calls itself. */
  readonly encoder: string | undefined;
  /** The edges that the encoder's connection has come through. */
  readonly via: readonly string[];
  readonly onTakenOver: () => void;
  /** The publication cannot go on; called once, if at all. */
  readonly onEnded: (error: StreamFrontError) => void;
}

/** As an origin of ours begins the description when it ends a publication for another one with the same key. */
const takenOverCode = 'PUBLISH_TAKEN_OVER';

/**
 * What an encoder publishes at an edge, on its way to the origin. While the origin is gone the running GOP is kept,
 * bounded like that of any stream, and all before it is dropped: when the origin is back the stream goes on from its
 * latest keyframe, at once, without a flood of what is past.
 */
export class RelayedPublication implements PublicationSink {
  readonly #options: RelayedPublicationOptions;
  readonly #log: Log;
  readonly #stream: LiveStream;
  readonly #stopping = new AbortController();
  readonly #retry: RetryDelay;
  #outgoing: OutgoingPublication;
  #origin: RelayOrigin;
  #state: RelayedPublicationStats['state'] = 'passing';
  #publications = 1;
  #droppedBefore = 0;

  private constructor(options: RelayedPublicationOptions, outgoing: OutgoingPublication, origin: RelayOrigin) {
    this.#options = options;
    this.#outgoing = outgoing;
    this.#origin = origin;
    const { path, behaviour } = options.routed;
    this.#log = options.log.child({ stream: path, distribution: behaviour.distribution });
    this.#stream = new LiveStream(path);
    this.#stream.startPublication({
      peer: 'encoder',
      encoder: options.encoder,
      startedWallMs: options.clock.wallMs(),
    });
    this.#retry = new RetryDelay(relayRetry, options.random);
    outgoing.follow(this.#stream);
    this.#run().catch((error: unknown) => {
      if (this.#stopping.signal.aborted) return;
      this.#log.error({ err: error }, 'A bug of ours ended this publication');
      this.#end(new UpstreamError('RELAY_FAILED', 'the edge could not pass this publication on'));
    });
  }

  /**
   * Resolves when an origin has said Start, or with what the encoder is to be told instead. Rejects with the reason of
   * `signal` only.
   */
  static async open(
    options: RelayedPublicationOptions,
    signal: AbortSignal,
  ): Promise<RelayedPublication | PublishRefused> {
    const outcome = await ask(options, signal);
    if (outcome.kind === 'opened') return new RelayedPublication(options, outcome.opened, outcome.origin);
    const { routed, log } = options;
    log.info({ stream: routed.path, reason: failureSentence(outcome.failures) }, 'No origin takes this publication');
    return refusalOf(routed.path, outcome.failures);
  }

  stats(): RelayedPublicationStats {
    return {
      path: this.#stream.path,
      state: this.#state,
      origin: this.#origin.name,
      publications: this.#publications,
      droppedUnits: this.#droppedBefore + this.#outgoing.stats().droppedUnits,
    };
  }

  setTrackConfig(config: TrackConfig): void {
    this.#stream.setTrackConfig(config);
  }

  setColorInfo(trackId: number, colorInfo: ColorInfo | undefined): void {
    this.#stream.setColorInfo(trackId, colorInfo);
  }

  push(unit: AccessUnit): void {
    this.#stream.push(unit);
  }

  pushData(message: DataMessage): void {
    this.#stream.pushData(message);
  }

  /** The origin reads it in the metadata, which are passed on. */
  nameEncoder(): void {}

  release(): void {
    if (this.#stopping.signal.aborted) return;
    this.#stopping.abort(new Error('the encoder has left'));
    this.#stream.end();
    this.#outgoing.close().catch(() => {});
  }

  /** Whenever the origin is gone, looks for it until it takes the publication again or the grace time is over. */
  async #run(): Promise<void> {
    const { clock, routed } = this.#options;
    const { signal } = this.#stopping;
    for (;;) {
      const reason = await untilAborted(this.#outgoing.failed, signal);
      if (reason instanceof RtmpRefusal) {
        this.#endedByOrigin(reason);
        return;
      }
      this.#state = 'waiting';
      this.#log.warn(
        { code: 'RELAY_ORIGIN_GONE', origin: this.#origin.name, reason: reasonOf(reason) },
        'The origin is gone: the encoder stays while it is looked for',
      );
      const goneSinceMs = clock.monotonicMs();
      this.#retry.reset();
      for (;;) {
        const outcome = await ask(this.#options, signal);
        if (outcome.kind === 'opened') {
          this.#goOn(outcome.opened, outcome.origin, clock.monotonicMs() - goneSinceMs);
          break;
        }
        if (clock.monotonicMs() - goneSinceMs >= routed.behaviour.originGraceMs) {
          const { sentence } = refusalOf(routed.path, outcome.failures);
          this.#log.warn(
            { code: 'RELAY_ORIGIN_GONE', reason: failureSentence(outcome.failures) },
            'The origin stays away',
          );
          this.#end(new UpstreamError('RELAY_ORIGIN_GONE', sentence));
          return;
        }
        await sleep(clock, this.#retry.nextMs(), signal);
      }
    }
  }

  #goOn(outgoing: OutgoingPublication, origin: RelayOrigin, goneMs: number): void {
    this.#droppedBefore += this.#outgoing.stats().droppedUnits;
    this.#outgoing = outgoing;
    this.#origin = origin;
    this.#state = 'passing';
    this.#publications++;
    this.#log.info({ origin: origin.name, goneMs: Math.round(goneMs) }, 'The origin takes this publication again');
    outgoing.follow(this.#stream);
  }

  /** The origin is there, and has said that it is over. */
  #endedByOrigin(refusal: RtmpRefusal): void {
    this.#log.info({ origin: this.#origin.name, reason: refusal.message }, 'The origin has ended this publication');
    if (refusal.description.startsWith(takenOverCode)) {
      this.#stopping.abort();
      this.#stream.end();
      this.#options.onTakenOver();
    } else {
      this.#end(new AccessError('PUBLISH_ENDED_BY_ORIGIN', saidBy(refusal)));
    }
  }

  #end(error: StreamFrontError): void {
    this.#stopping.abort();
    this.#stream.end();
    this.#options.onEnded(error);
  }
}

/** Asks the group. An origin that refuses is an answer; only one that is gone lets the next be asked. */
function ask({ routed, query, encoder, via, edgeId, clock }: RelayedPublicationOptions, signal: AbortSignal) {
  const { origins, answerTimeoutMs, queueBytes } = routed.behaviour;
  return askGroup({
    origins,
    answerTimeoutMs,
    clock,
    signal,
    isFinal: () => true,
    open: (origin, attemptSignal) =>
      OutgoingPublication.open({
        ...originConnection(origin, routed.app, routed.name + query, [...via, edgeId]),
        clock,
        signal: attemptSignal,
        stepTimeoutMs: answerTimeoutMs,
        // The origin shows who publishes, not through whom.
        ...(encoder === undefined ? {} : { flashVer: encoder }),
        queueBytes,
      }),
  });
}

/** What the encoder is told: what the origin says, in its own words. */
function refusalOf(path: string, failures: readonly FailedAttempt[]): PublishRefused {
  const refusal = failures.map(({ error }) => error).find((error) => error instanceof RtmpRefusal);
  if (refusal === undefined) {
    return {
      kind: 'refused',
      statusCode: 'NetStream.Publish.BadName',
      code: 'PUBLISH_ORIGIN_UNREACHABLE',
      path,
      sentence: `the origin of ${path} cannot be reached at the moment: try again later`,
    };
  }
  const unauthorized = refusal.statusCode === 'NetStream.Publish.Unauthorized';
  return {
    kind: 'refused',
    statusCode: unauthorized ? 'NetStream.Publish.Unauthorized' : 'NetStream.Publish.BadName',
    code: 'PUBLISH_ORIGIN_REFUSED',
    path,
    sentence: saidBy(refusal),
  };
}

function saidBy({ description, statusCode }: RtmpRefusal): string {
  return description === '' ? `the origin refuses it (${statusCode})` : description;
}
