import { AccessError, LimitError } from '../base/errors.ts';
import type { LiveAdmission, PlayAdmission, PlayRefused, PlayRequest, StoredAdmission } from '../live/play-gate.ts';
import type { AdmittedPlay, EarlyWishes } from './admitted-play.ts';
import type { ConnectedContext, Deadline, PlayService } from './connected-context.ts';
import { LivePlay } from './live-play.ts';
import type { PlayArguments } from './play-arguments.ts';
import { StoredPlay, unplayable } from './stored-play.ts';
import { StreamVoice } from './stream-voice.ts';

type State =
  | { readonly kind: 'admitting'; readonly sinceMs: number }
  | { readonly kind: 'playing'; readonly play: AdmittedPlay }
  | { readonly kind: 'over' };

export interface SessionPlayOptions {
  readonly request: PlayRequest;
  readonly asked: PlayArguments;
  /** What the player has said of its buffer. */
  readonly bufferMs: number | undefined;
  readonly messageStreamId: number;
  readonly context: ConnectedContext;
  readonly service: PlayService;
  /** A stored file has been played to its end. Returns whether something follows on this message stream. */
  readonly onFinished: () => boolean;
  /** The stream has ended. */
  readonly onOver: () => void;
  /** It was not admitted, and the player has been told. */
  readonly onRefused: (error: AccessError) => void;
}

/** What one message stream plays (RTMP 1.0 §7.2.2.1), from `play` to its end: a live stream or a stored file. */
export class SessionPlay {
  readonly kind = 'play';
  readonly #options: SessionPlayOptions;
  readonly #voice: StreamVoice;
  readonly #early: EarlyWishes;
  /** Until it is admitted; there may be thousands of players. */
  #abort: AbortController | undefined;
  #state: State;

  constructor(options: SessionPlayOptions) {
    this.#options = options;
    const { request, bufferMs, messageStreamId, context } = options;
    this.#voice = new StreamVoice(context.output, messageStreamId, request.clientName);
    this.#early = { paused: false, seekMs: undefined, audio: true, video: true, bufferMs };
    this.#state = { kind: 'admitting', sinceMs: context.clock.monotonicMs() };
  }

  /** For the log; `undefined` until it is admitted. */
  get path(): string | undefined {
    return this.#play?.path;
  }

  /** In the file; `undefined` of a live stream, and until it is admitted. */
  get positionMs(): number | undefined {
    return this.#play?.positionMs;
  }

  /** Whether it is stored media, or will be when it is admitted. */
  get isStored(): boolean {
    const { request, service } = this.#options;
    return this.#play === undefined ? service.gate.isStored?.(request) === true : this.#play.isStored;
  }

  /** A stored file has been sent to its end. */
  get isFinished(): boolean {
    return this.#play?.isFinished === true;
  }

