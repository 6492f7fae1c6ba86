import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import type { Clock, Timer } from '../base/clock.ts';
import { LimitError, ProtocolError, type StreamFrontError } from '../base/errors.ts';
import { codeOf } from '../base/thrown.ts';
import { connectionName, inheritRemoteEnd } from '../sockets/remote-end.ts';
import type { ServerTls } from '../sockets/server-tls.ts';

export type TlsVersion = 'TLSv1.2' | 'TLSv1.3';

export interface TlsAcceptorOptions {
  readonly tls: ServerTls;
  readonly maxVersion: TlsVersion;
  /** From the connection to the end of the TLS handshake. */
  readonly handshakeTimeoutMs: number;
  /** The group of the setting that says so, such as `origin.rtmp`. */
  readonly settingGroup: string;
  readonly clock: Clock;
  /** `acceptedMs` is when the connection came, on the monotonic clock. */
  readonly onSecure: (socket: TLSSocket, acceptedMs: number) => void;
  /** The handshake came to nothing; `error` is absent where the peer has just left. */
  readonly onFailed: (socket: Socket, error: StreamFrontError | undefined) => void;
}

interface Handshake {
  readonly socket: Socket;
  readonly acceptedMs: number;
  readonly timer: Timer;
  error: StreamFrontError | undefined;
}

/** The TLS part of a listener: takes connections as they come, gives those that have shaken hands, within a deadline. */
export class TlsAcceptor {
  readonly #options: TlsAcceptorOptions;
  readonly #server: Server;
  /** By `connectionName`. */
  readonly #handshakes = new Map<string, Handshake>();
  readonly #stopFollowing: () => void;

  constructor(options: TlsAcceptorOptions) {
    this.#options = options;
    const { tls, maxVersion } = options;
    // It does not listen itself: what comes is handed to it. The deadline is ours, by our clock.
    this.#server = createServer({
      ...tls.credentials,
      maxVersion,
      handshakeTimeout: 2 * options.handshakeTimeoutMs + 60_000,
    });
    this.#server.on('secureConnection', (socket) => this.#secured(socket));
    this.#server.on('tlsClientError', (error, socket) => this.#failed(error, socket));
    this.#stopFollowing = tls.onChange((credentials) => this.#server.setSecureContext({ ...credentials, maxVersion }));
  }

  /** Connections whose handshake is under way. */
  get size(): number {
    return this.#handshakes.size;
  }

  accept(socket: Socket): void {
    const { clock, handshakeTimeoutMs, settingGroup, onFailed } = this.#options;
    const name = connectionName(socket);
    const timer = clock.after(handshakeTimeoutMs, () => {
      handshake.error = new LimitError('RTMP_HANDSHAKE_TIMEOUT', 'milliseconds without the TLS handshake being whole', {
        limit: handshakeTimeoutMs,
        value: handshakeTimeoutMs,
        setting: `${settingGroup}.handshakeTimeout`,
      });
      socket.destroy();
    });
    const handshake: Handshake = { socket, acceptedMs: clock.monotonicMs(), timer, error: undefined };
    this.#handshakes.set(name, handshake);
    socket.once('close', () => {
      if (this.#handshakes.get(name) !== handshake) return;
      this.#handshakes.delete(name);
      timer.cancel();
      onFailed(socket, handshake.error);
    });
    this.#server.emit('connection', socket);
  }

  /** Ends the handshakes that are under way. */
  close(): void {
    this.#stopFollowing();
    for (const { socket } of this.#handshakes.values()) socket.destroy();
  }

  #secured(socket: TLSSocket): void {
    const name = connectionName(socket);
    const handshake = this.#handshakes.get(name);
    if (handshake === undefined) {
      socket.destroy();
      return;
    }
    this.#handshakes.delete(name);
    handshake.timer.cancel();
    inheritRemoteEnd(handshake.socket, socket);
    this.#options.onSecure(socket, handshake.acceptedMs);
  }

  #failed(error: Error, socket: TLSSocket): void {
    const handshake = this.#handshakes.get(connectionName(socket));
    if (handshake !== undefined) handshake.error ??= handshakeError(error);
    handshake?.socket.destroy();
  }
}

/**
 * What a peer said that ended the connection because it did not like the certificate; `undefined` for other errors.
 * With TLS 1.3 that comes when the handshake is done for the server.
 */
export function certificateRefused(error: Error): ProtocolError | undefined {
  const alert = /^ERR_SSL_.*ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_\w+|UNSUPPORTED_CERTIFICATE)$/.exec(
    codeOf(error) ?? '',
  );
  if (alert?.[1] === undefined) return undefined;
  const reason = alert[1].toLowerCase().replaceAll('_', ' ');
  return new ProtocolError('RTMPS_CERTIFICATE_REFUSED', `the peer does not accept the certificate (${reason})`, {
    cause: error,
  });
}

/** `undefined` for a peer that has gone. */
function handshakeError(error: Error): ProtocolError | undefined {
  const code = codeOf(error);
  if (code === 'ECONNRESET' || code === 'EPIPE') return undefined;
  const refused = certificateRefused(error);
  if (refused !== undefined) return refused;
  const reason =
    code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG'
      ? 'what came is no TLS: rtmp:// was perhaps meant for this port, which takes rtmps://'
      : code === 'ERR_SSL_HTTP_REQUEST'
        ? 'an HTTP request on a port for rtmps://'
        : `the TLS handshake failed (${code ?? 'no code'})`;
  return new ProtocolError('RTMPS_HANDSHAKE', reason, { cause: error });
}
