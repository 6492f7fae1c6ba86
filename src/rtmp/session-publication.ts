import { AccessError, LimitError, type StreamFrontError } from '../base/errors.ts';
import { messageType, type RtmpMessage } from '../formats/rtmp/message.ts';
import { onStatusMessage, type RtmpStatus } from '../formats/rtmp/status.ts';
import type { PublishRequest } from '../policy/publish-request.ts';
import type { ConnectedContext, Deadline } from './connected-context.ts';
import type { PublicationSink } from './publish-gate.ts';
import { PublishReceiver } from './publish-receiver.ts';

/** Of what an encoder sends before it has been told that it may. Some do not wait for `NetStream.Publish.Start`. */
const maxHeldBytes = 1_048_576;

type State =
  /** The gate has been asked. What comes meanwhile is held: it becomes media if the answer is yes. */
  | { readonly kind: 'admitting'; readonly held: RtmpMessage[]; heldBytes: number; readonly sinceMs: number }
  | {
      readonly kind: 'publishing';
      readonly path: string;
      readonly sink: PublicationSink;
      readonly receiver: PublishReceiver;
      readonly startedMs: number;
      /** When the last message of the publication came. */
      lastMessageMs: number;
    }
  | { readonly kind: 'over' };

/** What one message stream publishes (RTMP 1.0 §7.2.2.6), from `publish` to its end. */
export class SessionPublication {
  readonly kind = 'publication';
  /** As `publish` said it: what `FCUnpublish` will say. May hold a stream key. */
  readonly streamName: string;
  readonly #request: PublishRequest;
  readonly #messageStreamId: number;
  readonly #context: ConnectedContext;
  readonly #onStart: (start: RtmpStatus) => void;
  readonly #abort = new AbortController();
  #state: State;
  #refusedPath: string | undefined;

  /** `onStart` is called once it is admitted, before the encoder is told Start on its message stream. */
  constructor(
    request: PublishRequest,
    messageStreamId: number,
    context: ConnectedContext,
    onStart: (start: RtmpStatus) => void,
  ) {
    this.streamName = request.streamName;
    this.#request = request;
    this.#messageStreamId = messageStreamId;
    this.#context = context;
    this.#onStart = onStart;
    this.#state = { kind: 'admitting', held: [], heldBytes: 0, sinceMs: context.clock.monotonicMs() };
  }

