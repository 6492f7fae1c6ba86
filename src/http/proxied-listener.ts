import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { receiveProxyHeader, type TrustedProxies } from '../sockets/proxy-reception.ts';
import { connectionName, inheritRemoteEnd } from '../sockets/remote-end.ts';
import { trustForwarded } from './viewer-address.ts';

/** Connections of a listener of which it is not yet known whose they are. */
export interface ProxiedConnections {
  destroyWaiting(): void;
}

/**
 * Puts itself in front of everything that a server does with new connections: all of it sees them as those of whom
 * trusted proxies make them for.
 */
export function takeProxied(
  server: Server,
  proxies: TrustedProxies,
  { deadlineMs, secure }: { readonly deadlineMs: number; readonly secure: boolean },
): ProxiedConnections {
  const { trusted, proxyProtocol, onRefused } = proxies;
  const taking = server.listeners('connection') as ((socket: Socket) => void)[];
  const waiting = new Set<Socket>();
  const take = (socket: Socket): void => {
    if (!secure) trustForwarded(socket, trusted);
    for (const listener of taking) listener.call(server, socket);
  };
  server.removeAllListeners('connection');
  server.on('connection', (socket: Socket) => {
    if (!proxyProtocol) return take(socket);
    waiting.add(socket);
    receiveProxyHeader(socket, { trusted, deadlineMs, after }, (outcome) => {
      waiting.delete(socket);
      if (outcome.kind === 'ready') take(socket);
      else if (outcome.kind === 'refused') onRefused(outcome);
    });
  });
  if (secure) followThroughTls(server, (socket) => trustForwarded(socket, trusted));
  return {
    destroyWaiting: () => {
      for (const socket of waiting) socket.destroy();
    },
  };
}

/** `onSecure` is called before anybody else sees the connection. */
function followThroughTls(server: Server, onSecure: (socket: Socket) => void): void {
  const below = new Map<string, Socket>();
  server.prependListener('connection', (socket: Socket) => {
    const name = connectionName(socket);
    below.set(name, socket);
    socket.once('close', () => {
      if (below.get(name) === socket) below.delete(name);
    });
  });
  server.prependListener('secureConnection', (socket: Socket) => {
    const raw = below.get(connectionName(socket));
    if (raw !== undefined) inheritRemoteEnd(raw, socket);
    onSecure(socket);
  });
}

function after(ms: number, action: () => void): { cancel(): void } {
  const timer = setTimeout(action, ms);
  return { cancel: () => clearTimeout(timer) };
}
