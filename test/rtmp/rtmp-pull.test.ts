import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/cli/system-clock.ts';
import type { AccessUnit } from '../../src/formats/media/access-unit.ts';
import type { TrackConfig } from '../../src/formats/media/track.ts';
import { RtmpPull, StreamOver } from '../../src/rtmp/rtmp-pull.ts';
import { parseRtmpUrl } from '../../src/rtmp/rtmp-url.ts';
import { RtmpRefusal } from '../../src/rtmp/server-failure.ts';
import { eventually } from '../support/condition.ts';
import { TcpGateway } from '../support/tcp-gateway.ts';
import { LiveHouse } from '../support/live-relay.ts';
import { LogRecorder } from '../support/log-recorder.ts';
import { startStallingProxy } from '../support/stalling-proxy.ts';
import { startNginxRtmp, startNodeMediaServer } from './other-rtmp-servers.ts';
import { aac, avc } from './sample-media.ts';

interface Pulled {
  readonly pull: RtmpPull;
  readonly configs: TrackConfig[];
  readonly units: AccessUnit[];
  readonly events: string[];
}

async function pullFrom(
  house: LiveHouse,
  port: number,
  name: string,
  options: { silenceMs?: number; stepTimeoutMs?: number } = {},
): Promise<Pulled> {
  const pulled = { configs: [] as TrackConfig[], units: [] as AccessUnit[], events: [] as string[] };
  const pull = await RtmpPull.open({
    address: parseRtmpUrl(`rtmp://127.0.0.1:${port}/live/${name}`),
    clock: systemClock,
    signal: AbortSignal.timeout(15_000),
    log: new LogRecorder(),
    ...options,
    onPublication: () => {
      pulled.events.push('start');
      return {
        setTrackConfig: (config) => pulled.configs.push(config),
        setColorInfo: () => {},
        push: (unit) => pulled.units.push(unit),
        pushData: () => {},
        nameEncoder: () => {},
        release: () => pulled.events.push('stop'),
        interrupted: () => pulled.events.push('interrupted'),
      };
    },
  });
  house.defer(() => pull.close());
  return { pull, ...pulled };
}

describe('RtmpPull', () => {
  const peers = [
    ['nginx-rtmp', startNginxRtmp],
    ['node-media-server', startNodeMediaServer],
  ] as const;
  it.each(peers)('plays a stream from %s', async (_, start) => {
    const folder = mkdtempSync(join(tmpdir(), 'streamfront-pull-'));
    await using house = new LiveHouse();
    house.defer(() => rmSync(folder, { recursive: true, force: true }));
    const { server } = await start(folder);
    house.defer(() => server[Symbol.asyncDispose]());
    await house.publish(server.port, 'stage').started();
    const { units, configs } = await pullFrom(house, server.port, 'stage');
    await eventually('frames come', () => units.length >= 50);
    expect(new Set(configs.map(({ codecString }) => codecString))).toEqual(new Set([avc.codecString, aac.codecString]));
    expect(units.some((unit) => unit.kind === 'video' && unit.keyframe)).toBe(true);
  });

  it('is refused with the words of the server for a stream that is not there', async () => {
    await using house = new LiveHouse();
    const origin = await house.origin();
    const refused = await pullFrom(house, origin.rtmpPort, 'nowhere').catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(RtmpRefusal);
    expect(refused).toMatchObject({
      statusCode: 'NetStream.Play.StreamNotFound',
      description: 'nobody publishes live/nowhere',
    });
  });

  it('goes on over a change of publishers, and is over with the stream', async () => {
    await using house = new LiveHouse();
    const origin = await house.origin({ live: { reconnectGrace: '1s' } });
    const first = await house.publish(origin.rtmpPort, 'stage').started();
    const { pull, units, events } = await pullFrom(house, origin.rtmpPort, 'stage');
    await eventually('frames come', () => units.length >= 10);
    await first.stop();
    const before = units.length;
    const second = await house.publish(origin.rtmpPort, 'stage').started();
    await eventually('frames come again', () => units.length >= before + 10);
    await second.stop();
    await eventually('it is over', () => pull.failed.aborted);
    expect(pull.failed.reason).toBeInstanceOf(StreamOver);
    expect(events.at(-1)).toBe('stop');
  });

  it('gives up a server that has fallen silent, and waits for a stream that merely has no publisher', async () => {
    await using house = new LiveHouse();
    const origin = await house.origin();
    const publisher = await house.publish(origin.rtmpPort, 'stage').started();
    const proxy = await startStallingProxy(origin.rtmpPort);
    house.defer(() => proxy.close());
    const { pull, units } = await pullFrom(house, proxy.port, 'stage', { silenceMs: 200 });
    await eventually('frames come', () => units.length >= 10);
    await publisher.stop();
    const quietSince = performance.now();
    await eventually('it has been quiet for long', () => performance.now() - quietSince > 1_000);
    expect(pull.failed.aborted).toBe(false);
    proxy.stall();
    await eventually('it is given up', () => pull.failed.aborted);
    expect(String(pull.failed.reason)).toContain('RTMP_SILENT');
  });

  it('tells a publication that has ended from a connection that has broken', async () => {
    await using house = new LiveHouse();
    const origin = await house.origin();
    const gateway = await TcpGateway.to(origin.rtmpPort);
    house.defer(() => gateway.close());
    const publisher = await house.publish(origin.rtmpPort, 'stage').started();
    const pulls = [await pullFrom(house, gateway.port, 'stage'), await pullFrom(house, origin.rtmpPort, 'stage')];
    await eventually('frames come', () => pulls.every(({ units }) => units.length >= 5));
    gateway.cut();
    await eventually('it has broken', () => pulls[0]?.events.length === 2);
    await publisher.stop();
    pulls[1]?.pull.close();
    expect(pulls.map(({ events }) => events)).toEqual([
      ['start', 'interrupted'],
      ['start', 'stop'],
    ]);
  });

  it('has a deadline for each step', async () => {
    await using house = new LiveHouse();
    const origin = await house.origin();
    const proxy = await startStallingProxy(origin.rtmpPort);
    house.defer(() => proxy.close());
    const opening = pullFrom(house, proxy.port, 'stage', { stepTimeoutMs: 300 }).catch((error: unknown) => error);
    proxy.stall();
    const stalling = setInterval(() => proxy.stall(), 1);
    house.defer(() => clearInterval(stalling));
    expect(String(await opening)).toMatch(/RTMP_TIMEOUT: no (connection|handshake|answer to \w+) from/);
  });
});