  /** Asks the gate. */
  start(): void {
    this.#admit().catch((error: unknown) => {
      if (this.#state.kind !== 'over') this.#context.fail(error);
    });
  }

  /** For the log; `undefined` until it is admitted, or refused. */
  get path(): string | undefined {
    return this.#state.kind === 'publishing' ? this.#state.path : this.#refusedPath;
  }

  /** Audio, video, an aggregate of both, or data. Not empty. */
  receive(message: RtmpMessage): void {
    const state = this.#state;
    switch (state.kind) {
      case 'admitting':
        state.heldBytes += message.payload.length;
        if (state.heldBytes > maxHeldBytes) {
          throw new LimitError('RTMP_MEDIA_BEFORE_START', 'bytes from an encoder that has not been told to start', {
            limit: maxHeldBytes,
            value: state.heldBytes,
          });
        }
        state.held.push({ ...message, payload: new Uint8Array(message.payload) });
        return;
      case 'publishing':
        state.lastMessageMs = this.#context.clock.monotonicMs();
        receiveWith(state.receiver, message);
        return;
      case 'over':
    }
  }

  /** As of the sink. */
  leaveUnreadMs(maxMs: number, readNow: () => void): number {
    return this.#state.kind === 'publishing' ? (this.#state.sink.leaveUnreadMs?.(maxMs, readNow) ?? 0) : 0;
  }

  deadline(): Deadline | undefined {
    const { admissionTimeoutMs, idleTimeoutMs, settingGroup } = this.#context.limits;
    const state = this.#state;
    switch (state.kind) {
      case 'admitting':
        return {
          atMs: state.sinceMs + admissionTimeoutMs,
          error: () =>
            new LimitError('RTMP_ADMISSION_TIMEOUT', 'milliseconds without an answer whether this may be published', {
              limit: admissionTimeoutMs,
              value: admissionTimeoutMs,
            }),
        };
      case 'publishing':
        return {
          atMs: state.lastMessageMs + idleTimeoutMs,
          error: () =>
            new LimitError('RTMP_PUBLISHER_SILENT', 'milliseconds without a message from the publisher', {
              limit: idleTimeoutMs,
              value: idleTimeoutMs,
              setting: `${settingGroup}.idleTimeout`,
            }),
        };
      case 'over':
        return undefined;
    }
  }

  /** Tells the encoder why its publication ends. OBS shows the description of `NetStream.Failed` only. */
  sayFarewell(error: StreamFrontError): void {
    if (this.#state.kind === 'over') return;
    this.#status({ level: 'error', code: 'NetStream.Failed', description: error.message });
  }

  /** The encoder has ended it by a command: it is told so. */
  stop(): void {
    const path = this.path;
    this.end('left');
    this.#status({
      level: 'status',
      code: 'NetStream.Unpublish.Success',
      description: path === undefined ? 'The publication was taken back.' : `${path} is no longer published.`,
    });
  }

  /** The name is free again. Of a failure the log has its own line. Harmless when called again. */
  end(how: 'left' | 'failed'): void {
    const state = this.#state;
    this.#state = { kind: 'over' };
    this.#abort.abort(new AccessError('RTMP_PEER_LEFT', 'the encoder left before it was admitted'));
    if (state.kind !== 'publishing') return;
    state.sink.release();
    if (how === 'failed') return;
    const { clock, log } = this.#context;
    const seconds = Math.round((clock.monotonicMs() - state.startedMs) / 1_000);
    const { videoFrames, audioFrames } = state.receiver;
    log.info({ stream: state.path, seconds, videoFrames, audioFrames }, 'Publisher left');
  }

  async #admit(): Promise<void> {
    const { gate, clock, log, output, onDeadlineChanged } = this.#context;
    const failWith = (error: StreamFrontError) => {
      if (this.#state.kind !== 'over') this.#context.fail(error);
    };
    const admission = await gate.admit(this.#request, {
      onTakenOver: () =>
        failWith(new AccessError('PUBLISH_TAKEN_OVER', 'another encoder with the same stream key took over')),
      onEnded: failWith,
      signal: this.#abort.signal,
    });
    const state = this.#state;
    if (state.kind !== 'admitting') {
      if (admission.kind === 'admitted') admission.sink.release();
      return;
    }
    if (admission.kind === 'refused') {
      this.#status({ level: 'error', code: admission.statusCode, description: admission.sentence });
      this.#state = { kind: 'over' };
      this.#refusedPath = admission.path;
      // OBS waits for ever if the connection is not closed.
      this.#context.fail(new AccessError(admission.code, admission.sentence));
      return;
    }
    const { path, sink } = admission;
    const nowMs = clock.monotonicMs();
    const receiver = new PublishReceiver(sink, log.child({ stream: path }));
    this.#state = { kind: 'publishing', path, sink, receiver, startedMs: nowMs, lastMessageMs: nowMs };
    onDeadlineChanged();
    log.info({ stream: path, encoder: this.#request.encoder }, 'Publisher started');
    const start: RtmpStatus = {
      level: 'status',
      code: 'NetStream.Publish.Start',
      description: `${path} is now published.`,
    };
    this.#onStart(start);
    output.control({
      kind: 'user-control',
      event: { kind: 'stream-begin', messageStreamId: this.#messageStreamId },
    });
    this.#status(start);
    output.flush();
    for (const message of state.held) receiveWith(receiver, message);
  }

  #status(status: RtmpStatus): void {
    this.#context.output.command(onStatusMessage(this.#messageStreamId, status));
  }
}

function receiveWith(receiver: PublishReceiver, message: RtmpMessage): void {
  const isData = message.typeId === messageType.dataAmf0 || message.typeId === messageType.dataAmf3;
  if (isData) receiver.receiveData(message);
  else receiver.receiveMedia(message);
}
