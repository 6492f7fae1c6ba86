import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { makeClip, testSources } from '../rtmp/sample-clip.ts';
import { eventually } from '../support/condition.ts';
import { packetHashes, run } from '../support/ffmpeg.ts';
import { Viewer } from '../support/live-relay.ts';
import { type RunningProgram, startProgram } from '../support/program.ts';

let folder: string;
let ending: (() => unknown)[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'streamfront-relay-'));
  ending = [];
});
afterEach(async () => {
  for (const end of ending.toReversed()) await end();
  rmSync(folder, { recursive: true, force: true });
});

function ffmpeg(...args: readonly string[]): { readonly child: ChildProcess; readonly exited: Promise<number | null> } {
  const child = spawn('ffmpeg', ['-nostdin', '-loglevel', 'error', ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  ending.push(() => child.kill('SIGKILL'));
  return { child, exited };
}

interface HouseOfTwo {
  readonly edge: RunningProgram;
  origin: RunningProgram;
  /** As after a crash: on the same ports. */
  restartOrigin(): Promise<void>;
}

/** Origin and edge as processes of their own. */
async function startOriginAndEdge(): Promise<HouseOfTwo> {
  const [rtmpPort, httpPort] = [await freePort(), await freePort()];
  const startOrigin = () =>
    startProgram({
      configuration: { roles: ['origin'], origin: { live: { reconnectGrace: '0s' } } },
      flags: ['--origin-rtmp-port', String(rtmpPort), '--origin-http-port', String(httpPort)],
    });
  const edge = await startProgram({
    configuration: {
      roles: ['edge'],
      edge: { origins: { main: { url: `http://127.0.0.1:${httpPort}`, rtmp: `rtmp://127.0.0.1:${rtmpPort}` } } },
    },
  });
  const house: HouseOfTwo = {
    edge,
    origin: await startOrigin(),
    restartOrigin: async () => {
      house.origin.process.kill('SIGKILL');
      await house.origin.stop();
      house.origin = await startOrigin();
    },
  };
  ending.push(
    () => edge.stop(),
    () => house.origin.stop(),
  );
  return house;
}

describe('a stream over the edge both ways', () => {
  it('reaches ffmpeg over RTMP and HTTP-FLV, and rtmpdump, packet by packet, and ends for them when it ends', async () => {
    const { edge, origin } = await startOriginAndEdge();
    // One GOP: whoever comes before its end gets all of it.
    const codecs = ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '250', '-pix_fmt', 'yuv420p', '-c:a', 'aac'];
    const clip = await makeClip(join(folder, 'clip.flv'), 6, codecs);
    const publisher = ffmpeg('-re', '-i', clip, '-c', 'copy', '-f', 'flv', `${edge.rtmpUrl}/clip`);
    await eventually('the origin has it', async () =>
      (await (await fetch(`${origin.originUrl}/live/streams.json`)).text()).includes('"clip"'),
    );
    const dumped = join(folder, 'dumped.flv');
    const [overRtmp, overHttp] = await Promise.all([
      packetHashes(`${edge.rtmpUrl}/clip`, ['-rw_timeout', '20000000']),
      packetHashes(`${edge.edgeUrl}/live/clip.flv`, ['-rw_timeout', '20000000']),
      run('rtmpdump', ['-q', '--live', '-r', `${edge.rtmpUrl}/clip`, '-o', dumped]),
    ]);
    expect(await publisher.exited).toBe(0);
    const { video, audio } = await packetHashes(clip);
    expect(video).toHaveLength(150);
    for (const played of [overRtmp, overHttp, await packetHashes(dumped)]) {
      expect(played.video).toEqual(video);
      // The GOP begins with its keyframe: sound that was sent before it is no part of it.
      const before = audio.length - played.audio.length;
      expect(before).toBeGreaterThanOrEqual(0);
      expect(before).toBeLessThanOrEqual(3);
      expect(played.audio).toEqual(audio.slice(before));
    }
  });

  it('goes on for the encoder and for the player when the origin is killed and started again', async () => {
    const house = await startOriginAndEdge();
    const { edge } = house;
    const encode = ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '25', '-pix_fmt', 'yuv420p', '-c:a', 'aac'];
    const publisher = ffmpeg('-re', ...testSources, ...encode, '-f', 'flv', `${edge.rtmpUrl}/test`);
    const isPublished = () =>
      eventually('the origin has it', async () =>
        (await (await fetch(`${house.origin.originUrl}/live/streams.json`)).text()).includes('"test"'),
      );
    await isPublished();
    const viewer = await Viewer.play(Number(/:(\d+)\//.exec(edge.rtmpUrl)?.[1]), 'test');
    ending.push(() => viewer.leave());
    await viewer.getsFrames(50);

    await house.restartOrigin();
    await isPublished();
    await viewer.getsFrames(75, 20_000);
    expect(viewer.timesThatGoBack).toEqual([]);
    expect(viewer.connection.closed).toBe(false);
    expect(publisher.child.exitCode).toBeNull();
    await eventually('its playlist is there again, through the edge', async () =>
      (await (await fetch(`${edge.edgeUrl}/live/test/video.m3u8`)).text()).includes('#EXTINF'),
    );
  });
});