  /** Asks the gate. */
  start(): void {
    this.#admit().catch((error: unknown) => {
      if (this.#state.kind !== 'over') this.#options.context.fail(error);
    });
  }

  /** Waiting for the gate has one. */
  deadline(): Deadline | undefined {
    if (this.#state.kind !== 'admitting') return this.#play?.deadline();
    const { admissionTimeoutMs, storedAdmissionTimeoutMs } = this.#options.context.limits;
    const limit = this.isStored ? storedAdmissionTimeoutMs : admissionTimeoutMs;
    return {
      atMs: this.#state.sinceMs + limit,
      error: () =>
        new LimitError('RTMP_ADMISSION_TIMEOUT', 'milliseconds without an answer whether this may be played', {
          limit,
          value: limit,
        }),
    };
  }

  /** RTMP 1.0 §7.2.2.8. `atMs`: where the player says that it is. */
  pause(paused: boolean, atMs: number | undefined): void {
    this.#early.paused = paused;
    this.#play?.pause(paused, atMs);
  }

  /** RTMP 1.0 §7.2.2.7; `undefined` for a time that is none. */
  seek(toMs: number | undefined): void {
    this.#early.seekMs = toMs;
    this.#play?.seek(toMs);
    this.#options.context.onDeadlineChanged();
  }

  receive(kind: 'audio' | 'video', wanted: boolean): void {
    this.#early[kind] = wanted;
    this.#play?.receive(kind, wanted);
  }

  setBuffer(bufferMs: number): void {
    this.#early.bufferMs = bufferMs;
    this.#play?.setBuffer(bufferMs);
  }

  acknowledge(sequenceNumber: number): void {
    this.#play?.acknowledge(sequenceNumber);
  }

  sayFarewell(error: Error): void {
    if (this.#state.kind !== 'over') this.#voice.status('error', 'NetStream.Play.Failed', error.message);
  }

  /** The player has ended it by a command. */
  stop(): void {
    const { path } = this;
    this.end('left');
    this.#voice.status('status', 'NetStream.Play.Stop', path === undefined ? 'Stopped.' : `Stopped playing ${path}.`);
  }

  /** Something follows in the playlist. */
  switchOver(): void {
    this.end('left');
    this.#voice.playStatus('NetStream.Play.Switch', {});
  }

  /** Nothing more is sent. Of a failure the log has its own line. Harmless when called again. */
  end(how: 'left' | 'failed'): void {
    const play = this.#play;
    this.#state = { kind: 'over' };
    this.#abort?.abort(new AccessError('RTMP_PEER_LEFT', 'the player left before it was admitted'));
    this.#abort = undefined;
    play?.end(how);
  }

  get #play(): AdmittedPlay | undefined {
    return this.#state.kind === 'playing' ? this.#state.play : undefined;
  }

  async #admit(): Promise<void> {
    const { request, asked, messageStreamId, context, service, onFinished } = this.#options;
    const abort = new AbortController();
    this.#abort = abort;
    const admission = await service.gate.admit(request, abort.signal);
    if (this.#state.kind !== 'admitting') {
      if (admission.kind !== 'refused') admission.release();
      return;
    }
    const admitted = this.#examine(admission);
    if (admitted.kind === 'refused') {
      this.#refused(admitted);
      return;
    }
    this.#abort = undefined;
    const shared = { request, messageStreamId, context, voice: this.#voice, onOver: () => this.#over() };
    const early = this.#early;
    const play: AdmittedPlay =
      admitted.kind === 'live'
        ? new LivePlay({ ...shared, admission: admitted, service, reset: asked.reset, paused: early.paused })
        : new StoredPlay({ ...shared, admission: admitted, asked, early, onFinished });
    this.#state = { kind: 'playing', play };
    play.start();
    context.onDeadlineChanged();
  }

  /** Gives back what cannot be played as it was asked for. */
  #examine(admission: PlayAdmission): PlayAdmission {
    if (admission.kind === 'refused') return admission;
    const problem = this.#problemOf(admission);
    if (problem === undefined) return admission;
    admission.release();
    return { kind: 'refused', ...problem };
  }

  #problemOf(admission: LiveAdmission | StoredAdmission): Omit<PlayRefused, 'kind'> | undefined {
    const { asked, context } = this.#options;
    const { path } = admission;
    const notFound = (code: string, sentence: string) =>
      ({ statusCode: 'NetStream.Play.StreamNotFound', code, sentence }) as const;
    if (admission.kind === 'live') {
      return admission.stream.ended ? notFound('PLAY_STREAM_NOT_FOUND', `${path} has just ended`) : undefined;
    }
    if (asked.start === 'live') return notFound('PLAY_NOT_LIVE', `${path} is a file, and a live stream was asked for`);
    const sentence = unplayable(admission, context);
    return sentence === undefined
      ? undefined
      : { statusCode: 'NetStream.Play.Failed', code: 'PLAY_CODEC_NOT_TAKEN', sentence };
  }

  #over(): void {
    this.#state = { kind: 'over' };
    this.#options.onOver();
  }

  #refused({ statusCode, code, sentence }: PlayRefused): void {
    this.#voice.status('error', statusCode, sentence);
    this.#state = { kind: 'over' };
    this.#options.onRefused(new AccessError(code, sentence));
  }
}
