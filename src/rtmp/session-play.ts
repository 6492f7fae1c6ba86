import { AccessError, LimitError } from '../base/errors.ts';
import { amf0Object, type Amf0Value } from '../formats/amf0/value.ts';
import { encodeDataMessage } from '../formats/rtmp/data-message.ts';
import { onStatusMessage, type RtmpStatus } from '../formats/rtmp/status.ts';
import type { LiveStream } from '../live/live-stream.ts';
import { sleep } from './abortable-wait.ts';
import type { LiveAdmission, PlayRefused, PlayRequest } from '../live/play-gate.ts';
import type { Player, PlayerFeed } from '../live/player-feed.ts';
import { rtmpWireForm } from '../live/wire-form.ts';
import type { ConnectedContext, Deadline, PlayService } from './connected-context.ts';

/** What a client gets that has to make itself ready between the answer to `play` and the first media. */
const settleMs = 100;

type State =
  | { readonly kind: 'admitting'; readonly sinceMs: number }
  | {
      readonly kind: 'playing';
      readonly admitted: LiveAdmission;
      readonly feed: PlayerFeed;
      readonly startedMs: number;
    }
  | { readonly kind: 'over' };

export interface SessionPlayOptions {
  readonly request: PlayRequest;
  readonly messageStreamId: number;
  /** Whether `play` asks to give up what was played before, which it does unless it says otherwise. */
  readonly reset: boolean;
  readonly context: ConnectedContext;
  readonly service: PlayService;
  /** The stream has ended. */
  readonly onOver: () => void;
  /** It was not admitted, and the player has been told. */
  readonly onRefused: (error: AccessError) => void;
}

/**
 * What one message stream plays (RTMP 1.0 §7.2.2.1), from `play` to its end. Always live: `start` and `duration` are
 * taken and make no difference, since clients ask for a live stream with -2, -1 and 0 alike.
 */
export class SessionPlay {
  readonly kind = 'play';
  readonly #options: SessionPlayOptions;
  /** Until it is admitted; there may be thousands of players. */
  #abort: AbortController | undefined;
  #state: State;
  /** The player has paused before it was admitted. */
  #pauseWanted = false;

  constructor(options: SessionPlayOptions) {
    this.#options = options;
    this.#state = { kind: 'admitting', sinceMs: options.context.clock.monotonicMs() };
  }

  /** For the log; `undefined` until it is admitted. */
  get path(): string | undefined {
    return this.#state.kind === 'playing' ? this.#state.admitted.path : undefined;
  }

