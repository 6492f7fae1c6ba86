import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/base/errors.ts';
import { systemClock } from '../../src/cli/system-clock.ts';
import { type Origin, startOrigin } from '../../src/origin/origin.ts';
import { originSchema } from '../../src/origin/settings.ts';
import { eventually } from '../support/condition.ts';
import { decodeOnly, run } from '../support/ffmpeg.ts';
import { LogRecorder } from '../support/log-recorder.ts';
import { recordPlaylists } from '../support/playlist-recorder.ts';

const settings = originSchema.parse({ http: { port: 0 }, rtmp: { port: 0 }, live: { reconnectGrace: '4s' } });
const dependencies = { clock: systemClock, log: new LogRecorder(), siteDirectory: undefined };

let origin: Origin;
const publishers: ChildProcess[] = [];
beforeEach(async () => {
  origin = await startOrigin(settings, dependencies);
});
afterEach(async () => {
  for (const publisher of publishers.splice(0)) publisher.kill('SIGKILL');
  await origin.close();
});

/** Real time, with B-frames and AAC, until it has sent `seconds`. */
function publish(name: string, seconds: number): ChildProcess {
  const source = [`testsrc2=size=320x180:rate=30:duration=${seconds}`, `sine=frequency=440:duration=${seconds}`];
  const inputs = source.flatMap((input) => ['-re', '-f', 'lavfi', '-i', input]);
  const codecs = ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '60', '-bf', '2', '-c:a', 'aac'];
  const url = `rtmp://127.0.0.1:${origin.rtmpPort}/live/${name}`;
  const publisher = spawn('ffmpeg', ['-nostdin', '-v', 'error', ...inputs, ...codecs, '-f', 'flv', url], {
    stdio: 'ignore',
  });
  publishers.push(publisher);
  return publisher;
}

describe('startOrigin', () => {
  it('refuses a data folder in which another origin keeps its streams, until that has closed', async () => {
    const dataFolder = mkdtempSync(join(tmpdir(), 'streamfront-two-origins-'));
    try {
      const first = await startOrigin(settings, { ...dependencies, dataFolder });
      try {
        const second = startOrigin(settings, { ...dependencies, dataFolder });
        await expect(second).rejects.toThrow(ConfigError);
        await expect(second).rejects.toThrow(/live is in use by another origin/);
        const inMemory = originSchema.parse({ http: { port: 0 }, rtmp: { port: 0 }, live: { keep: 'memory' } });
        await (await startOrigin(inMemory, { ...dependencies, dataFolder })).close();
      } finally {
        await first.close();
      }
      // One that could not start holds nothing.
      const busy = originSchema.parse({ http: { port: origin.httpPort }, rtmp: { port: 0 } });
      await expect(startOrigin(busy, { ...dependencies, dataFolder })).rejects.toThrow(/origin\.http\.port/);
      await (await startOrigin(settings, { ...dependencies, dataFolder })).close();
    } finally {
      rmSync(dataFolder, { recursive: true });
    }
  });

  it('takes a stream over RTMP and gives it over HTTP, over an absence of its publisher, to its end', async () => {
    const url = `http://${origin.httpAddress}:${origin.httpPort}/live/test`;
    const first = once(publish('test', 5), 'exit');
    await eventually('the playlist is there', async () => (await fetch(`${url}/index.m3u8`)).status === 200);
    const playlists = recordPlaylists(url, ['video.m3u8', 'audio.m3u8']);
    expect((await first)[0]).toBe(0);
    await eventually('the publisher is known to be away', async () => {
      const list = (await (await fetch(`${url}/../streams.json`)).json()) as { streams: { state: string }[] };
      return list.streams[0]?.state === 'waiting';
    });
    const second = once(publish('test', 5), 'exit');
    expect((await second)[0]).toBe(0);
    const histories = await playlists;
    const last = histories.get('video.m3u8')?.at(-1) ?? '';
    expect(last.match(/#EXT-X-DISCONTINUITY\n/g)).toHaveLength(1);
    expect(last).toContain('#EXT-X-ENDLIST');
    const decoded = await run('ffmpeg', ['-nostdin', '-v', 'warning', '-i', `${url}/index.m3u8`, ...decodeOnly]);
    expect(decoded.code).toBe(0);
    expect(decoded.standardError).not.toMatch(/error|corrupt|invalid|missing/i);
  });

  it('says which setting to change when a port is in use, and leaves nothing open behind', async () => {
    const taken = originSchema.parse({ http: { port: origin.httpPort }, rtmp: { port: 0 } });
    await expect(startOrigin(taken, dependencies)).rejects.toThrow(/origin\.http\.port/);
    await expect(startOrigin(taken, dependencies)).rejects.toThrow(ConfigError);
  });

  it('closes under a second with requests that wait', async () => {
    publish('test', 20);
    const url = `http://${origin.httpAddress}:${origin.httpPort}/live/test`;
    await eventually('the playlist is there', async () => (await fetch(`${url}/index.m3u8`)).status === 200);
    const text = await (await fetch(`${url}/video.m3u8`)).text();
    const lastMsn = Number(/MEDIA-SEQUENCE:(\d+)/.exec(text)?.[1]) + (text.match(/EXTINF/g)?.length ?? 0) - 1;
    const waiting = fetch(`${url}/video.m3u8?_HLS_msn=${lastMsn + 2}`).catch(() => undefined);
    await fetch(`${url}/index.m3u8`);
    const begun = performance.now();
    await origin.close();
    expect(performance.now() - begun).toBeLessThan(1_000);
    await waiting;
    origin = await startOrigin(settings, dependencies);
  });
});
