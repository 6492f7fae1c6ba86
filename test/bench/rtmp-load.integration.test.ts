import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Clip, makeClip } from './rtmp-clip.ts';
import { buildRtmpLoadGenerator, leaveHandshakesOpen, type PlayLoad, playUnderLoad } from './rtmp-load.ts';
import { type RtmpServerProcess, startNginxRtmp, startNodeMediaServer } from './rtmp-servers.ts';
import type { ServerProcess } from './server-process.ts';

let generator: string;
let clip: Clip;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'streamfront-rtmp-load-'));
  generator = await buildRtmpLoadGenerator();
  clip = await makeClip(2);
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const loadOf = (server: RtmpServerProcess, change: Partial<PlayLoad>): PlayLoad => ({
  servers: [server.process],
  publishPort: server.rtmpPort,
  playPort: server.rtmpPort,
  protocol: 'rtmp',
  clip,
  stream: 'test',
  players: [4, 8],
  joinsPerSecond: 100,
  settleSeconds: 1.2,
  measureSeconds: [0.5, 1],
  probes: 4,
  ...change,
});

describe('playUnderLoad', () => {
  it('follows a stream of nginx-rtmp with two numbers of players, and sees every frame', async () => {
    await using nginx = await startNginxRtmp(join(folder, 'nginx'));
    const { stages, firstFrame } = await playUnderLoad(generator, loadOf(nginx, {}));
    expect(stages.map(({ players }) => players)).toEqual([4, 8]);
    const last = stages[1];
    // Thirty frames a second for each of four probes, for a second.
    expect(last?.frames).toBeGreaterThan(100);
    expect(last?.frames).toBeLessThan(140);
    expect(last).toMatchObject({ lostFrames: 0, unknownFrames: 0, closedPlayers: 0 });
    expect(last?.leastBytesPerSecond).toBeGreaterThan(clip.bytesPerSecond * 0.8);
    expect(last?.medianBytesPerSecond).toBeLessThan(clip.bytesPerSecond * 1.3);
    expect(last?.serverCpuSeconds).toBeGreaterThan(0);
    expect(last?.serverRssBytes).toBeGreaterThan(1_000_000);
    expect(last?.latencyMs.leastMedian).toBeGreaterThan(0);
    expect(last?.latencyMs.median).toBeGreaterThanOrEqual(last?.latencyMs.leastMedian ?? Number.NaN);
    expect(firstFrame).toMatchObject({ players: 4, missing: 0 });
  });

  it('follows a stream of node-media-server over HTTP-FLV', async () => {
    await using nodeMediaServer = await startNodeMediaServer(join(folder, 'node-media-server'));
    const load = { protocol: 'http-flv', playPort: nodeMediaServer.httpPort ?? 0, players: [4] } as const;
    const { stages } = await playUnderLoad(generator, loadOf(nodeMediaServer, load));
    expect(stages[0]).toMatchObject({ lostFrames: 0, unknownFrames: 0, closedPlayers: 0 });
    expect(stages[0]?.frames).toBeGreaterThan(40);
  });

  it('fails with the reason when there is no such stream', async () => {
    await using nodeMediaServer = await startNodeMediaServer(join(folder, 'elsewhere'));
    // It takes the publisher of live/test, and knows no page of that name, with no .flv in its path.
    const load = { protocol: 'http-flv', playPort: nodeMediaServer.httpPort ?? 0, stream: 'test?without=an' } as const;
    await expect(playUnderLoad(generator, loadOf(nodeMediaServer, load))).rejects.toThrow('not a 200 for HTTP-FLV');
  });
});

describe('leaveHandshakesOpen', () => {
  async function serve(onConnection: (socket: Socket) => void) {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      onConnection(socket);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const itself: ServerProcess = { pid: process.pid, port, async [Symbol.asyncDispose]() {} };
    return {
      port,
      process: itself,
      async [Symbol.asyncDispose]() {
        server.close();
        await once(server, 'close');
      },
    };
  }
  const load = { connections: 20, joinsPerSecond: 1_000, seconds: 1 };

  it('sends half of C0 and C1, and times how each is closed', async () => {
    const bytes: number[] = [];
    await using server = await serve((socket) => {
      socket.on('data', (data) => bytes.push(data.length));
      setTimeout(() => socket.destroy(), 300);
    });
    const report = await leaveHandshakesOpen(generator, server.process, { ...load, port: server.port });
    expect(report).toMatchObject({ connections: 20, openAtOnce: 20, closed: 20 });
    expect(report.firstClosedAfterSeconds).toBeGreaterThan(0.25);
    expect(report.lastClosedAfterSeconds).toBeLessThan(0.9);
    expect(bytes).toEqual(Array.from({ length: 20 }, () => 768));
  });

  it('counts those that a server forgets', async () => {
    let seen = 0;
    await using server = await serve((socket) => {
      seen += 1;
      if (seen > 5) setTimeout(() => socket.destroy(), 100);
      else socket.resume().once('end', () => socket.end());
    });
    const report = await leaveHandshakesOpen(generator, server.process, { ...load, port: server.port, seconds: 0.6 });
    expect(report.closed).toBe(15);
  });
});
