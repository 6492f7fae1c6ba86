import type { Clock } from '../base/clock.ts';
import { AccessError, LimitError, ProtocolError, type StreamFrontError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { amf0Object, type Amf0Value } from '../formats/amf0/value.ts';
import { encodeCommand, printable, type RtmpCommand } from '../formats/rtmp/command.ts';
import type { RtmpMessage } from '../formats/rtmp/message.ts';
import { errorMessage, onStatusMessage, resultMessage, type RtmpStatus } from '../formats/rtmp/status.ts';
import type { ConnectedApplication } from './connect-command.ts';
import { MessageStreams, type PublishingStream } from './message-streams.ts';
import type { PublishGate, PublishRefused, PublishRequest } from './publish-gate.ts';
import { PublishReceiver } from './publish-receiver.ts';
import type { SessionLimits } from './session-limits.ts';
import type { SessionOutput } from './session-output.ts';

/** What a connected session needs of the connection around it. */
export interface ConnectedContext {
  readonly output: SessionOutput;
  readonly gate: PublishGate;
  readonly limits: SessionLimits;
  readonly clock: Clock;
  readonly log: Log;
  readonly peerAddress: string;
  readonly peerPort: number;
  /** Closes the connection: for what happens while nothing is being received. */
  readonly fail: (error: StreamFrontError) => void;
  readonly onDeadlineChanged: () => void;
}

/** A message of media from somebody who does not publish: nothing of it reaches a stream. */
export function mediaWithoutPublish(message: RtmpMessage): ProtocolError {
  return new ProtocolError(
    'RTMP_MEDIA_WITHOUT_PUBLISH',
    `a message of type ${message.typeId} on message stream ${message.messageStreamId}, which does not publish`,
    { section: 'RTMP 1.0 §7.2.2.6' },
  );
}

type Answer = (command: RtmpCommand, messageStreamId: number) => void;

/** A session after `connect`: its message streams and the commands on them (RTMP 1.0 §7.2.1.3 and §7.2.2). */
export class ConnectedSession {
  readonly #application: ConnectedApplication;
  readonly #context: ConnectedContext;
  readonly #messageStreams: MessageStreams;
  /** Since `connect`, or since the last publication ended. */
  #idleSinceMs: number;
  #released = false;

  /** By the name of the command. What is not here is answered with `_error` if it asks for an answer. */
  readonly #answers = new Map<string, Answer>([
    ['connect', (command) => this.#callFailed(command, 'connect came twice')],
    ['releaseStream', (command) => this.#result(command, undefined)],
    ['FCPublish', (command) => this.#fcPublish(command)],
    ['FCUnpublish', (command) => this.#fcUnpublish(command)],
    ['createStream', (command) => this.#createStream(command)],
    ['publish', (command, id) => this.#publish(command, id)],
    ['closeStream', (_, id) => this.#stopPublishing(id)],
    ['deleteStream', (command) => this.#deleteStream(command)],
    ['play', (_, id) => this.#refusePlay(id)],
    ['play2', (_, id) => this.#refusePlay(id)],
    // A live stream has no length.
    ['getStreamLength', (command) => this.#result(command, 0)],
    ['_checkbw', (command) => this.#result(command, undefined)],
  ]);

  constructor(application: ConnectedApplication, context: ConnectedContext) {
    this.#application = application;
    this.#context = context;
    this.#messageStreams = new MessageStreams(context.limits.maxMessageStreams);
    this.#idleSinceMs = context.clock.monotonicMs();
  }

  /** The paths that this connection publishes, for the log; empty when it does not. */
  publishedPaths(): string {
    return this.#messageStreams
      .publishing()
      .map(([, stream]) => stream.path)
      .join(', ');
  }

  receiveCommand(command: RtmpCommand, messageStreamId: number): void {
    const answer = this.#answers.get(command.name);
    if (answer !== undefined) answer(command, messageStreamId);
    else if (command.transactionId > 0) {
      this.#callFailed(command, `the command ${printable(command.name)} is not known here`);
    }
  }

  /** Audio, video or an aggregate of both, not empty. */
  receiveMedia(message: RtmpMessage): void {
    const stream = this.#messageStreams.get(message.messageStreamId);
    if (stream?.kind !== 'publishing') throw mediaWithoutPublish(message);
    stream.lastMessageMs = this.#context.clock.monotonicMs();
    stream.receiver.receiveMedia(message);
  }

  /** Metadata beside a publication is of no use, and harmless. */
  receiveData(message: RtmpMessage): void {
    const stream = this.#messageStreams.get(message.messageStreamId);
    if (stream?.kind !== 'publishing') return;
    stream.lastMessageMs = this.#context.clock.monotonicMs();
    stream.receiver.receiveData(message);
  }

  deadline(): { readonly atMs: number; readonly error: () => LimitError } {
    const { publishTimeoutMs, idleTimeoutMs } = this.#context.limits;
    const publishing = this.#messageStreams.publishing();
    if (publishing.length === 0) {
      return {
        atMs: this.#idleSinceMs + publishTimeoutMs,
        error: () =>
          new LimitError('RTMP_PUBLISH_TIMEOUT', 'milliseconds connected without publishing', {
            limit: publishTimeoutMs,
            value: publishTimeoutMs,
          }),
      };
    }
    const oldestMs = Math.min(...publishing.map(([, stream]) => stream.lastMessageMs));
    return {
      atMs: oldestMs + idleTimeoutMs,
      error: () =>
        new LimitError('RTMP_PUBLISHER_SILENT', 'milliseconds without a message from the publisher', {
          limit: idleTimeoutMs,
          value: idleTimeoutMs,
          setting: 'origin.rtmp.idleTimeout',
        }),
    };
  }

  /** Tells the encoder why its publications end. OBS shows the description of `NetStream.Failed` only. */
  sayFarewell(error: StreamFrontError): void {
    for (const [id] of this.#messageStreams.publishing()) {
      this.#status(id, { level: 'error', code: 'NetStream.Failed', description: error.message });
    }
  }

  /** The connection is closed: every name is free again. Of a failure the log has its own line. */
  release(how: 'left' | 'failed'): void {
    this.#released = true;
    for (const [id] of this.#messageStreams.publishing()) {
      const stream = this.#messageStreams.delete(id);
      if (stream !== undefined && how === 'left') this.#logLeft(stream);
    }
  }

  #fcPublish(command: RtmpCommand): void {
    this.#result(command, undefined);
    const streamName = text(command.args[0]);
    if (streamName === undefined) return;
    // Old encoders wait for this before they publish. They must not read Start where `publish` will be refused.
    const refused = this.#context.gate.examine(this.#request(streamName));
    this.#call(
      'onFCPublish',
      refused === undefined
        ? { level: 'status', code: 'NetStream.Publish.Start', description: 'Ready to publish.' }
        : { level: 'error', code: refused.statusCode, description: refused.sentence },
    );
  }

  #fcUnpublish(command: RtmpCommand): void {
    const streamName = text(command.args[0]);
    this.#result(command, undefined);
    for (const [id, stream] of this.#messageStreams.publishing()) {
      if (stream.streamName === streamName) this.#stopPublishing(id);
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
    const stream = this.#messageStreams.get(id);
    const streamName = text(command.args[0]);
    if (stream === undefined) badName(`there is no message stream ${id}: createStream comes before publish`);
    else if (stream.kind === 'publishing') badName(`message stream ${id} publishes already`);
    else if (streamName === undefined || streamName === '') badName('publish came without the name of a stream');
    // The type of publication (live, record, append) makes no difference: what is kept, the origin's settings say.
    else this.#startPublishing(id, streamName);
  }

  #startPublishing(id: number, streamName: string): void {
    const { gate, clock, output, log } = this.#context;
    const admission = gate.admit(this.#request(streamName), () =>
      this.#context.fail(new AccessError('PUBLISH_TAKEN_OVER', 'another encoder with the same stream key took over')),
    );
    if (admission.kind === 'refused') {
      this.#status(id, { level: 'error', code: admission.statusCode, description: admission.sentence });
      // OBS waits for ever if the connection is not closed.
      throw refusal(admission);
    }
    const { sink, path } = admission;
    if (this.#released) {
      // It took over from itself: two message streams of one connection with one name.
      sink.release();
      return;
    }
    const nowMs = clock.monotonicMs();
    this.#messageStreams.startPublishing(id, {
      kind: 'publishing',
      streamName,
      path,
      sink,
      receiver: new PublishReceiver(sink, log.child({ stream: path })),
      startedMs: nowMs,
      lastMessageMs: nowMs,
    });
    this.#context.onDeadlineChanged();
    log.info({ stream: path, encoder: this.#application.flashVer }, 'Publisher started');
    output.control({ kind: 'user-control', event: { kind: 'stream-begin', messageStreamId: id } });
    this.#status(id, { level: 'status', code: 'NetStream.Publish.Start', description: `${path} is now published.` });
  }

  #deleteStream(command: RtmpCommand): void {
    const [id] = command.args;
    if (typeof id === 'number') this.#publicationEnded(this.#messageStreams.delete(id));
  }

  #stopPublishing(id: number): void {
    const stopped = this.#messageStreams.stopPublishing(id);
    if (stopped === undefined) return;
    this.#publicationEnded(stopped);
    this.#status(id, {
      level: 'status',
      code: 'NetStream.Unpublish.Success',
      description: `${stopped.path} is no longer published.`,
    });
  }

  #publicationEnded(stream: PublishingStream | undefined): void {
    if (stream === undefined) return;
    this.#idleSinceMs = this.#context.clock.monotonicMs();
    this.#context.onDeadlineChanged();
    this.#logLeft(stream);
  }

  #logLeft(stream: PublishingStream): void {
    const seconds = Math.round((this.#context.clock.monotonicMs() - stream.startedMs) / 1_000);
    const { videoFrames, audioFrames } = stream.receiver;
    this.#context.log.info({ stream: stream.path, seconds, videoFrames, audioFrames }, 'Publisher left');
  }

  #refusePlay(id: number): void {
    this.#status(id, {
      level: 'error',
      code: 'NetStream.Play.Failed',
      description: 'This server does not serve RTMP players: watch over HTTP.',
    });
  }

  #request(streamName: string): PublishRequest {
    const { app, tcUrl, flashVer } = this.#application;
    const { peerAddress, peerPort } = this.#context;
    return { app, tcUrl, streamName, peerAddress, peerPort, encoder: flashVer };
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

function refusal(refused: PublishRefused): StreamFrontError {
  return new AccessError(refused.code, refused.sentence);
}
