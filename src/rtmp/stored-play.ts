import { LimitError, StreamFrontError } from '../base/errors.ts';
import { wireFormOf } from '../formats/flv/client-capabilities.ts';
import type { TrackConfig } from '../formats/media/track.ts';
import { largestMessageBytes } from '../formats/rtmp/message.ts';
import type { PlayRequest, StoredAdmission } from '../live/play-gate.ts';
import { StoredFeed } from '../live/stored/stored-feed.ts';
import type { AdmittedPlay, EarlyWishes } from './admitted-play.ts';
import { isLibrary, isLibrtmp } from './client-quirks.ts';
import { windowBytes } from './connect-command.ts';
import type { ConnectedContext, Deadline } from './connected-context.ts';
import type { PlayArguments } from './play-arguments.ts';
import type { StreamVoice } from './stream-voice.ts';

/** Of media that the player has not taken: one frame, and what a socket and a burst hold. */
const maxQueuedBytes = largestMessageBytes + 262_144;

/** How long a player that has seen the end may stay, to look for a place before it. */
const finishedTimeoutMs = 600_000;

export interface StoredPlayOptions {
  readonly admission: StoredAdmission;
  readonly request: PlayRequest;
  readonly asked: PlayArguments;
  readonly early: EarlyWishes;
  readonly messageStreamId: number;
  readonly context: ConnectedContext;
  readonly voice: StreamVoice;
  /** It has been played to its end. Returns whether something follows on this message stream. */
  readonly onFinished: () => boolean;
  /** It cannot be played on, and the player has been told. */
  readonly onOver: () => void;
}

/** Why nothing of a file can be sent to a client, if nothing can. */
export function unplayable(
  { path, file }: StoredAdmission,
  { capabilities }: Pick<ConnectedContext, 'capabilities'>,
): string | undefined {
  const { trackConfigs } = file.media;
  if (trackConfigs.some((config) => wireFormOf(config, capabilities) === 'send')) return undefined;
  return `${path} is ${codecsOf(trackConfigs)}, which this player has not said that it takes (Enhanced RTMP, fourCcList)`;
}

