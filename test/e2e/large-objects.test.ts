import { readFileSync } from 'node:fs';
import { Agent, type IncomingMessage, request } from 'node:http';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/condition.ts';
import { startProgram } from '../support/program.ts';
import { type StampedOrigin, StampReader, startStampedOrigin } from '../support/stamped-origin.ts';

const mib = 1_048_576;

/** The largest resident size that the process has had. Linux only. */
function peakResidentBytes(pid: number | undefined): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1_024;
}

async function open(edgeUrl: string, length: number, range?: string): Promise<IncomingMessage> {
  const asked = request(`${edgeUrl}/${length}`, {
    agent: new Agent(),
    ...(range === undefined ? {} : { headers: { range } }),
  });
  asked.end();
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  return response;
}

/** An edge with a small cache in a process of its own, and a gauge of how much its memory has grown at most. */
async function startSmallEdge(originPort: number) {
  const program = await startProgram({
    configuration: {
      edge: { cache: { memory: '32MiB' }, origins: { main: { url: `http://127.0.0.1:${originPort}` } } },
    },
    flags: ['--role', 'edge'],
  });
  const atStart = peakResidentBytes(program.process.pid);
  return { ...program, grownBytes: () => peakResidentBytes(program.process.pid) - atStart };
}

/** Waits until the origin has sent nothing for a while. */
async function standsStill(origin: StampedOrigin): Promise<void> {
  let before = -1;
  await eventually('the origin sends nothing any more', async () => {
    const stands = origin.sentBytes() === before;
    before = origin.sentBytes();
    await new Promise((resolve) => setTimeout(resolve, 200));
    return stands && origin.sentBytes() === before;
  });
}

describe('an edge with a cache of 32 MiB', () => {
  it('passes an object of 2 GiB on, every byte in its place, in bounded memory', async () => {
    await using origin = await startStampedOrigin();
    const edge = await startSmallEdge(origin.port);
    try {
      const length = 2_048 * mib;
      const response = await open(edge.edgeUrl, length);
      const stamps = new StampReader(0);
      response.on('data', (bytes: Buffer) => stamps.read(bytes));
      await once(response, 'end');
      expect(stamps.offset).toBe(length);
      // The cache, what is on its way, and what the collector has not come to: a tenth of the object at most.
      expect(edge.grownBytes()).toBeLessThan(205 * mib);
      expect(origin.requests).toEqual(['whole']);
    } finally {
      await edge.stop();
    }
  });

  it('holds up the origin for a viewer who stands still', async () => {
    await using origin = await startStampedOrigin();
    const edge = await startSmallEdge(origin.port);
    try {
      const response = await open(edge.edgeUrl, 1_024 * mib);
      response.pause();
      await standsStill(origin);
      // The read-ahead, and what the sockets of the system hold.
      expect(origin.sentBytes()).toBeLessThan(64 * mib);
      response.destroy();
    } finally {
      await edge.stop();
    }
  });

  it('gives 200 viewers their places in an object of 50 GiB, in bounded memory, and leaves the origin alone when they have gone', async () => {
    await using origin = await startStampedOrigin();
    const edge = await startSmallEdge(origin.port);
    try {
      const length = 51_200 * mib;
      const viewers = await Promise.all(
        Array.from({ length: 200 }, async (_, i) => {
          const first = i * 256 * mib + i * 1_013;
          const response = await open(edge.edgeUrl, length, `bytes=${first}-`);
          expect(response.statusCode).toBe(206);
          const stamps = new StampReader(first);
          let received = 0;
          response.on('error', () => undefined);
          await new Promise<void>((resolve) => {
            response.on('data', (bytes: Buffer) => {
              stamps.read(bytes);
              received += bytes.length;
              if (received < 600_000) return;
              // It has seen some of its place, and reads no more, but stays.
              response.pause();
              resolve();
            });
          });
          return response;
        }),
      );
      expect(edge.grownBytes()).toBeLessThan(256 * mib);
      for (const viewer of viewers) viewer.destroy();
      await standsStill(origin);
    } finally {
      await edge.stop();
    }
  });
});
