import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/cli/system-clock.ts';
import { type Edge, startEdge } from '../../src/edge/edge.ts';
import { OriginFetch } from '../../src/edge/origin-fetch.ts';
import { RelayedPublication } from '../../src/edge/relayed-publication.ts';
import { RelayedStream } from '../../src/edge/relayed-stream.ts';
import { edgeSchema } from '../../src/edge/settings.ts';
import { QuickConnection } from '../../src/http/quick-connection.ts';
import { FlvSession } from '../../src/live/flv-session.ts';
import { LiveStream } from '../../src/live/live-stream.ts';
import { PlayerFeed } from '../../src/live/player-feed.ts';
import { StreamFanOut } from '../../src/live/stream-fan-out.ts';
import { StreamPublishers } from '../../src/live/stream-publishers.ts';
import { WireOutlet } from '../../src/live/wire-outlet.ts';
import { type Origin, startOrigin } from '../../src/origin/origin.ts';
import { Packager } from '../../src/origin/packager.ts';
import { Rendition } from '../../src/origin/rendition.ts';
import { originSchema } from '../../src/origin/settings.ts';
import { StreamKeeper } from '../../src/origin/stream-keeper.ts';
import { ClientConnection } from '../../src/rtmp/client-connection.ts';
import { ServerSession } from '../../src/rtmp/server-session.ts';
import { ChangeWaiters } from '../../src/stores/change-waiters.ts';
import { StreamFiles } from '../../src/stores/kept/stream-files.ts';
import { SegmentWindow } from '../../src/stores/segment-window.ts';
import { RawConnection } from '../rtmp/raw-connection.ts';
import { audioUnit, videoUnit } from '../rtmp/sample-media.ts';
import { eventually } from '../support/condition.ts';
import { liveObjects, ObjectsOf } from '../support/live-objects.ts';
import { LogRecorder } from '../support/log-recorder.ts';
import { get } from './test-edge.ts';

const ofStreams = [LiveStream, StreamPublishers, StreamFanOut, WireOutlet, Packager, Rendition, SegmentWindow];
const ofKeeping = [ChangeWaiters, StreamKeeper, StreamFiles];
const ofRelays = [RelayedStream, RelayedPublication, ClientConnection, OriginFetch];
const ofConnections = [ServerSession, PlayerFeed, FlvSession];
const objects = new ObjectsOf([...ofStreams, ...ofKeeping, ...ofRelays, ...ofConnections]);

/** Those that the edge keeps open to the origin for a while; more than four hundred have come and gone by then. */
const mostIdleConnections = 10;

const folder = mkdtempSync(join(tmpdir(), 'streamfront-gone-'));
let origin: Origin;
let edge: Edge;
const log = new LogRecorder();

beforeAll(async () => {
  const settings = originSchema.parse({
    http: { port: 0 },
    rtmp: { port: 0 },
    live: { segment: '1s', reconnectGrace: '0s' },
  });
  const live = { ...settings.live, windowMs: 1_000 };
  const deps = { clock: systemClock, log, siteDirectory: undefined, dataFolder: folder };
  origin = await startOrigin({ ...settings, live }, deps);
  mkdirSync(join(folder, 'edge'));
  const main = { url: `http://127.0.0.1:${origin.httpPort}`, rtmp: `rtmp://127.0.0.1:${origin.rtmpPort}` };
  edge = await startEdge(
    edgeSchema.parse({
      http: { port: 0 },
      rtmp: { port: 0 },
      origins: { main },
      streaming: [{ name: 'live', behaviours: [{ idleGrace: '0s' }] }],
    }),
    { clock: systemClock, log, dataFolder: join(folder, 'edge') },
  );
});

afterAll(async () => {
  await edge.close();
  await origin.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Several at a time. */
async function each(count: number, what: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await what(next++);
  };
  await Promise.all(Array.from({ length: 10 }, worker));
}

/** Five seconds of media at once. */
async function publish(port: number, name: string): Promise<RawConnection> {
  const encoder = await RawConnection.at('publishing', port, name);
  encoder.sendHeaders();
  for (let number = 0; number < 125; number++) {
    encoder.sendUnit(videoUnit(number));
    encoder.sendUnit(audioUnit(number));
  }
  await encoder.isAnswered(1);
  return encoder;
}

async function play(port: number, name: string): Promise<RawConnection> {
  const player = await RawConnection.at('streaming', port);
  player.sendCommand('play', 5, null, [name, -1], 1);
  return player;
}

/** Asks, and leaves before there is an answer, or as it begins. */
function leaveWaiting(port: number, path: string): void {
  const socket = connect({ host: '127.0.0.1', port });
  socket.on('error', () => {});
  socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
  setTimeout(() => socket.resetAndDestroy(), 40);
}

describe('origin and edge', () => {
  it('keep nothing of streams, publishers and viewers that have come and gone', async () => {
    const statuses = new Map<number, number>();
    let most = 0;
    await each(60, async (index) => {
      const name = `gone-${index}`;
      const port = index % 2 === 0 ? edge.rtmpPort : origin.rtmpPort;
      const encoder = await publish(port, name);
      const players = await Promise.all([play(edge.rtmpPort, name), play(origin.rtmpPort, name)]);
      if (index === 20) most = objects.count;
      await eventually('both play', () => players.every(({ messages }) => messages.length > 10));
      const playlist = `/live/${name}/video.m3u8`;
      for (const path of [`/live/${name}/index.m3u8`, playlist, `/live/${name}/ts.m3u8`, `/live/${name}/none.m3u8`]) {
        const { status } = await get(edge.httpPort, path);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
      for (const httpPort of [edge.httpPort, origin.httpPort]) {
        leaveWaiting(httpPort, `${playlist}?_HLS_msn=6`);
        leaveWaiting(httpPort, `/live/${name}.flv`);
      }
      await new Promise((resolve) => setTimeout(resolve, 60));
      for (const connection of index % 3 === 0 ? players : [encoder, ...players]) connection.reset();
      encoder.end();
    });
    expect(statuses).toEqual(
      new Map([
        [200, 180],
        [404, 60],
      ]),
    );
    // It sees them while they are there.
    expect(most).toBeGreaterThan(50);
    await objects.untilGone();
    expect(liveObjects(QuickConnection)).toBeLessThanOrEqual(mostIdleConnections);
    expect(readdirSync(join(folder, 'live'))).toEqual([]);
  });

  it('keep nothing of the lives of one stream, nor of players who found none or left at once', async () => {
    await each(100, async (index) => {
      const port = index % 2 === 0 ? edge.rtmpPort : origin.rtmpPort;
      const player = await play(port, 'none');
      await new Promise((resolve) => setTimeout(resolve, 5));
      player.reset();
    });
    for (let life = 0; life < 20; life++) {
      const encoder = await publish(origin.rtmpPort, 'same');
      encoder.end();
      await eventually('it is over', () => origin.directory.get('live/same') === undefined);
    }
    await objects.untilGone();
  });
});