  /** Asks the gate. */
  start(): void {
    this.#play().catch((error: unknown) => {
      if (this.#state.kind !== 'over') this.#options.context.fail(error);
    });
  }

  /** Waiting for the gate has one. A player that does not take what it gets is the business of its feed. */
  deadline(): Deadline | undefined {
    if (this.#state.kind !== 'admitting') return undefined;
    const { admissionTimeoutMs } = this.#options.context.limits;
    return {
      atMs: this.#state.sinceMs + admissionTimeoutMs,
      error: () =>
        new LimitError('RTMP_ADMISSION_TIMEOUT', 'milliseconds without an answer whether this may be played', {
          limit: admissionTimeoutMs,
          value: admissionTimeoutMs,
        }),
    };
  }

  /** RTMP 1.0 §7.2.2.8. A live stream goes on meanwhile: unpausing leads to what is live then. */
  pause(paused: boolean): void {
    this.#pauseWanted = paused;
    if (this.#state.kind !== 'playing') return;
    const { feed, admitted } = this.#state;
    if (paused) {
      feed.pause();
      this.#status({
        level: 'status',
        code: 'NetStream.Pause.Notify',
        description: `${admitted.path} is paused.`,
      });
      return;
    }
    this.#streamEvent('stream-begin');
    this.#status({ level: 'status', code: 'NetStream.Unpause.Notify', description: `${admitted.path} goes on.` });
    this.#options.context.output.flush();
    feed.resume();
  }

  sayFarewell(error: Error): void {
    if (this.#state.kind === 'over') return;
    this.#status({ level: 'error', code: 'NetStream.Play.Failed', description: error.message });
  }

  /** The player has ended it by a command. */
  stop(): void {
    const { path } = this;
    this.end('left');
    this.#status({
      level: 'status',
      code: 'NetStream.Play.Stop',
      description: path === undefined ? 'Stopped.' : `Stopped playing ${path}.`,
    });
  }

  /** Nothing more is sent. Of a failure the log has its own line. Harmless when called again. */
  end(how: 'left' | 'failed'): void {
    const state = this.#state;
    this.#state = { kind: 'over' };
    this.#abort?.abort(new AccessError('RTMP_PEER_LEFT', 'the player left before it was admitted'));
    this.#abort = undefined;
    if (state.kind !== 'playing') return;
    state.feed.end();
    state.admitted.release();
    if (how === 'left') this.#logEnd(state, 'Player left');
  }

  async #play(): Promise<void> {
    const { request, context, service } = this.#options;
    const abort = new AbortController();
    const { signal } = abort;
    this.#abort = abort;
    const admission = await service.gate.admit(request, signal);
    if (this.#state.kind !== 'admitting') {
      if (admission.kind !== 'refused') admission.release();
      return;
    }
    if (admission.kind === 'refused') {
      this.#refused(admission);
      return;
    }
    const { path } = admission;
    if (admission.kind === 'stored') {
      admission.release();
      this.#refused({
        kind: 'refused',
        statusCode: 'NetStream.Play.Failed',
        code: 'PLAY_STORED_FILE',
        sentence: `${path} is a stored file, which this server gives over HTTP only`,
      });
      return;
    }
    if (admission.stream.ended) {
      admission.release();
      this.#refused({
        kind: 'refused',
        statusCode: 'NetStream.Play.StreamNotFound',
        code: 'PLAY_STREAM_NOT_FOUND',
        sentence: `${path} has just ended`,
      });
      return;
    }
    if (takesNoMediaWithStart(request.clientName)) {
      this.#answer(path);
      context.output.flush();
      if (!(await this.#settle(signal))) {
        admission.release();
        return;
      }
      this.#join(admission);
    } else {
      // The answers and the picture leave together: a player that has to wait for the second packet waits for its own
      // delayed acknowledgement of the first one.
      context.transport.together(() => {
        this.#answer(path);
        context.output.flush();
        this.#join(admission);
      });
    }
    context.log.info({ stream: path, client: request.clientName }, 'Player started');
    context.onDeadlineChanged();
  }

  #answer(path: string): void {
    this.#streamEvent('stream-begin');
    if (this.#options.reset) {
      this.#status({ level: 'status', code: 'NetStream.Play.Reset', description: `Playing and resetting ${path}.` });
    }
    this.#status({ level: 'status', code: 'NetStream.Play.Start', description: `Started playing ${path}.` });
    this.#sayWhatFlashPlayersWaitFor();
  }

  /** Returns whether there is still somebody to play for. */
  async #settle(signal: AbortSignal): Promise<boolean> {
    try {
      await sleep(this.#options.context.clock, settleMs, signal);
    } catch {
      return false;
    }
    return this.#state.kind === 'admitting';
  }

  #join(admitted: LiveAdmission): void {
    const { request, messageStreamId, context, service } = this.#options;
    const { output, capabilities, clock } = context;
    output.allowQueued(service.fanOut.maxQueueBytes);
    const form = rtmpWireForm(output.chunkSize, messageStreamId, capabilities);
    const feed = service.fanOut.join(admitted.stream, form, this.#player());
    const relayed = (request.via ?? []).length > 0;
    const stopTelling = relayed ? this.#tellOfPublishers(admitted.stream) : () => {};
    const release = () => {
      stopTelling();
      admitted.release();
    };
    this.#state = { kind: 'playing', admitted: { ...admitted, release }, feed, startedMs: clock.monotonicMs() };
    this.#abort = undefined;
    if (this.#pauseWanted) feed.pause();
    if (admitted.stream.ended) this.#streamEnded();
  }

  /** Flash players may not look at samples without the one, and may wait for the other before they play. */
  #sayWhatFlashPlayersWaitFor(): void {
    const { request, messageStreamId, context } = this.#options;
    const say = (name: string, ...args: Amf0Value[]) =>
      context.output.data(encodeDataMessage({ name, args }, messageStreamId));
    say('|RtmpSampleAccess', true, true);
    if (!isLibrary(request.clientName)) say('onStatus', amf0Object({ code: 'NetStream.Data.Start' }));
  }

  /**
   * An edge begins anew with each publisher: what the one before had, a track that the next has not, must not stay in
   * force for its viewers. Players read it from the media.
   */
  #tellOfPublishers(stream: LiveStream): () => void {
    const { context } = this.#options;
    let following = false;
    const ignore = () => {};
    const stop = stream.subscribe({
      onPublisherStart: () => {
        if (!following || this.#state.kind !== 'playing') return;
        try {
          this.#status({
            level: 'status',
            code: 'NetStream.Play.PublishNotify',
            description: `${stream.path} is now published.`,
          });
          context.output.flush();
        } catch (error) {
          context.fail(error);
        }
      },
      onTrackConfig: ignore,
      onColorInfo: ignore,
      onAccessUnit: ignore,
      onData: ignore,
      onPublisherStop: ignore,
      onEnd: ignore,
    });
    following = true;
    return stop;
  }

  #player(): Player {
    const { context } = this.#options;
    return {
      connection: context.transport,
      onStreamEnd: () => this.#streamEnded(),
      onStalled: (error) => context.fail(error),
    };
  }

  /** ffmpeg, librtmp and VLC close the connection when they are told; others may play something else. */
  #streamEnded(): void {
    const state = this.#state;
    if (state.kind !== 'playing') return;
    this.#state = { kind: 'over' };
    state.admitted.release();
    this.#logEnd(state, 'Player has seen the end of the stream');
    const { context, onOver } = this.#options;
    try {
      this.#status({
        level: 'status',
        code: 'NetStream.Play.UnpublishNotify',
        description: `${state.admitted.path} is no longer published.`,
      });
      this.#streamEvent('stream-eof');
      context.output.flush();
    } catch (error) {
      context.fail(error);
      return;
    }
    onOver();
  }

  #refused({ statusCode, code, sentence }: PlayRefused): void {
    this.#status({ level: 'error', code: statusCode, description: sentence });
    this.#state = { kind: 'over' };
    this.#options.onRefused(new AccessError(code, sentence));
  }

  #logEnd({ admitted, feed, startedMs }: Extract<State, { kind: 'playing' }>, sentence: string): void {
    const { clock, log } = this.#options.context;
    const seconds = Math.round((clock.monotonicMs() - startedMs) / 1_000);
    log.info({ stream: admitted.path, seconds, ...feed.totals }, sentence);
  }

  #streamEvent(kind: 'stream-begin' | 'stream-eof'): void {
    const { messageStreamId, context } = this.#options;
    context.output.control({ kind: 'user-control', event: { kind, messageStreamId } });
  }

  #status(status: RtmpStatus): void {
    const { messageStreamId, context } = this.#options;
    context.output.command(onStatusMessage(messageStreamId, status));
  }
}

/**
 * ffmpeg and librtmp (VLC, OBS and mpv play with them), which call themselves Flash players of these versions. They take
 * a status among the data for a track of the stream.
 */
function isLibrary(clientName: string | undefined): boolean {
  return clientName === 'LNX 9,0,124,2' || clientName === 'LNX 10,0,32,18';
}

/**
 * node-media-server, when it pulls: it throws away what comes in one packet with `NetStream.Play.Start`, and so would be
 * without the configurations for good.
 */
function takesNoMediaWithStart(clientName: string | undefined): boolean {
  return clientName === 'FMLE/3.0';
}
