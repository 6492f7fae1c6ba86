import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchRow } from './report.ts';
import { startStreamFrontEdge } from './streamfront-edge.ts';

/** 1 MB/s. */
const pieceBytes = 10_000;
const pieceMs = 10;
/** Viewers leave when they have seen that the body goes on. */
const seenBytes = 100_000;
const targetMs = 20;
const joinMs = 700;

const objects = [
  { name: 'kept whole', lengthBytes: 1_000_000 },
  { name: 'in slices', lengthBytes: 50_000_000 },
];

/**
 * How soon viewers get the first byte of what the origin has only begun to send, at 1 MB/s: from the origin's first byte to
 * each viewer's, for one and for 500 who wait together. Origin and viewers share a process, and so a clock.
 */
export async function fillingRows(folder: string, rounds: number): Promise<BenchRow[]> {
  await using origin = await startThrottledOrigin();
  await using edge = await startStreamFrontEdge(folder, origin.port);
  const rows: BenchRow[] = [];
  let mostRequests = 0;
  let round = 0;
  for (const { name, lengthBytes } of objects) {
    for (const viewers of [1, 500]) {
      const lastMs: number[] = [];
      for (let i = 0; i < rounds; i++) {
        const result = await fillOnce(origin, edge.port, `/${lengthBytes}/${round++}`, viewers);
        lastMs.push(result.lastMs);
        mostRequests = Math.max(mostRequests, result.originRequests);
      }
      rows.push({
        name: `first byte while filling, ${name}, ${viewers === 1 ? '1 viewer' : `last of ${viewers} viewers`}`,
        value: lastMs.sort((a, b) => a - b)[Math.floor(lastMs.length / 2)] ?? null,
        peer: null,
        unit: 'ms',
        better: 'lower',
        target: { of: 'value', bound: targetMs },
        notes: [],
      });
    }
  }
  rows.push({
    name: 'origin requests for what is filling, at most',
    value: mostRequests,
    peer: null,
    unit: 'requests',
    better: 'lower',
    target: { of: 'value', bound: 1 },
    notes: [],
  });
  return rows;
}

interface ThrottledOrigin extends AsyncDisposable {
  readonly port: number;
  /** Those that wait for their first byte. */
  readonly held: ServerResponse[];
  /** Sends the first bytes of all; the rest follows at 1 MB/s. Gives the time of the first. */
  release(): number;
}

async function startThrottledOrigin(): Promise<ThrottledOrigin> {
  const held: ServerResponse[] = [];
  const piece = Buffer.alloc(pieceBytes, 'filling ');
  const server = createServer((request, response) => {
    response.setHeader('content-length', request.url?.split('/')[1] ?? '0');
    response.setHeader('cache-control', 'public, max-age=3600');
    response.setHeader('etag', `"${request.url}"`);
    held.push(response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const send = (response: ServerResponse): void => {
    let sent = 0;
    const length = Number(response.getHeader('content-length'));
    const next = (): void => {
      sent += pieceBytes;
      if (sent >= length) {
        clearInterval(timer);
        response.end(piece);
      } else {
        response.write(piece);
      }
    };
    const timer = setInterval(next, pieceMs);
    response.once('close', () => clearInterval(timer));
    next();
  };
  return {
    port: (server.address() as AddressInfo).port,
    held,
    release() {
      const atMs = performance.now();
      for (const response of held) send(response);
      return atMs;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function fillOnce(origin: ThrottledOrigin, port: number, path: string, viewers: number) {
  origin.held.length = 0;
  const sockets = await Promise.all(Array.from({ length: viewers }, () => openConnection(port)));
  const seen = sockets.map((socket) => firstBodyByte(socket));
  for (const socket of sockets) socket.write(`GET ${path} HTTP/1.1\r\nHost: bench\r\n\r\n`);
  const deadlineMs = performance.now() + 10_000;
  while (origin.held.length === 0) {
    if (performance.now() > deadlineMs) throw new Error('the edge does not ask the origin');
    await sleep(20);
  }
  // Until all of them wait: nobody outside can see that.
  await sleep(joinMs);
  const firstMs = origin.release();
  const times = await Promise.all(seen);
  for (const socket of sockets) socket.destroy();
  return { lastMs: Math.max(...times) - firstMs, originRequests: origin.held.length };
}

async function openConnection(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  return socket;
}

/** When the first byte of the body was there; resolves when more has come. */
function firstBodyByte(socket: Socket): Promise<number> {
  return new Promise((resolve, reject) => {
    let head = '';
    let bodyBytes = 0;
    let atMs = 0;
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`the edge closed the connection after ${bodyBytes} bytes: ${head}`)));
    socket.on('data', (bytes) => {
      if (atMs > 0) {
        bodyBytes += bytes.length;
      } else {
        head += bytes.toString('latin1');
        const end = head.indexOf('\r\n\r\n');
        if (end === -1 || head.length === end + 4) return;
        atMs = performance.now();
        bodyBytes = head.length - end - 4;
        if (!head.startsWith('HTTP/1.1 200')) reject(new Error(head.slice(0, 100)));
        head = '';
      }
      if (bodyBytes >= seenBytes) resolve(atMs);
    });
  });
}
