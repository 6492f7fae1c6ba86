import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/condition.ts';
import { packetHashes } from '../support/ffmpeg.ts';
import { LiveHouse } from '../support/live-relay.ts';
import { startNodeMediaServer } from './other-rtmp-servers.ts';
import { makeClip } from './sample-clip.ts';

let folder: string;
let house: LiveHouse;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'streamfront-peer-'));
  house = new LiveHouse();
});

afterEach(async () => {
  await house[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

/** ffmpeg publishes a clip in real time. */
function publish(clip: string, url: string): Promise<unknown> {
  const args = ['-nostdin', '-v', 'error', '-re', '-i', clip, '-c', 'copy', '-f', 'flv', url];
  const child = spawn('ffmpeg', args, { stdio: ['ignore', 'ignore', 'inherit'] });
  house.defer(() => child.kill('SIGKILL'));
  return once(child, 'exit');
}

/** Every packet that came is the one of the source that belongs there; at least the last `seconds` of 25 frames are. */
function expectEndOf(source: readonly string[], played: readonly string[], atLeast: number): void {
  expect(played.length).toBeGreaterThanOrEqual(atLeast);
  const from = source.indexOf(played[0] ?? '');
  expect(from).toBeGreaterThanOrEqual(0);
  expect(played).toEqual(source.slice(from, from + played.length));
}

describe('node-media-server', () => {
  it('pulls a stream from us and gives every packet on', async () => {
    const clip = await makeClip(join(folder, 'clip.flv'), 6);
    const source = await packetHashes(clip);
    const origin = await house.origin();
    const published = publish(clip, `rtmp://127.0.0.1:${origin.rtmpPort}/live/stage`);
    await eventually('the stream runs', () => origin.directory.get('live/stage')?.trackConfigs.length === 2);
    const pull = { url: `rtmp://127.0.0.1:${origin.rtmpPort}/live/stage`, streamPath: '/live/pulled' };
    const { server } = await startNodeMediaServer(folder, undefined, [pull]);
    house.defer(() => server[Symbol.asyncDispose]());
    await eventually('it plays', () => origin.log.lines.some(({ message }) => message === 'Player started'));
    const played = await packetHashes(`rtmp://127.0.0.1:${server.port}/live/pulled`, ['-t', '2']);
    expectEndOf(source.video, played.video, 40);
    expectEndOf(source.audio, played.audio, 80);
    await published;
  });

  it('gives a stream to an edge of ours, which gives every packet on', async () => {
    const clip = await makeClip(join(folder, 'clip.flv'), 6);
    const source = await packetHashes(clip);
    const { server } = await startNodeMediaServer(folder);
    house.defer(() => server[Symbol.asyncDispose]());
    const published = publish(clip, `rtmp://127.0.0.1:${server.port}/live/stage`);
    const edge = await house.edge([server.port]);
    await eventually('it has the stream', async () => {
      const viewer = await house.viewer(edge.rtmpPort, 'stage');
      const found = await eventually('an answer', () =>
        viewer.connection.statuses().find(({ code }) => code.startsWith('NetStream.Play.')),
      );
      return found.code !== 'NetStream.Play.StreamNotFound';
    });
    const played = await packetHashes(`rtmp://127.0.0.1:${edge.rtmpPort}/live/stage`, ['-t', '2']);
    expectEndOf(source.video, played.video, 40);
    expectEndOf(source.audio, played.audio, 80);
    await published;
  });
});
