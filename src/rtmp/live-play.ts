import type { LiveStream } from '../live/live-stream.ts';
import type { LiveAdmission, PlayRequest } from '../live/play-gate.ts';
import type { Player, PlayerFeed } from '../live/player-feed.ts';
import { rtmpWireForm } from '../live/wire-form.ts';
import { sleep } from './abortable-wait.ts';
import type { AdmittedPlay } from './admitted-play.ts';
import { takesNoMediaWithStart } from './client-quirks.ts';
import type { ConnectedContext, Deadline, PlayService } from './connected-context.ts';
import type { StreamVoice } from './stream-voice.ts';

/** What a client gets that has to make itself ready between the answer to `play` and the first media. */
const settleMs = 100;

export interface LivePlayOptions {
  readonly admission: LiveAdmission;
  readonly request: PlayRequest;
  readonly messageStreamId: number;
  readonly reset: boolean;
  /** The player has paused already. */
  readonly paused: boolean;
  readonly context: ConnectedContext;
  readonly service: PlayService;
  readonly voice: StreamVoice;
  /** The stream has ended. */
  readonly onOver: () => void;
}

/** A live stream that one message stream plays. `start` and `duration` make no difference: clients ask with -2, -1 and 0 alike. */
export class LivePlay implements AdmittedPlay {
  readonly positionMs = undefined;
  readonly isStored = false;
  readonly isFinished = false;
  readonly #options: LivePlayOptions;
  readonly #startedMs: number;
  readonly #leaving = new AbortController();
  #paused: boolean;
  /** `undefined` until it has joined. */
  #feed: PlayerFeed | undefined;
  #stopTelling: () => void = () => {};
  #over = false;

  constructor(options: LivePlayOptions) {
    this.#options = options;
    this.#paused = options.paused;
    this.#startedMs = options.context.clock.monotonicMs();
  }

  get path(): string {
    return this.#options.admission.path;
  }

  start(): void {
    const { request, context, voice } = this.#options;
    context.log.info({ stream: this.path, client: request.clientName }, 'Player started');
    if (takesNoMediaWithStart(request.clientName)) {
      this.#answer();
      voice.flush();
      sleep(context.clock, settleMs, this.#leaving.signal).then(
        () => this.#join(),
        () => {},
      );
      this.#attach();
      return;
    }
    // The answers and the picture leave together: a player that has to wait for the second packet waits for its own
    // delayed acknowledgement of the first one.
    context.transport.together(() => {
      this.#answer();
      voice.flush();
      this.#join();
    });
    this.#attach();
  }

  /** Whoever has admitted it may end it. */
  #attach(): void {
    const { admission, context } = this.#options;
    admission.attach?.({
      sentBytes: () => this.#feed?.totals.writtenBytes ?? 0,
      end: (error) => context.fail(error),
    });
  }

  /** RTMP 1.0 §7.2.2.8. A live stream goes on meanwhile: unpausing leads to what is live then. */
  pause(paused: boolean): void {
    const { voice } = this.#options;
    this.#paused = paused;
    if (this.#feed === undefined) return;
    if (paused) {
      this.#feed.pause();
      voice.status('status', 'NetStream.Pause.Notify', `${this.path} is paused.`);
      return;
    }
    voice.event('stream-begin');
    voice.status('status', 'NetStream.Unpause.Notify', `${this.path} goes on.`);
    voice.flush();
    this.#feed.resume();
  }

  seek(): void {
    this.#options.voice.status('error', 'NetStream.Seek.Failed', 'This is a live stream: there is no seeking in it.');
  }

  /** What a player does not want to hear or see, it may throw away. */
  receive(): void {}

  /** As much as there is, at once. */
  setBuffer(): void {}

  /** A feed drops what its player does not take. */
  acknowledge(): void {}

  /** A player that does not take what it gets is the business of its feed. */
  deadline(): Deadline | undefined {
    return undefined;
  }

  end(how: 'left' | 'failed'): void {
    if (this.#over) return;
    this.#leave();
    this.#feed?.end();
    if (how === 'left') this.#logEnd('Player left');
  }

  #leave(): void {
    this.#over = true;
    this.#leaving.abort();
    this.#stopTelling();
    this.#options.admission.release();
  }

  #answer(): void {
    const { voice, reset } = this.#options;
    voice.event('stream-begin');
    if (reset) voice.status('status', 'NetStream.Play.Reset', `Playing and resetting ${this.path}.`);
    voice.status('status', 'NetStream.Play.Start', `Started playing ${this.path}.`);
    voice.whatFlashPlayersWaitFor();
  }

  #join(): void {
    if (this.#over) return;
    const { admission, request, messageStreamId, context, service } = this.#options;
    const { output, capabilities } = context;
    output.allowQueued(service.fanOut.maxQueueBytes);
    const form = rtmpWireForm(output.chunkSize, messageStreamId, capabilities);
    this.#feed = service.fanOut.join(admission.stream, form, this.#player());
    if ((request.via ?? []).length > 0) this.#stopTelling = this.#tellOfPublishers(admission.stream);
    if (this.#paused) this.#feed.pause();
    if (admission.stream.ended) this.#streamEnded();
  }

  /**
   * An edge begins anew with each publisher: what the one before had, a track that the next has not, must not stay in
   * force for its viewers. Players read it from the media.
   */
  #tellOfPublishers(stream: LiveStream): () => void {
    const { context, voice } = this.#options;
    let following = false;
    const ignore = () => {};
    const stop = stream.subscribe({
      onPublisherStart: () => {
        if (!following || this.#over) return;
        try {
          voice.status('status', 'NetStream.Play.PublishNotify', `${stream.path} is now published.`);
          voice.flush();
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
    if (this.#over) return;
    const { context, voice, onOver } = this.#options;
    this.#leave();
    this.#logEnd('Player has seen the end of the stream');
    try {
      voice.status('status', 'NetStream.Play.UnpublishNotify', `${this.path} is no longer published.`);
      voice.event('stream-eof');
      voice.flush();
    } catch (error) {
      context.fail(error);
      return;
    }
    onOver();
  }

  #logEnd(sentence: string): void {
    const { clock, log } = this.#options.context;
    const seconds = Math.round((clock.monotonicMs() - this.#startedMs) / 1_000);
    const totals = this.#feed?.totals ?? { writtenBytes: 0, droppedBytes: 0 };
    log.info({ stream: this.path, seconds, ...totals }, sentence);
  }
}
