import { AccessError } from '../base/errors.ts';
import type { Amf0Value } from '../formats/amf0/value.ts';
import { onStatusMessage } from '../formats/rtmp/status.ts';
import type { PlayRequest } from '../live/play-gate.ts';
import type { ConnectedApplication } from './connect-command.ts';
import type { ConnectedContext } from './connected-context.ts';
import type { MessageStreams } from './message-streams.ts';
import { type PlayArguments, play2Arguments, timeArgument } from './play-arguments.ts';
import { PlayerPing } from './player-ping.ts';
import { SessionPlay } from './session-play.ts';

/** Of all message streams of a connection. */
const maxPlaylist = 64;

/** Asked for and not answered yet. */
const maxLengths = 4;

export interface SessionPlayingOptions {
  readonly application: ConnectedApplication;
  readonly context: ConnectedContext;
  readonly messageStreams: MessageStreams;
  /** A message stream has nothing to do any more. */
  readonly onIdle: () => void;
}

/** What one connection plays: the commands of players (RTMP 1.0 §7.2.2), by message stream. */
export class SessionPlaying {
  readonly #options: SessionPlayingOptions;
  readonly #ping: PlayerPing;
  /** What a message stream is to play after what it plays now. */
  readonly #playlists = new Map<number, PlayArguments[]>();
  /** What clients have said of their buffers, also before they play. */
  readonly #buffersMs = new Map<number, number>();
  readonly #lengths = new Set<AbortController>();

  constructor(options: SessionPlayingOptions) {
    this.#options = options;
    this.#ping = new PlayerPing(options.context);
  }

  pingAnswered(): void {
    this.#ping.answered();
  }

  /** `undefined`: `play` came without a name. */
  play(asked: PlayArguments | undefined, id: number): void {
    const { context, messageStreams } = this.#options;
    const failed = (description: string) => this.#error(id, 'NetStream.Play.Failed', description);
    const use = messageStreams.use(id);
    if (context.play === undefined) failed('This server does not serve RTMP players: watch over HTTP.');
    else if (!messageStreams.has(id)) failed(`there is no message stream ${id}: createStream comes before play`);
    else if (use?.kind === 'publication') failed(`message stream ${id} publishes`);
    else if (asked === undefined) failed('play came without the name of a stream');
    else if (!asked.reset && use?.isStored === true) this.#append(id, asked);
    else {
      this.forgetPlaylist(id);
      use?.end('left');
      this.#begin(id, asked);
    }
  }

