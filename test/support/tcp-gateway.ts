import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';

/** A way to a server on this machine that can be counted and cut, as a cable is. */
export class TcpGateway {
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  readonly #greeting: Uint8Array;
  #targetPort: number;
  #open = true;
  /** Connections that came, those that were refused among them. */
  connections = 0;

  private constructor(targetPort: number, greeting: Uint8Array) {
    this.#targetPort = targetPort;
    this.#greeting = greeting;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  /** `greeting`: what each connection to the server begins with, such as the header of a proxy. */
  static async to(targetPort: number, greeting: Uint8Array = Buffer.alloc(0)): Promise<TcpGateway> {
    const gateway = new TcpGateway(targetPort, greeting);
    gateway.#server.listen(0, '127.0.0.1');
    await once(gateway.#server, 'listening');
    return gateway;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Breaks every connection off; further ones are broken off as well until it is mended. */
  cut(): void {
    this.#open = false;
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
  }

  mend(targetPort = this.#targetPort): void {
    this.#targetPort = targetPort;
    this.#open = true;
  }

  /** Reads nothing any more of what comes for the server: what is sent piles up at the sender. */
  stall(): void {
    for (const [near, far] of this.#pairs) {
      near.unpipe(far);
      near.pause();
    }
  }

  goOn(): void {
    for (const [near, far] of this.#pairs) near.pipe(far);
  }

  async close(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #accept(near: Socket): void {
    this.connections++;
    near.on('error', () => {});
    if (!this.#open) {
      near.destroy();
      return;
    }
    const far = connect({ host: '127.0.0.1', port: this.#targetPort, noDelay: true });
    const pair = [near, far] as const;
    this.#pairs.add(pair);
    far.on('error', () => {});
    near.setNoDelay(true);
    if (this.#greeting.length > 0) far.write(this.#greeting);
    near.pipe(far);
    far.pipe(near);
    const over = () => {
      this.#pairs.delete(pair);
      near.destroy();
      far.destroy();
    };
    near.on('close', over);
    far.on('close', over);
  }
}
