import { LimitError, ProtocolError, type StreamFrontError } from '../base/errors.ts';
import { amf0Object, type Amf0Value } from '../formats/amf0/value.ts';
import { encodeCommand, printable, type RtmpCommand } from '../formats/rtmp/command.ts';
import type { RtmpMessage } from '../formats/rtmp/message.ts';
import { errorMessage, onStatusMessage, resultMessage, type RtmpStatus } from '../formats/rtmp/status.ts';
import type { PublishRequest } from '../policy/publish-request.ts';
import type { ConnectedApplication } from './connect-command.ts';
import type { ConnectedContext, Deadline } from './connected-context.ts';
import { MessageStreams } from './message-streams.ts';
import { playArguments } from './play-arguments.ts';
import { SessionPlaying } from './session-playing.ts';
import { SessionPublication } from './session-publication.ts';

/** A message of media from somebody who does not publish: nothing of it reaches a stream. */
export function mediaWithoutPublish(message: RtmpMessage): ProtocolError {
  return new ProtocolError(
    'RTMP_MEDIA_WITHOUT_PUBLISH',
    `a message of type ${message.typeId} on message stream ${message.messageStreamId}, which does not publish`,
    { section: 'RTMP 1.0 §7.2.2.6' },
  );
}

type Answer = (session: ConnectedSession, command: RtmpCommand, messageStreamId: number) => void;