  play2(options: Amf0Value, id: number): void {
    this.play(play2Arguments(options, this.#playOn(id)?.positionMs), id);
  }

  pause([paused, atMs]: readonly Amf0Value[], id: number): void {
    if (typeof paused === 'boolean') this.#playOn(id)?.pause(paused, timeArgument(atMs));
  }

  seek(toMs: Amf0Value, id: number): void {
    const play = this.#playOn(id);
    if (play !== undefined) play.seek(timeArgument(toMs));
    else this.#error(id, 'NetStream.Seek.Failed', 'Nothing is played on this message stream.');
  }

  receive(kind: 'audio' | 'video', wanted: Amf0Value, id: number): void {
    if (typeof wanted === 'boolean') this.#playOn(id)?.receive(kind, wanted);
  }

  setBufferLength(id: number, bufferMs: number): void {
    if (!this.#options.messageStreams.has(id)) return;
    this.#buffersMs.set(id, bufferMs);
    this.#playOn(id)?.setBuffer(bufferMs);
  }

  /** Of everything that has come over the connection. */
  acknowledge(sequenceNumber: number): void {
    for (const [, use] of this.#options.messageStreams.uses()) {
      if (use.kind === 'play') use.acknowledge(sequenceNumber);
    }
  }

  /** Answers with the length of stored media in seconds, with 0 for everything else, whether or not it is there. */
  length(streamName: string | undefined, answer: (seconds: number) => void): void {
    const { context } = this.#options;
    const request = { ...this.#request(streamName ?? ''), onlyLength: true };
    if (context.play?.gate.isStored?.(request) !== true || this.#lengths.size >= maxLengths) {
      answer(0);
      return;
    }
    const asking = new AbortController();
    this.#lengths.add(asking);
    const deadline = context.clock.after(context.limits.admissionTimeoutMs, () =>
      asking.abort(new AccessError('RTMP_ADMISSION_TIMEOUT', 'no answer how long this is')),
    );
    const end = (seconds: number) => {
      deadline.cancel();
      if (!this.#lengths.delete(asking)) return;
      try {
        answer(seconds);
        context.output.flush();
      } catch (error) {
        context.fail(error);
      }
    };
    context.play.gate.admit(request, asking.signal).then(
      (admission) => {
        if (admission.kind !== 'refused') admission.release();
        end(admission.kind === 'stored' ? admission.file.media.durationMs / 1_000 : 0);
      },
      () => end(0),
    );
  }

  /** The message stream is to play nothing after this. */
  forgetPlaylist(id: number): void {
    this.#playlists.delete(id);
  }

  /** The message stream is gone. */
  forget(id: number): void {
    this.forgetPlaylist(id);
    this.#buffersMs.delete(id);
  }

  /** A message stream has stopped: whoever plays nothing any more is not asked whether it is there. */
  settle(): void {
    for (const [, use] of this.#options.messageStreams.uses()) if (use.kind === 'play') return;
    this.#ping.stop();
  }

  /** The connection is gone. */
  close(): void {
    this.#ping.stop();
    this.#playlists.clear();
    const lengths = [...this.#lengths];
    this.#lengths.clear();
    for (const asking of lengths) asking.abort(new AccessError('RTMP_PEER_LEFT', 'the player left'));
  }

  #begin(id: number, asked: PlayArguments): void {
    const { context, messageStreams } = this.#options;
    const service = context.play;
    if (service === undefined) return;
    const play = new SessionPlay({
      request: this.#request(asked.streamName),
      asked,
      bufferMs: this.#buffersMs.get(id),
      messageStreamId: id,
      context,
      service,
      onFinished: () => this.#playNext(id),
      onOver: () => this.#idle(id),
      onRefused: (error) => this.#refused(id, error),
    });
    messageStreams.begin(id, play);
    context.onDeadlineChanged();
    this.#ping.start();
    play.start();
  }

  #append(id: number, asked: PlayArguments): void {
    let length = 0;
    for (const list of this.#playlists.values()) length += list.length;
    if (length >= maxPlaylist) {
      this.#error(id, 'NetStream.Play.Failed', `a playlist may have ${maxPlaylist} entries`);
      return;
    }
    const list = this.#playlists.get(id) ?? [];
    this.#playlists.set(id, list);
    list.push(asked);
    if (this.#playOn(id)?.isFinished === true) this.#playNext(id);
  }

  #playNext(id: number): boolean {
    const next = this.#playlists.get(id)?.shift();
    if (next === undefined) return false;
    this.#playOn(id)?.switchOver();
    this.#begin(id, next);
    return true;
  }

  #idle(id: number): void {
    this.forgetPlaylist(id);
    this.#options.messageStreams.setIdle(id);
    this.#options.onIdle();
  }

  /**
   * Clients give up at the error status, and come again with a new connection. Where the connection has nothing else to
   * do it is closed: a client that asks again and again pays for a connection each time.
   */
  #refused(id: number, error: AccessError): void {
    const { context, messageStreams } = this.#options;
    this.forgetPlaylist(id);
    messageStreams.setIdle(id);
    const { log, output, fail } = context;
    if (messageStreams.uses().next().done === true) {
      fail(error);
      return;
    }
    log.warn({ code: error.code }, error.message);
    output.flush();
  }

  #playOn(id: number): SessionPlay | undefined {
    const use = this.#options.messageStreams.use(id);
    return use?.kind === 'play' ? use : undefined;
  }

  #request(streamName: string): PlayRequest {
    const { application, context } = this.#options;
    const { app, tcUrl, flashVer, via } = application;
    const { peerAddress, peerPort } = context.transport;
    return { app, tcUrl, streamName, peerAddress, peerPort, protocol: 'rtmp', clientName: flashVer, via };
  }

  #error(id: number, code: string, description: string): void {
    this.#options.context.output.command(onStatusMessage(id, { level: 'error', code, description }));
  }
}
