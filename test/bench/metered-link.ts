import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';

/** How often a link that is narrowed lets something through. */
const intervalMs = 10;

/** The way from an edge to its origin: what comes from there is counted, and can be held to a rate. */
export class MeteredLink implements AsyncDisposable {
  readonly #server = createServer((near) => this.#accept(near));
  readonly #ways = new Set<{ readonly near: Socket; readonly far: Socket }>();
  readonly #targetPort: number;
  #bytesPerSecond: number | undefined;
  #budgetBytes = 0;
  #filledMs = 0;
  #timer: NodeJS.Timeout | undefined;
  /** From the origin, heads of answers included. */
  bytes = 0;

  private constructor(targetPort: number) {
    this.#targetPort = targetPort;
  }

  static async to(targetPort: number): Promise<MeteredLink> {
    const link = new MeteredLink(targetPort);
    link.#server.listen(0, '127.0.0.1');
    await once(link.#server, 'listening');
    return link;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** For all connections together, which get equal shares of it; `undefined`: as fast as it goes. */
  narrow(bytesPerSecond: number | undefined): void {
    this.#bytesPerSecond = bytesPerSecond;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#filledMs = performance.now();
    this.#budgetBytes = 0;
    for (const { far } of this.#ways) {
      if (bytesPerSecond === undefined) far.resume();
      else far.pause();
    }
    if (bytesPerSecond !== undefined) this.#timer = setInterval(() => this.#letThrough(), intervalMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    for (const { near, far } of this.#ways) {
      near.destroy();
      far.destroy();
    }
    this.#server.close();
    await once(this.#server, 'close');
  }

  #accept(near: Socket): void {
    const far = connect({ host: '127.0.0.1', port: this.#targetPort, noDelay: true });
    const way = { near, far };
    this.#ways.add(way);
    near.setNoDelay(true);
    near.pipe(far);
    far.on('data', (bytes: Buffer) => this.#pass(near, far, bytes));
    if (this.#bytesPerSecond !== undefined) far.pause();
    far.on('end', () => near.end());
    for (const socket of [near, far]) {
      socket.on('error', () => {});
      socket.on('close', () => {
        this.#ways.delete(way);
        near.destroy();
        far.destroy();
      });
    }
  }

  #pass(near: Socket, far: Socket, bytes: Buffer): void {
    this.bytes += bytes.length;
    const taken = near.write(bytes);
    if (this.#bytesPerSecond !== undefined) {
      // Until it is its turn again: what has come is over the budget perhaps, and is paid for then.
      this.#budgetBytes -= bytes.length;
      far.pause();
    } else if (!taken) {
      far.pause();
      near.once('drain', () => {
        if (this.#bytesPerSecond === undefined) far.resume();
      });
    }
  }

  #letThrough(): void {
    const nowMs = performance.now();
    const rate = this.#bytesPerSecond ?? 0;
    this.#budgetBytes = Math.min(
      this.#budgetBytes + ((nowMs - this.#filledMs) * rate) / 1_000,
      (rate * intervalMs * 4) / 1_000,
    );
    this.#filledMs = nowMs;
    if (this.#budgetBytes <= 0) return;
    // One piece of at most 64 KiB for whoever has waited longest.
    for (const way of this.#ways) {
      if (way.near.writableLength > 0 || way.far.readableFlowing === true) continue;
      this.#ways.delete(way);
      this.#ways.add(way);
      way.far.resume();
      return;
    }
  }
}
