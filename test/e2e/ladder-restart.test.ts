import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { eventually } from '../support/condition.ts';
import { FfmpegEncoder } from '../support/ffmpeg-encoder.ts';
import { type ParsedPlaylist, parsePlaylist } from '../support/parsed-playlist.ts';
import { recordPlaylists } from '../support/playlist-recorder.ts';
import { startProgram } from '../support/program.ts';

const made = ['mid', 'low'];
const ladder = [
  {
    stream: 'live/*',
    renditions: [
      { name: 'mid', height: 120 },
      { name: 'low', height: 90 },
    ],
  },
];
const ffmpeg = { encoder: 'libx264' as const, preset: 'ultrafast' as const };

function media({ segments }: ParsedPlaylist, fromMsn = 0): number[] {
  return segments.flatMap(({ msn, gap }) => (gap || msn < fromMsn ? [] : [msn]));
}

it('the renditions of a ladder go on with their numbers when their origin is killed and comes back', async () => {
  await using stack = new AsyncDisposableStack();
  const data = mkdtempSync(join(tmpdir(), 'streamfront-ladder-restart-'));
  stack.defer(() => rmSync(data, { recursive: true, force: true }));
  const [rtmpPort, httpPort] = [await freePort(), await freePort()];
  const ports = ['--origin-rtmp-port', String(rtmpPort), '--origin-http-port', String(httpPort)];
  const live = { reconnectGrace: '12s', ladder, ffmpeg };
  const startOrigin = () =>
    startProgram({
      configuration: { roles: ['origin'], demo: false, origin: { live } },
      flags: [...ports, '--data', data],
    });
  const main = { url: `http://127.0.0.1:${httpPort}`, rtmp: `rtmp://127.0.0.1:${rtmpPort}` };
  const edge = await startProgram({ configuration: { roles: ['edge'], edge: { origins: { main } } } });
  stack.defer(async () => void (await edge.stop()));
  let origin = await startOrigin();
  stack.defer(async () => void (await origin.stop()));
  // The origin itself is asked: an edge may answer with what it has.
  const answerOf = (path: string) => fetch(`${main.url}/live/stage/${path}`);
  const playlist = async (name: string) => {
    const answer = await answerOf(`${name}.m3u8`);
    return answer.ok ? parsePlaylist(await answer.text()) : undefined;
  };
  const ffmpegs = () =>
    origin.logLines().flatMap(({ msg, pid }) => (msg === 'Renditions are being made' ? [Number(pid)] : []));
  const encoder = new FfmpegEncoder(`${edge.rtmpUrl}/stage`);
  stack.use(encoder);
  const has = (name: string, segments: number, fromMsn = 0) =>
    eventually(
      `${name} has ${segments} segments from ${fromMsn} on`,
      async () => {
        const there = await playlist(name);
        return there !== undefined && media(there, fromMsn).length >= segments && there;
      },
      60_000,
    );

  for (const name of made) await has(name, 2);
  const recorded = recordPlaylists(
    `${edge.edgeUrl}/live/stage`,
    ['video', 'audio', ...made].map((name) => `${name}.m3u8`),
    150_000,
  );
  // It is awaited at the end; until then it may have failed with the rest.
  recorded.catch(() => {});
  const before = new Map<string, ParsedPlaylist>();
  for (const name of made) before.set(name, await has(name, 3));

  const [orphan = 0] = ffmpegs();
  origin.process.kill('SIGKILL');
  await origin.stop();
  await eventually('the ffmpeg of the killed origin has ended', () => !existsSync(`/proc/${orphan}`), 30_000);
  origin = await startOrigin();

  const index = await (await answerOf('index.m3u8')).text();
  for (const name of made) {
    expect(index).toContain(`\n${name}.m3u8\n`);
    const listed = before.get(name)?.segments ?? [];
    const after = await has(name, 3);
    expect(after.segments.slice(0, listed.length).map(({ uri }) => uri)).toEqual(listed.map(({ uri }) => uri));
  }

  const video = await has('video', 2, (before.get('low')?.segments.at(-1)?.msn ?? 0) + 1);
  const returned = video.segments.findLast(({ discontinuity }) => discontinuity);
  expect(returned).toBeDefined();
  const [, folder] = /^(.*\/)\w+\/\d+\.m4s$/.exec(returned?.uri ?? '') ?? [];
  for (const name of made) {
    const after = await has(name, 2, returned?.msn);
    const own = after.segments.find(({ msn }) => msn === returned?.msn);
    expect(own?.uri).toBe(`${folder}${name}/${returned?.msn}.m4s`);
    expect(own?.discontinuity).toBe(true);
    expect(own?.programDateTimeMs).toBeCloseTo(returned?.programDateTimeMs ?? 0, -2);
  }

  await encoder.kill();
  // Every state of every playlist was as it must be.
  await recorded;
}, 180_000);