/** A stored file that one message stream plays. */
export class StoredPlay implements AdmittedPlay {
  readonly isStored = true;
  readonly #options: StoredPlayOptions;
  readonly #feed: StoredFeed;
  readonly #startedMs: number;
  readonly #fromMs: number;
  readonly #untilMs: number;
  /** What is said before the next media. */
  #introduction: 'start' | 'seek' = 'start';
  #state: { readonly kind: 'playing' | 'over' } | { readonly kind: 'finished'; readonly sinceMs: number } = {
    kind: 'playing',
  };
  #paused: boolean;
  #wants: { audio: boolean; video: boolean };

  constructor(options: StoredPlayOptions) {
    this.#options = options;
    const { admission, asked, early, messageStreamId, context } = options;
    const { transport, output, capabilities, clock } = context;
    const { start, durationMs } = asked;
    const askedFromMs = typeof start === 'object' ? start.fromMs : 0;
    this.#fromMs = this.#within(early.seekMs ?? askedFromMs);
    this.#untilMs = durationMs === undefined ? Infinity : askedFromMs + durationMs;
    this.#paused = early.paused;
    this.#wants = { audio: early.audio, video: early.video };
    this.#startedMs = clock.monotonicMs();
    this.#feed = new StoredFeed({
      file: admission.file,
      connection: transport,
      chunkBytes: output.chunkSize,
      messageStreamId,
      windowBytes,
      client: capabilities,
      clock,
      onBegin: () => this.#guarded(() => this.#introduce()),
      onEnd: () => this.#guarded(() => this.#finished()),
      onFailed: (error) => this.#guarded(() => this.#failed(error)),
    });
  }

  get path(): string {
    return this.#options.admission.path;
  }

  get positionMs(): number {
    return this.#feed.positionMs;
  }

  get isFinished(): boolean {
    return this.#state.kind === 'finished';
  }

  start(): void {
    const { admission, request, early, context } = this.#options;
    context.output.allowQueued(maxQueuedBytes);
    if (early.bufferMs !== undefined) this.#feed.setBuffer(early.bufferMs);
    for (const kind of ['audio', 'video'] as const) this.#feed.receive(kind, this.#wants[kind]);
    if (this.#paused) this.#feed.pause();
    context.log.info({ stream: this.path, file: admission.file.path, client: request.clientName }, 'Player started');
    this.#feed.play(this.#fromMs, this.#untilMs, isLibrtmp(request.clientName) ? this.#fromMs : 0);
    admission.attach?.({ sentBytes: () => this.#feed.writtenBytes, end: (error) => context.fail(error) });
  }

  /**
   * RTMP 1.0 §7.2.2.8. A player goes on behind the time that it has paused at. ffmpeg and librtmp name the last that has
   * come, and take what was on its way then all the same.
   */
  pause(paused: boolean, atMs: number | undefined): void {
    const { request, voice } = this.#options;
    this.#paused = paused;
    if (paused) {
      this.#feed.pause();
      voice.event('stream-eof');
      voice.status('status', 'NetStream.Pause.Notify', `${this.path} is paused.`);
      return;
    }
    voice.event('stream-is-recorded');
    voice.event('stream-begin');
    voice.status('status', 'NetStream.Unpause.Notify', `${this.path} goes on.`);
    voice.flush();
    this.#feed.resume(isLibrary(request.clientName) ? undefined : atMs);
  }

  /** RTMP 1.0 §7.2.2.7: to the keyframe at or before, within what was asked for. The answer comes with the media. */
  seek(toMs: number | undefined): void {
    if (toMs === undefined) {
      this.#options.voice.status('error', 'NetStream.Seek.Failed', 'seek came without a time.');
      return;
    }
    this.#state = { kind: 'playing' };
    this.#feed.play(Math.min(this.#within(toMs), this.#untilMs), this.#untilMs);
  }

  /** RTMP 1.0 §7.2.2.4 and §7.2.2.5. */
  receive(kind: 'audio' | 'video', wanted: boolean): void {
    const { voice } = this.#options;
    const isNew = this.#wants[kind] !== wanted;
    this.#wants[kind] = wanted;
    this.#feed.receive(kind, wanted);
    if (!isNew || !wanted) return;
    voice.status('status', 'NetStream.Seek.Notify', `${this.path} goes on with ${kind}.`);
    voice.status('status', 'NetStream.Play.Start', `Started playing ${this.path}.`);
  }

  setBuffer(bufferMs: number): void {
    this.#feed.setBuffer(bufferMs);
  }

  acknowledge(sequenceNumber: number): void {
    this.#feed.acknowledge(sequenceNumber);
  }

  deadline(): Deadline | undefined {
    const state = this.#state;
    if (state.kind !== 'finished') return undefined;
    return {
      atMs: state.sinceMs + finishedTimeoutMs,
      error: () =>
        new LimitError('RTMP_PLAYER_IDLE', 'milliseconds since a file was played to its end, and nothing asked for', {
          limit: finishedTimeoutMs,
          value: finishedTimeoutMs,
        }),
    };
  }

  end(how: 'left' | 'failed'): void {
    if (this.#state.kind === 'over') return;
    const { kind } = this.#state;
    this.#leave();
    if (how === 'left' && kind === 'playing') this.#logEnd('Player left');
  }

  #leave(): void {
    this.#state = { kind: 'over' };
    this.#feed.end();
    this.#options.admission.release();
  }

  #within(timeMs: number): number {
    return Math.min(Math.max(0, timeMs), this.#options.admission.file.media.durationMs);
  }

  /** What it is called from may be a timer, with nobody above to look after errors. */
  #guarded(say: () => void): void {
    try {
      say();
    } catch (error) {
      this.#options.context.fail(error);
    }
  }

  #introduce(): void {
    const { asked, voice } = this.#options;
    if (this.#introduction === 'seek') voice.event('stream-eof');
    voice.event('stream-is-recorded');
    voice.event('stream-begin');
    if (this.#introduction === 'seek') {
      voice.status('status', 'NetStream.Seek.Notify', `${this.path} goes on from another place.`);
    } else if (asked.reset) {
      voice.status('status', 'NetStream.Play.Reset', `Playing and resetting ${this.path}.`);
    }
    voice.status('status', 'NetStream.Play.Start', `Started playing ${this.path}.`);
    const without = this.#leftOut();
    if (without !== undefined && this.#introduction === 'start') {
      voice.status('warning', 'NetStream.Play.NoSupportedTrackFound', without);
    }
    voice.whatFlashPlayersWaitFor();
    voice.flush();
    this.#introduction = 'seek';
  }

  /** What is missing for this player, in words. */
  #leftOut(): string | undefined {
    const { admission, context } = this.#options;
    const left = admission.file.media.trackConfigs.filter(
      (config) => config.trackId === 0 && wireFormOf(config, context.capabilities) === 'drop',
    );
    if (left.length === 0) return undefined;
    return `${this.path} comes without its ${codecsOf(left)}, which this player has not said that it takes.`;
  }

  #finished(): void {
    const { admission, context, voice, onFinished } = this.#options;
    const { durationMs } = admission.file.media;
    const sinceMs = context.clock.monotonicMs();
    this.#state = { kind: 'finished', sinceMs };
    this.#logEnd('Player has seen the end of the file');
    if (onFinished()) return;
    const details = { duration: durationMs / 1_000, bytes: this.#feed.writtenBytes };
    voice.playStatus('NetStream.Play.Complete', details);
    voice.event('stream-eof');
    voice.status('status', 'NetStream.Play.Stop', `Stopped playing ${this.path}.`);
    voice.flush();
    context.onDeadlineChanged();
  }

  #failed(error: unknown): void {
    const { context, voice, onOver } = this.#options;
    if (!(error instanceof StreamFrontError)) {
      context.fail(error);
      return;
    }
    context.log.warn({ code: error.code, stream: this.path }, error.message);
    this.#leave();
    voice.status('error', 'NetStream.Play.Failed', error.message);
    voice.event('stream-eof');
    voice.status('status', 'NetStream.Play.Stop', `Stopped playing ${this.path}.`);
    voice.flush();
    onOver();
  }

  #logEnd(sentence: string): void {
    const { clock, log } = this.#options.context;
    const seconds = Math.round((clock.monotonicMs() - this.#startedMs) / 1_000);
    log.info({ stream: this.path, seconds, writtenBytes: this.#feed.writtenBytes }, sentence);
  }
}

/** `HEVC video and Opus audio`. */
function codecsOf(configs: readonly TrackConfig[]): string {
  return configs.map(({ codec, kind }) => `${codec} ${kind}`).join(' and ');
}
