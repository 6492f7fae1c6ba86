import { createServer, type Server, type Socket } from 'node:net';
import { CloseBudget } from '../base/close-budget.ts';
import type { Clock } from '../base/clock.ts';
import type { StreamFrontError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { RefusalLog } from '../live/refusal-log.ts';
import { type ClientCertificate, clientCertificateOf } from '../sockets/client-certificate.ts';
import { readShared } from '../sockets/shared-reading.ts';
import { SocketWriter } from '../sockets/socket-writer.ts';
import { listenAt } from '../sockets/listening.ts';
import { receiveProxyHeader, type TrustedProxies } from '../sockets/proxy-reception.ts';
import { directAddress, proxiedAddress, remoteEndOf } from '../sockets/remote-end.ts';
import type { ServerTls } from '../sockets/server-tls.ts';
import type { ExamineConnect } from './connect-command.ts';
import type { PlayService } from './connected-context.ts';
import type { PublishGate } from './publish-gate.ts';
import { ReadGathering } from './read-gathering.ts';
import { ServerSession } from './server-session.ts';
import type { SessionLimits } from './session-limits.ts';
import type { SessionTransport } from './session-output.ts';
import { certificateRefused, TlsAcceptor, type TlsVersion } from './tls-acceptor.ts';

export interface RtmpServerOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Further connections are closed at once. */
  readonly maxConnections: number;
  /** Asked for each connection, by its address: whether it may stay; what it returns is called when it has gone. */
  readonly admitConnection?: (address: string) => (() => void) | undefined;
  /** For a listener that takes RTMP over TLS (`rtmps://`); without it, plain RTMP. */
  readonly tls?: ServerTls | undefined;
  /** TLS 1.3 if left out. */
  readonly maxTlsVersion?: TlsVersion;
  /** Who may come for others; if left out, nobody. */
  readonly proxies?: TrustedProxies | undefined;
  readonly limits: SessionLimits;
  readonly gate: PublishGate;
  /** Refuses players if left out. */
  readonly play?: PlayService | undefined;
  /** Asked at `connect`. Every application may be connected to if left out. */
  readonly examineConnect?: ExamineConnect;
  /** Where clients that can are sent when the server closes: `rtmp://HOST:PORT`; if left out, to where they came. */
  readonly reconnectUrl?: string | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

export interface RtmpServerStats {
  /** Connections now. */
  readonly connections: number;
  /** Connections taken since the start. */
  readonly accepted: number;
  /** Connections that ended, by why: `PEER_LEFT`, `SERVER_CLOSING` or the code of an error. */
  readonly closed: Readonly<Record<string, number>>;
}

/** How long a connection that was told why it ends has to read it. */
const lingerMs = 1_000;

/** How long a client that was asked to reconnect has to do so, before its connection ends. */
const reconnectMs = 750;

/** A peer that vanished without a word is noticed after this long without traffic, in states that wait for long. */
const keepAliveMs = 30_000;

/** Listens for RTMP connections and runs a session on each. */
export class RtmpServer {
  readonly #options: RtmpServerOptions;
  readonly #server: Server;
  /** Of which it is not yet known whose they are. */
  readonly #unnamed = new Set<Socket>();
  readonly #sessions = new Map<Socket, ServerSession>();
  readonly #closed = new Map<string, number>();
  readonly #tls: TlsAcceptor | undefined;
  #accepted = 0;
  readonly #refusals: RefusalLog;

  private constructor(options: RtmpServerOptions) {
    this.#options = options;
    this.#refusals = new RefusalLog(options);
    this.#server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: keepAliveMs }, (socket) =>
      this.#accept(socket),
    );
    const { tls, maxTlsVersion = 'TLSv1.3', limits, clock } = options;
    if (tls === undefined) return;
    this.#tls = new TlsAcceptor({
      tls,
      maxVersion: maxTlsVersion,
      handshakeTimeoutMs: limits.handshakeTimeoutMs,
      settingGroup: limits.settingGroup,
      clock,
      onSecure: (socket, acceptedMs) => this.#begin(socket, acceptedMs),
      onFailed: (socket, error) => this.#tlsFailed(socket, error),
    });
  }

  /** Resolves when it listens. Rejects with the system's error if it cannot: `EADDRINUSE`, `EACCES`. */
  static async listen(options: RtmpServerOptions): Promise<RtmpServer> {
    const rtmpServer = new RtmpServer(options);
    const server = rtmpServer.#server;
    await listenAt(server, options);
    // Such as EMFILE while accepting: the next connection may fare better.
    server.on('error', (error) => options.log.error({ err: error }, 'The RTMP listener had an error'));
    return rtmpServer;
  }

  get host(): string {
    return this.#options.host;
  }

  /** The port that it listens on. */
  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : this.#options.port;
  }

  stats(): RtmpServerStats {
    return {
      connections: this.#size(),
      accepted: this.#accepted,
      closed: Object.fromEntries(this.#closed),
    };
  }

  /**
   * Takes no more connections, ends those that are there, and resolves when all are gone. Who was asked to reconnect
   * has `reconnectMs` to leave by itself; all are gone after `lingerMs` more, or when `budget` is used up.
   */
  async close(budget: CloseBudget = CloseBudget.of(this.#options.clock)): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    this.#tls?.close();
    for (const socket of this.#unnamed) socket.destroy();
    const { reconnectUrl, clock } = this.#options;
    const asked = new Set<ServerSession>();
    for (const session of this.#sessions.values()) {
      if (session.requestReconnect(reconnectUrl)) asked.add(session);
      else session.close();
    }
    const endAsked = () => {
      for (const session of asked) session.close();
    };
    // Whoever stays shall have read the goodbye.
    const timer = clock.after(Math.min(reconnectMs, budget.graceMs(Infinity) / 2), endAsked);
    const cutOff = clock.after(budget.graceMs(reconnectMs + lingerMs), () => {
      for (const socket of this.#sessions.keys()) socket.destroy();
    });
    await closed;
    timer.cancel();
    cutOff.cancel();
  }

  #accept(socket: Socket): void {
    // Before anything else: an error without a listener would end the process.
    socket.on('error', () => {});
    const { remoteAddress: address, remotePort: port } = socket;
    // It was gone before we got to it.
    if (address === undefined || port === undefined) {
      socket.destroy();
      return;
    }
    if (this.#size() >= this.#options.maxConnections) {
      this.#refuse(socket, address);
      return;
    }
    const { clock, limits, proxies } = this.#options;
    if (!this.#mayStay(socket, directAddress(socket, proxies))) return;
    this.#accepted++;
    const acceptedMs = clock.monotonicMs();
    if (proxies?.proxyProtocol !== true) {
      this.#take(socket, acceptedMs);
      return;
    }
    this.#unnamed.add(socket);
    const reception = {
      trusted: proxies.trusted,
      deadlineMs: limits.handshakeTimeoutMs,
      after: (ms: number, action: () => void) => clock.after(ms, action),
    };
    receiveProxyHeader(socket, reception, (outcome) => {
      this.#unnamed.delete(socket);
      if (outcome.kind === 'ready') {
        if (this.#mayStay(socket, proxiedAddress(socket, proxies))) this.#take(socket, acceptedMs);
        return;
      }
      this.#count(outcome.kind === 'refused' ? outcome.code : 'PEER_LEFT');
      if (outcome.kind === 'refused') proxies.onRefused(outcome);
    });
  }

  /** `address`: `undefined` for a connection that is not counted by it. */
  #mayStay(socket: Socket, address: string | undefined): boolean {
    const { admitConnection } = this.#options;
    if (admitConnection === undefined || address === undefined) return true;
    const left = admitConnection(address);
    if (left === undefined) {
      socket.destroy();
      this.#count('RTMP_TOO_MANY_OF_ADDRESS');
      return false;
    }
    socket.once('close', left);
    return true;
  }

  #take(socket: Socket, acceptedMs: number): void {
    if (this.#tls === undefined) this.#begin(socket, acceptedMs);
    else this.#tls.accept(socket);
  }

  /** Connections now, those of which nothing but the beginning has come among them. */
  #size(): number {
    return this.#sessions.size + this.#unnamed.size + (this.#tls?.size ?? 0);
  }

  /** `acceptedMs` is when the connection came: the handshake of TLS counts into the deadline of the one of RTMP. */
  #begin(socket: Socket, acceptedMs: number): void {
    socket.on('error', (error) => {
      const refused = this.#tls === undefined ? undefined : certificateRefused(error);
      if (refused !== undefined) this.#logTlsError(socket, refused);
    });
    const { address, port } = remoteEndOf(socket);
    if (address === undefined || port === undefined) {
      socket.destroy();
      this.#count('PEER_LEFT');
      return;
    }
    const { gate, play, examineConnect, limits, clock, log } = this.#options;
    const session = new ServerSession({
      transport: new SocketTransport(socket, address, port, clock),
      gate,
      play,
      examineConnect,
      limits,
      clock,
      acceptedMs,
      log: log.child({ peer: peerName(address, port) }),
      onClosed: (code) => this.#count(code),
    });
    this.#sessions.set(socket, session);
    const gathering: ReadGathering = new ReadGathering(
      socket,
      clock,
      (...asked) => session.leaveUnreadMs(...asked),
      () => reading?.readPresent(),
    );
    const receive = (bytes: Buffer) => {
      session.receive(bytes);
      gathering.received(bytes.length);
    };
    const reading = readShared(socket, (bytes, length) => receive(bytes.subarray(0, length)));
    if (reading === undefined) socket.on('data', receive);
    // The peer has said all it will say; a publisher that does so has left.
    socket.on('end', () => {
      session.transportClosed();
      socket.end();
    });
    socket.on('close', () => {
      session.transportClosed();
      this.#sessions.delete(socket);
    });
  }

  #tlsFailed(socket: Socket, error: StreamFrontError | undefined): void {
    this.#count(error?.code ?? 'PEER_LEFT');
    if (error !== undefined) this.#logTlsError(socket, error);
  }

  #logTlsError(socket: Socket, error: StreamFrontError): void {
    const { address, port } = remoteEndOf(socket);
    const peer = address === undefined ? {} : { peer: peerName(address, port ?? 0) };
    this.#options.log.warn({ code: error.code, ...peer }, error.message);
  }

  #refuse(socket: Socket, address: string): void {
    socket.destroy();
    const code = 'RTMP_TOO_MANY_CONNECTIONS';
    this.#count(code);
    const { maxConnections, limits } = this.#options;
    this.#refusals.warn(
      code,
      { peer: address },
      `${code}: ${maxConnections} connections at once are there already (setting ${limits.settingGroup}.maxConnections)`,
    );
  }

  #count(code: string): void {
    this.#closed.set(code, (this.#closed.get(code) ?? 0) + 1);
  }
}

