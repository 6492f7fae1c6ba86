import { connect, createServer, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';

/** A TCP proxy that can fall silent: neither bytes nor the end of a connection pass any more, as behind a dead router. */
export interface StallingProxy {
  readonly port: number;
  /** Of all connections that there are now. */
  stall(): void;
  close(): Promise<void>;
}

export async function startStallingProxy(targetPort: number): Promise<StallingProxy> {
  const sockets = new Set<Socket>();
  const stalled = new Set<Socket>();
  const follow = (from: Socket, to: Socket) => {
    sockets.add(from);
    from.on('error', () => {});
    from.on('data', (bytes: Buffer) => {
      if (!stalled.has(from)) to.write(bytes);
    });
    from.on('end', () => {
      if (!stalled.has(from)) to.end();
    });
    from.on('close', () => {
      sockets.delete(from);
      if (!stalled.has(from)) to.destroy();
    });
  };
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ host: '127.0.0.1', port: targetPort, allowHalfOpen: true, noDelay: true });
    follow(near, far);
    follow(far, near);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    stall: () => {
      for (const socket of sockets) {
        stalled.add(socket);
        socket.pause();
      }
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