/** A session after `connect`: its message streams and the commands on them (RTMP 1.0 §7.2.1.3 and §7.2.2). */
export class ConnectedSession {
  /** By the name of the command. What is not here is answered with `_error` if it asks for an answer. */
  static readonly #answers: ReadonlyMap<string, Answer> = new Map<string, Answer>([
    ['connect', (session, command) => session.#callFailed(command, 'connect came twice')],
    ['releaseStream', (session, command) => session.#result(command, undefined)],
    ['FCPublish', (session, command) => session.#fcPublish(command)],
    ['FCUnpublish', (session, command) => session.#fcUnpublish(command)],
    ['createStream', (session, command) => session.#createStream(command)],
    ['publish', (session, command, id) => session.#publish(command, id)],
    ['closeStream', (session, _, id) => session.#closeStream(id)],
    ['deleteStream', (session, command) => session.#deleteStream(command)],
    ['play', (session, command, id) => session.#playing.play(playArguments(command.args), id)],
    ['play2', (session, command, id) => session.#playing.play2(command.args[0], id)],
    ['pause', (session, command, id) => session.#playing.pause(command.args, id)],
    ['seek', (session, command, id) => session.#playing.seek(command.args[0], id)],
    ['FCSubscribe', (session, command) => session.#fcSubscribe(command)],
    ['FCUnsubscribe', (session, command) => session.#result(command, undefined)],
    ['receiveAudio', (session, command, id) => session.#playing.receive('audio', command.args[0], id)],
    ['receiveVideo', (session, command, id) => session.#playing.receive('video', command.args[0], id)],
    ['getStreamLength', (session, command) => session.#getStreamLength(command)],
    ['_checkbw', (session, command) => session.#result(command, undefined)],
  ]);

  readonly #application: ConnectedApplication;
  readonly #context: ConnectedContext;
  readonly #messageStreams: MessageStreams;
  readonly #playing: SessionPlaying;
  /** The names of `FCPublish` that `onFCPublish` is still to be said for. May hold stream keys. */
  readonly #announced = new Set<string>();
  /** Since `connect`, or since the last use of a message stream ended. */
  #idleSinceMs: number;

  constructor(application: ConnectedApplication, context: ConnectedContext) {
    this.#application = application;
    this.#context = context;
    this.#messageStreams = new MessageStreams(context.limits.maxMessageStreams);
    this.#playing = new SessionPlaying({
      application,
      context,
      messageStreams: this.#messageStreams,
      onIdle: () => this.#becameIdle(),
    });
    this.#idleSinceMs = context.clock.monotonicMs();
  }

  /** The paths that this connection publishes and plays, for the log; empty when it does not. */
  paths(): string {
    return [...this.#messageStreams.uses()].flatMap(([, use]) => use.path ?? []).join(', ');
  }

  receiveCommand(command: RtmpCommand, messageStreamId: number): void {
    const answer = ConnectedSession.#answers.get(command.name);
    if (answer !== undefined) answer(this, command, messageStreamId);
    else if (command.transactionId > 0) {
      this.#callFailed(command, `the command ${printable(command.name)} is not known here`);
    }
  }

  /** Audio, video or an aggregate of both, not empty. */
  receiveMedia(message: RtmpMessage): void {
    const use = this.#messageStreams.use(message.messageStreamId);
    if (use?.kind !== 'publication') throw mediaWithoutPublish(message);
    use.receive(message);
  }

  /** Metadata beside a publication is of no use, and harmless. */
  receiveData(message: RtmpMessage): void {
    const use = this.#messageStreams.use(message.messageStreamId);
    if (use?.kind === 'publication') use.receive(message);
  }

  /** A player has answered. */
  pingAnswered(): void {
    this.#playing.pingAnswered();
  }

  /** RTMP 1.0 §5.4.3. */
  acknowledged(sequenceNumber: number): void {
    this.#playing.acknowledge(sequenceNumber);
  }

  /** RTMP 1.0 §7.1.7, SetBufferLength. */
  setBufferLength(messageStreamId: number, bufferMs: number): void {
    this.#playing.setBufferLength(messageStreamId, bufferMs);
  }

  /**
   * How long what comes next may be left unread, `maxMs` at most, and unless `readNow` is called: only where the connection
   * does nothing but publish.
   */
  leaveUnreadMs(maxMs: number, readNow: () => void): number {
    let leftMs: number | undefined;
    for (const [, use] of this.#messageStreams.uses()) {
      if (use.kind !== 'publication') return 0;
      leftMs = Math.min(use.leaveUnreadMs(maxMs, readNow), leftMs ?? maxMs);
    }
    return leftMs ?? 0;
  }

  /** The first of all that may not last; `undefined` while there is a player, which has other bounds. */
  deadline(): Deadline | undefined {
    let first: Deadline | undefined;
    let idle = true;
    for (const [, use] of this.#messageStreams.uses()) {
      idle = false;
      const deadline = use.deadline();
      if (deadline !== undefined && deadline.atMs < (first?.atMs ?? Infinity)) first = deadline;
    }
    if (!idle) return first;
    const { publishTimeoutMs } = this.#context.limits;
    return {
      atMs: this.#idleSinceMs + publishTimeoutMs,
      error: () =>
        new LimitError('RTMP_PUBLISH_TIMEOUT', 'milliseconds connected without publishing or playing', {
          limit: publishTimeoutMs,
          value: publishTimeoutMs,
        }),
    };
  }

  /**
   * Asks a client that said it can to connect again (Enhanced RTMP v2, "Reconnect Request"): to `serverUrl`, such as
   * `rtmp://HOST:PORT`, or to where it connected to. Returns whether it was asked.
   */
  requestReconnect(serverUrl: string | undefined): boolean {
    const { app, capabilities } = this.#application;
    if (!capabilities.reconnect) return false;
    this.#status(0, {
      level: 'status',
      code: 'NetConnection.Connect.ReconnectRequest',
      description: 'This server is shutting down: connect again.',
      ...(serverUrl === undefined ? {} : { details: { tcUrl: `${serverUrl.replace(/\/+$/, '')}/${app}` } }),
    });
    return true;
  }

  sayFarewell(error: StreamFrontError): void {
    for (const [, use] of this.#messageStreams.uses()) use.sayFarewell(error);
  }

  /** The connection is closed: every name is free again. Of a failure the log has its own line. */
  release(how: 'left' | 'failed'): void {
    this.#playing.close();
    for (const [id, use] of this.#messageStreams.uses()) {
      this.#messageStreams.setIdle(id);
      use.end(how);
    }
  }

  #fcPublish(command: RtmpCommand): void {
    this.#result(command, undefined);
    const streamName = text(command.args[0]);
    if (streamName === undefined) return;
    const refused = this.#context.gate.examine(this.#request(streamName));
    if (refused !== undefined) {
      this.#call('onFCPublish', { level: 'error', code: refused.statusCode, description: refused.sentence });
    } else if (this.#announced.size < this.#context.limits.maxMessageStreams) {
      // Start is for whoever is admitted, which only `publish` finds out: it is said then. Nobody waits for it here.
      this.#announced.add(streamName);
    }
  }

  #fcUnpublish(command: RtmpCommand): void {
    const streamName = text(command.args[0]);
    this.#result(command, undefined);
    for (const [id, use] of this.#messageStreams.uses()) {
      if (use.kind === 'publication' && use.streamName === streamName) this.#closeStream(id);
    }
    this.#call('onFCUnpublish', {
      level: 'status',
      code: 'NetStream.Unpublish.Success',
      description: 'Stream is unpublished.',
    });
  }

  #createStream(command: RtmpCommand): void {
    const id = this.#messageStreams.create();
    if (id === undefined) {
      this.#callFailed(command, `a connection may have ${this.#context.limits.maxMessageStreams} message streams`);
    } else {
      this.#result(command, id);
    }
  }

  #publish(command: RtmpCommand, id: number): void {
    const badName = (description: string) =>
      this.#status(id, { level: 'error', code: 'NetStream.Publish.BadName', description });
    const streamName = text(command.args[0]);
    if (!this.#messageStreams.has(id)) badName(`there is no message stream ${id}: createStream comes before publish`);
    else if (this.#messageStreams.use(id) !== undefined) badName(`message stream ${id} is in use already`);
    else if (streamName === undefined || streamName === '') badName('publish came without the name of a stream');
    else {
      // The type of publication (live, record, append) makes no difference: what is kept, the origin's settings say.
      const announced = this.#announced.delete(streamName);
      const publication = new SessionPublication(this.#request(streamName), id, this.#context, (start) => {
        if (announced) this.#call('onFCPublish', start);
      });
      this.#messageStreams.begin(id, publication);
      this.#context.onDeadlineChanged();
      publication.start();
    }
  }

  #closeStream(id: number): void {
    const use = this.#messageStreams.use(id);
    if (use === undefined) return;
    this.#messageStreams.setIdle(id);
    this.#playing.forgetPlaylist(id);
    use.stop();
    this.#becameIdle();
  }

  #deleteStream(command: RtmpCommand): void {
    const [id] = command.args;
    if (typeof id !== 'number') return;
    const use = this.#messageStreams.use(id);
    this.#messageStreams.delete(id);
    this.#playing.forget(id);
    if (use === undefined) return;
    use.end('left');
    this.#becameIdle();
  }

  #becameIdle(): void {
    this.#playing.settle();
    this.#idleSinceMs = this.#context.clock.monotonicMs();
    this.#context.onDeadlineChanged();
  }

  /** In seconds; 0 of what has none, a live stream or what is not there. */
  #getStreamLength(command: RtmpCommand): void {
    this.#playing.length(text(command.args[0]), (seconds) => this.#result(command, seconds));
  }

  /** Players of some networks wait for the call before they play. What cannot be played is refused at `play`. */
  #fcSubscribe(command: RtmpCommand): void {
    this.#result(command, undefined);
    this.#call('onFCSubscribe', { level: 'status', code: 'NetStream.Play.Start', description: 'Ready to play.' });
  }

  #request(streamName: string): PublishRequest {
    const { app, tcUrl, flashVer, via } = this.#application;
    const { peerAddress, peerPort } = this.#context.transport;
    return { app, tcUrl, streamName, peerAddress, peerPort, encoder: flashVer, via };
  }

  #result(command: RtmpCommand, value: Amf0Value): void {
    if (command.transactionId === 0) return;
    this.#context.output.command(resultMessage(command.transactionId, null, value));
  }

  /** A call of the client's by name, which it does not answer. */
  #call(name: string, { level, code, description }: RtmpStatus): void {
    const args = [amf0Object({ level, code, description })];
    this.#context.output.command(encodeCommand({ name, transactionId: 0, commandObject: null, args }, 0));
  }

  #callFailed(command: RtmpCommand, description: string): void {
    this.#context.output.command(
      errorMessage(command.transactionId, { level: 'error', code: 'NetConnection.Call.Failed', description }),
    );
  }

  #status(messageStreamId: number, status: RtmpStatus): void {
    this.#context.output.command(onStatusMessage(messageStreamId, status));
  }
}

function text(value: Amf0Value): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
