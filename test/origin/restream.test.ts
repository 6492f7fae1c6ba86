import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Origin } from '../../src/origin/origin.ts';
import { freePort } from '../support/free-port.ts';
import { startNginxRtmp, startNodeMediaServer } from '../rtmp/other-rtmp-servers.ts';
import { makeCertificate } from '../support/certificates.ts';
import { eventually } from '../support/condition.ts';
import { FfmpegEncoder } from '../support/ffmpeg-encoder.ts';
import { packetHashes, run } from '../support/ffmpeg.ts';
import { LiveHouse } from '../support/live-relay.ts';
import { TcpGateway } from '../support/tcp-gateway.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'streamfront-restream-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

interface Restream {
  readonly to: string;
  readonly state: string;
  readonly since: string;
  readonly reason: string | null;
}

async function restreamsOf(origin: Origin): Promise<readonly Restream[]> {
  const response = await fetch(`http://127.0.0.1:${origin.httpPort}/live/streams.json`);
  const { streams } = (await response.json()) as { streams: { restreams: Restream[] }[] };
  return streams[0]?.restreams ?? [];
}

function stateIs(origin: Origin, state: string): Promise<Restream> {
  return eventually(
    `the restream is ${state}`,
    async () => (await restreamsOf(origin)).find((restream) => restream.state === state),
    20_000,
  );
}

describe('restreaming', () => {
  const peers = [
    ['nginx-rtmp', startNginxRtmp],
    ['node-media-server', startNodeMediaServer],
  ] as const;
  it.each(peers)('pushes a stream to %s, and again after that was restarted', async (_, start) => {
    const before = await start(folder);
    const { port } = before.server;
    await using house = new LiveHouse();
    const to = `rtmp://127.0.0.1:${port}/live/copy-of-{name}?key=secret-of-theirs`;
    const origin = await house.origin({ live: { restream: [{ stream: 'live/*', to: [to] }] } });
    await house.publish(origin.rtmpPort, 'stage').started();
    expect(await stateIs(origin, 'live')).toMatchObject({ to: `rtmp://127.0.0.1:${port}`, reason: null });
    await (await house.viewer(port, 'copy-of-stage')).getsFrames(25);

    await before.server[Symbol.asyncDispose]();
    expect((await stateIs(origin, 'waiting')).reason).toContain(`127.0.0.1:${port}`);
    const after = await start(folder, port);
    await stateIs(origin, 'live');
    const viewer = await house.viewer(port, 'copy-of-stage');
    await viewer.getsFrames(25);
    expect(JSON.stringify(await restreamsOf(origin)) + origin.log.text).not.toContain('secret-of-theirs');
    await after.server[Symbol.asyncDispose]();
  });

  it('pushes a stream to an ffmpeg that listens for one', async () => {
    const port = await freePort();
    await using house = new LiveHouse();
    const to = [`rtmp://127.0.0.1:${port}/live/{name}`];
    const origin = await house.origin({ live: { restream: [{ stream: 'live/*', to }] } });
    await using _encoder = new FfmpegEncoder(`rtmp://127.0.0.1:${origin.rtmpPort}/live/stage`);
    const file = join(folder, 'received.flv');
    const input = ['-listen', '1', '-f', 'flv', '-i', `rtmp://127.0.0.1:${port}/live/stage`];
    const received = run('ffmpeg', ['-nostdin', '-v', 'error', ...input, '-c', 'copy', '-frames:v', '25', file]);
    expect(await received).toMatchObject({ code: 0 });
    expect((await packetHashes(file)).video).toHaveLength(25);
  });

  it('pushes over TLS to a server whose certificate it is told to trust, and to no other', async () => {
    const files = await makeCertificate(folder, 'peer');
    await using house = new LiveHouse();
    const peer = await house.origin({ rtmps: { port: 0, ...files } });
    const url = `rtmps://localhost:${peer.rtmpsPort}/live/{name}`;
    const restream = [{ stream: 'live/*', to: [url], ca: files.certificate }];
    const origin = await house.origin({ live: { restream } });
    await house.publish(origin.rtmpPort, 'stage').started();
    await stateIs(origin, 'live');
    await (await house.viewer(peer.rtmpPort, 'stage')).getsFrames(25);

    const wary = await house.origin({
      live: { restream: [{ stream: 'live/*', to: [url.replace('{name}', 'other')] }] },
    });
    await house.publish(wary.rtmpPort, 'stage').started();
    expect((await stateIs(wary, 'waiting')).reason).toContain('the certificate of');
  });

  it('says idle while nobody publishes, and ends with the stream', async () => {
    await using house = new LiveHouse();
    const peer = await house.origin();
    const to = [`rtmp://127.0.0.1:${peer.rtmpPort}/live/{name}`];
    const origin = await house.origin({ live: { restream: [{ stream: 'live/stage', to }], reconnectGrace: '2s' } });
    const publisher = await house.publish(origin.rtmpPort, 'stage').started();
    await house.publish(origin.rtmpPort, 'other').started();
    await stateIs(origin, 'live');
    await publisher.stop();
    await stateIs(origin, 'idle');
    const left = () => peer.log.lines.some(({ message }) => message === 'Publisher left');
    await eventually('the peer sees the publisher leave', left);
    await eventually('the stream is over', async () => (await restreamsOf(origin)).length === 0);
    const { streams } = (await (await fetch(`http://127.0.0.1:${origin.httpPort}/live/streams.json`)).json()) as {
      streams: { name: string; restreams: unknown[] }[];
    };
    expect(streams.find(({ name }) => name === 'other')?.restreams).toEqual([]);
  });

  it('does not push a stream to itself, not even through an edge', async () => {
    await using house = new LiveHouse();
    const gateway = await TcpGateway.to(1);
    house.defer(() => gateway.close());
    const to = [`rtmp://127.0.0.1:${gateway.port}/live/copy-of-{name}`];
    const origin = await house.origin({ live: { restream: [{ stream: '*', to }] } });
    const edge = await house.edge([origin.rtmpPort]);
    for (const port of [origin.rtmpPort, edge.rtmpPort]) {
      gateway.mend(port);
      const publisher = await house.publish(origin.rtmpPort, `stage-${port}`).started();
      await eventually('it is refused', async () =>
        (await restreamsOf(origin)).some(({ reason }) => reason?.includes('would come from this server itself')),
      );
      await publisher.stop();
    }
    expect(origin.directory.list()).toHaveLength(2);
  });
});
