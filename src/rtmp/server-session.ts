import { randomBytes } from 'node:crypto';
import type { Clock, Timer } from '../base/clock.ts';
import { AccessError, LimitError, StreamFrontError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { ChunkDecoder } from '../formats/rtmp/chunk-decoder.ts';
import { decodeCommand, type RtmpCommand } from '../formats/rtmp/command.ts';
import { decodeControlMessage, isControlMessage } from '../formats/rtmp/control-message.ts';
import { handshakeRandomBytes, ServerHandshake } from '../formats/rtmp/handshake.ts';
import { messageType, type RtmpMessage } from '../formats/rtmp/message.ts';
import { onStatusMessage } from '../formats/rtmp/status.ts';
import { AcknowledgementWindow } from './acknowledgement-window.ts';
import { CommandRate } from './command-rate.ts';
import { answerConnect, type ExamineConnect, readConnect, rejectConnect } from './connect-command.ts';
import { ConnectedSession, mediaWithoutPublish } from './connected-session.ts';
import { ClosedPlayGate } from './closed-play-gate.ts';
import type { PlayService } from './connected-context.ts';
import type { PublishGate } from './publish-gate.ts';
import type { SessionLimits } from './session-limits.ts';
import { SessionOutput, type SessionTransport } from './session-output.ts';

/** Commands are small: who sends more means harm. Metadata has the larger limits of its format. */
const commandLimits = { maxDepth: 16, maxValues: 1_024, maxStringBytes: 16_384, maxNameBytes: 256 };

type SessionState =
  | { readonly kind: 'handshake'; readonly handshake: ServerHandshake; readonly sinceMs: number }
  /** The handshake is done; `connect` is awaited. */
  | { readonly kind: 'connecting'; readonly decoder: ChunkDecoder; readonly sinceMs: number }
  | { readonly kind: 'connected'; readonly decoder: ChunkDecoder; readonly connected: ConnectedSession }
  | { readonly kind: 'closed' };

export interface ServerSessionOptions {
  readonly transport: SessionTransport;
  readonly gate: PublishGate;
  readonly play: PlayService | undefined;
  readonly examineConnect?: ExamineConnect | undefined;
  readonly limits: SessionLimits;
  readonly clock: Clock;
  /** When the connection came, on the monotonic clock: from then on its handshake has time. */
  readonly acceptedMs: number;
  /** Carries the peer already. */
  readonly log: Log;
  /** Called once. `code` says why: that of the error, or `PEER_LEFT`, or `SERVER_CLOSING`. */
  readonly onClosed: (code: string) => void;
}

/**
 * One connection to the RTMP server, from the first byte of its handshake to its end. Nothing that a peer sends makes
 * a method of it throw: an error closes this connection, with one line in the log, and touches nothing else.
 */
export class ServerSession {
  readonly #options: ServerSessionOptions;
  readonly #output: SessionOutput;
  readonly #window = new AcknowledgementWindow();
  readonly #commandRate: CommandRate;
  #state: SessionState;
  #deadlineTimer: Timer | undefined;

  constructor(options: ServerSessionOptions) {
    this.#options = options;
    const { transport, limits, acceptedMs } = options;
    this.#output = new SessionOutput(transport, limits.maxQueuedAnswerBytes);
    this.#commandRate = new CommandRate(limits.maxCommandsPerSecond, acceptedMs);
    const handshake = new ServerHandshake(() => randomBytes(handshakeRandomBytes));
    this.#state = { kind: 'handshake', handshake, sinceMs: acceptedMs };
    this.#armDeadline();
  }

  /** Takes what came over the connection, in whatever pieces. Nothing of `bytes` is kept: the caller may use them again. */
  receive(bytes: Uint8Array): void {
    try {
      this.#receiveInState(bytes);
      this.#acknowledge(bytes.length);
      this.#output.flush();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** How long what comes next may be left unread, `maxMs` at most, and unless `readNow` is called. */
  leaveUnreadMs(maxMs: number, readNow: () => void): number {
    return this.#state.kind === 'connected' ? this.#state.connected.leaveUnreadMs(maxMs, readNow) : 0;
  }

  /** The connection is gone: the peer closed or reset it. */
  transportClosed(): void {
    this.#finish('PEER_LEFT', 'left');
  }

  /** The server is going to close: a client that said it can is asked to go to `serverUrl`. Returns whether it was. */
  requestReconnect(serverUrl: string | undefined): boolean {
    if (this.#state.kind !== 'connected') return false;
    try {
      const asked = this.#state.connected.requestReconnect(serverUrl);
      this.#output.flush();
      return asked;
    } catch (error) {
      this.#fail(error);
      return false;
    }
  }

  /** The server is closing. */
  close(): void {
    if (this.#finish('SERVER_CLOSING', 'left')) this.#options.transport.end();
  }

  #receiveInState(bytes: Uint8Array): void {
    const state = this.#state;
    switch (state.kind) {
      case 'handshake': {
        const { reply, rest } = state.handshake.push(bytes);
        if (reply !== undefined) this.#output.raw(reply);
        if (rest === undefined) return;
        const { limits, clock } = this.#options;
        const decoder = new ChunkDecoder({ ...limits, maxMessageSetting: `${limits.settingGroup}.maxMessage` });
        this.#state = { kind: 'connecting', decoder, sinceMs: clock.monotonicMs() };
        this.#armDeadline();
        this.#receiveChunks(decoder, rest);
        return;
      }
      case 'connecting':
      case 'connected':
        this.#receiveChunks(state.decoder, bytes);
        return;
      case 'closed':
        return;
    }
  }

  #receiveChunks(decoder: ChunkDecoder, bytes: Uint8Array): void {
    for (const message of decoder.push(bytes)) {
      this.#receiveMessage(message);
      if (this.#state.kind === 'closed') return;
    }
  }

  #acknowledge(receivedBytes: number): void {
    const sequenceNumber = this.#window.receive(receivedBytes);
    if (sequenceNumber === undefined) return;
    if (this.#state.kind === 'connecting' || this.#state.kind === 'connected') {
      this.#output.control({ kind: 'acknowledgement', receivedBytes: sequenceNumber });
    }
  }

  #receiveMessage(message: RtmpMessage): void {
    if (isControlMessage(message)) {
      this.#receiveControl(message);
      return;
    }
    const connected = this.#state.kind === 'connected' ? this.#state.connected : undefined;
    const empty = message.payload.length === 0;
    switch (message.typeId) {
      case messageType.commandAmf0:
        if (!empty) this.#receiveCommand(message);
        return;
      case messageType.commandAmf3:
        this.#receiveCommand(message);
        return;
      case messageType.audio:
      case messageType.video:
      case messageType.aggregate:
        if (empty) return;
        if (connected === undefined) throw mediaWithoutPublish(message);
        connected.receiveMedia(message);
        return;
      case messageType.dataAmf0:
        if (!empty) connected?.receiveData(message);
        return;
      case messageType.dataAmf3:
        connected?.receiveData(message);
        return;
      default:
      // Shared objects, and what nobody has defined: no business of a stream.
    }
  }

  #receiveControl(message: RtmpMessage): void {
    const control = decodeControlMessage(message);
    if (control.kind === 'window-acknowledgement-size') {
      this.#window.setWindow(control.windowBytes);
    } else if (control.kind === 'set-peer-bandwidth') {
      // §5.4.5: the answer tells the window in use. What a server says to an encoder never fills one.
      this.#countQuestion();
      this.#output.control({ kind: 'window-acknowledgement-size', windowBytes: Math.max(1, control.windowBytes) });
    } else if (control.kind === 'user-control' && control.event.kind === 'ping-request') {
      this.#countQuestion();
      const { timestampMs } = control.event;
      this.#output.control({ kind: 'user-control', event: { kind: 'ping-response', timestampMs } });
    } else if (control.kind === 'user-control' && control.event.kind === 'ping-response') {
      if (this.#state.kind === 'connected') this.#state.connected.pingAnswered();
    } else if (control.kind === 'user-control' && control.event.kind === 'set-buffer-length') {
      this.#countQuestion();
      const { messageStreamId, bufferMs } = control.event;
      if (this.#state.kind === 'connected') this.#state.connected.setBufferLength(messageStreamId, bufferMs);
    } else if (control.kind === 'acknowledgement' && this.#state.kind === 'connected') {
      this.#state.connected.acknowledged(control.receivedBytes);
    }
    // Set Chunk Size and Abort: the decoder has followed them.
  }

  /** Everything that is answered is bounded in time as well as in bytes. */
  #countQuestion(): void {
    this.#commandRate.count(this.#options.clock.monotonicMs());
  }

  #receiveCommand(message: RtmpMessage): void {
    this.#countQuestion();
    const command = decodeCommand(message, commandLimits);
    const state = this.#state;
    if (command.name === 'connect' && state.kind === 'connecting') {
      this.#connect(command, state.decoder);
    } else if (state.kind === 'connected') {
      state.connected.receiveCommand(command, message.messageStreamId);
    } else {
      this.#output.command(
        onStatusMessage(message.messageStreamId, {
          level: 'error',
          code: 'NetStream.Failed',
          description: 'connect comes before every other command',
        }),
      );
    }
  }

  #connect(command: RtmpCommand, decoder: ChunkDecoder): void {
    const application = readConnect(command);
    if ('problem' in application) {
      rejectConnect(this.#output, command.transactionId, application.problem);
      throw new AccessError('RTMP_CONNECT_REJECTED', application.problem);
    }
    const { transport, gate, play, limits, clock, log, examineConnect } = this.#options;
    const refused = examineConnect?.(application, transport.clientCertificate ?? 'none');
    if (refused !== undefined && refused.only !== 'play') {
      rejectConnect(this.#output, command.transactionId, refused.sentence);
      throw new AccessError(refused.code, refused.sentence);
    }
    const connected = new ConnectedSession(application, {
      output: this.#output,
      transport,
      capabilities: application.capabilities,
      gate,
      play: refused === undefined ? play : play && { ...play, gate: new ClosedPlayGate(refused) },
      limits,
      clock,
      log,
      fail: (error) => this.#fail(error),
      onDeadlineChanged: () => this.#armDeadline(),
    });
    this.#state = { kind: 'connected', decoder, connected };
    this.#armDeadline();
    answerConnect(this.#output, command.transactionId);
  }

  /** Every state but `closed` has one. */
  #deadline(): { readonly atMs: number; readonly error: () => LimitError } | undefined {
    const state = this.#state;
    const { handshakeTimeoutMs, connectTimeoutMs, settingGroup } = this.#options.limits;
    switch (state.kind) {
      case 'handshake':
        return {
          atMs: state.sinceMs + handshakeTimeoutMs,
          error: () =>
            new LimitError('RTMP_HANDSHAKE_TIMEOUT', 'milliseconds without the handshake being whole', {
              limit: handshakeTimeoutMs,
              value: handshakeTimeoutMs,
              setting: `${settingGroup}.handshakeTimeout`,
            }),
        };
      case 'connecting':
        return {
          atMs: state.sinceMs + connectTimeoutMs,
          error: () =>
            new LimitError('RTMP_CONNECT_TIMEOUT', 'milliseconds from the handshake without connect', {
              limit: connectTimeoutMs,
              value: connectTimeoutMs,
            }),
        };
      case 'connected':
        return state.connected.deadline();
      case 'closed':
        return undefined;
    }
  }

  #armDeadline(): void {
    this.#deadlineTimer?.cancel();
    this.#deadlineTimer = undefined;
    const deadline = this.#deadline();
    if (deadline === undefined) return;
    const delayMs = Math.max(0, deadline.atMs - this.#options.clock.monotonicMs());
    this.#deadlineTimer = this.#options.clock.after(delayMs, () => this.#checkDeadline());
  }

  /** A publication moves its deadline with every message, too often to set the timer anew each time. */
  #checkDeadline(): void {
    const deadline = this.#deadline();
    if (deadline === undefined) return;
    if (this.#options.clock.monotonicMs() >= deadline.atMs) this.#fail(deadline.error());
    else this.#armDeadline();
  }

  /** Closes the connection for `error`; an encoder that publishes is told why before. */
  #fail(error: unknown): void {
    const state = this.#state;
    if (state.kind === 'closed') return;
    const stream = state.kind === 'connected' ? state.connected.paths() : '';
    const ours = error instanceof StreamFrontError;
    if (state.kind !== 'handshake') this.#sayFarewell(state, ours ? error : undefined);
    this.#finish(ours ? error.code : 'INTERNAL', 'failed');
    const fields = { code: ours ? error.code : 'INTERNAL', ...(stream === '' ? {} : { stream }) };
    if (ours) this.#options.log.warn(fields, error.message);
    else this.#options.log.error({ ...fields, err: error }, 'A bug of ours ended this connection');
    if (state.kind === 'handshake') this.#options.transport.destroy();
    else this.#options.transport.end();
  }

  /** Sends what has been answered already, a refusal perhaps, and tells whoever publishes why that ends. */
  #sayFarewell(state: SessionState, error: StreamFrontError | undefined): void {
    try {
      if (state.kind === 'connected' && error !== undefined) state.connected.sayFarewell(error);
      this.#output.flush();
    } catch {
      // It does not read, or there is more than it can be told: it will see the connection end.
    }
  }

  /** To the state `closed`, from which nothing leads. Returns whether it was not there already. */
  #finish(code: string, how: 'left' | 'failed'): boolean {
    const state = this.#state;
    if (state.kind === 'closed') return false;
    this.#state = { kind: 'closed' };
    this.#deadlineTimer?.cancel();
    this.#deadlineTimer = undefined;
    if (state.kind === 'connected') state.connected.release(how);
    this.#options.onClosed(code);
    return true;
  }
}