/** `192.0.2.1:1024`, `[2001:db8::1]:1024`; IPv4 over an IPv6 listener as IPv4. */
export function peerName(address: string, port: number): string {
  const plain = address.replace(/^::ffff:(?=\d)/, '');
  return plain.includes(':') ? `[${plain}]:${port}` : `${plain}:${port}`;
}

class SocketTransport extends SocketWriter implements SessionTransport {
  readonly peerAddress: string;
  readonly peerPort: number;
  readonly #socket: Socket;
  readonly #clock: Clock;

  constructor(socket: Socket, peerAddress: string, peerPort: number, clock: Clock) {
    super(socket);
    this.#socket = socket;
    this.peerAddress = peerAddress;
    this.peerPort = peerPort;
    this.#clock = clock;
  }

  get clientCertificate(): ClientCertificate {
    return clientCertificateOf(this.#socket);
  }

  end(): void {
    const socket = this.#socket;
    this.stop();
    if (socket.destroyed) return;
    socket.end();
    // What still comes is read and thrown away meanwhile: unread bytes would make a reset of the goodbye.
    const timer = this.#clock.after(lingerMs, () => socket.destroy());
    socket.once('close', () => timer.cancel());
  }

  destroy(): void {
    this.stop();
    this.#socket.destroy();
  }
}
