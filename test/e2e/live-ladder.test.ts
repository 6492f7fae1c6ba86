import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/condition.ts';
import { decodeOnly, run } from '../support/ffmpeg.ts';
import { type ParsedSegment, parsePlaylist } from '../support/parsed-playlist.ts';
import { type PlaylistHistory, recordPlaylists } from '../support/playlist-recorder.ts';
import { validateMediaPlaylists } from '../support/playlist-validator.ts';
import { type RunningProgram, startProgram } from '../support/program.ts';

const configuration = {
  demo: false,
  origin: {
    live: {
      reconnectGrace: '2s',
      ladder: [
        {
          stream: 'live/*',
          renditions: ['720p' as const, 'audio' as const, { name: 'mid', height: 120 }, { name: 'low', height: 90 }],
        },
      ],
      ffmpeg: { encoder: 'libx264' as const, preset: 'ultrafast' as const },
    },
  },
};

interface Packet {
  readonly pts: number;
  readonly isKey: boolean;
}

let program: RunningProgram;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'streamfront-ladder-'));
  program = await startProgram({ configuration });
});
afterAll(async () => {
  await program.stop();
  await rm(folder, { recursive: true });
});

/** A test picture of 320 by 180 with B-frames and a keyframe every second, and a tone, at the pace of a camera. */
function publish(name: string, seconds: number, video = true) {
  const picture = ['-f', 'lavfi', '-re', '-i', 'testsrc2=size=320x180:rate=30'];
  const tone = ['-f', 'lavfi', '-re', '-i', 'sine=sample_rate=48000'];
  const encoder = ['-c:v', 'libx264', '-preset', 'ultrafast', '-bf', '2', '-g', '30', '-sc_threshold', '0'];
  const url = `${program.rtmpUrl}/${name}`;
  const child = spawn(
    'ffmpeg',
    ['-nostdin', '-loglevel', 'error', ...(video ? picture : []), ...tone, ...(video ? encoder : [])].concat([
      '-c:a',
      'aac',
      '-t',
      String(seconds),
      '-f',
      'flv',
      url,
    ]),
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  return once(child, 'exit');
}

async function text(path: string): Promise<string> {
  return await (await fetch(`${program.originUrl}/live/${path}`)).text();
}

async function bytes(path: string): Promise<Buffer> {
  const answer = await fetch(`${program.originUrl}/live/${path}`);
  expect(answer.status).toBe(200);
  return Buffer.from(await answer.arrayBuffer());
}

/** What ffprobe finds in a segment. */
async function packetsOf(stream: string, segments: readonly ParsedSegment[], msn: number): Promise<Packet[]> {
  const upTo = segments.slice(0, segments.findIndex((segment) => segment.msn === msn) + 1);
  const uri = upTo.at(-1)?.uri;
  const mapUri = upTo.findLast((segment) => segment.mapUri !== undefined)?.mapUri;
  const file = join(folder, 'segment.mp4');
  await writeFile(file, Buffer.concat([await bytes(`${stream}/${mapUri}`), await bytes(`${stream}/${uri}`)]));
  const entries = ['-show_entries', 'packet=pts,flags', '-of', 'csv=p=0'];
  const { standardOutput } = await run('ffprobe', ['-v', 'error', '-select_streams', 'v', ...entries, file]);
  return standardOutput
    .trim()
    .split('\n')
    .map((line) => {
      const [pts = '', flags = ''] = line.split(',');
      return { pts: Number(pts), isKey: flags.includes('K') };
    });
}

/** Of which segments, or parts of a segment that is not one itself, there is nothing; with their durations. */
function gapsOf(playlist: string): (readonly [uri: string, seconds: number])[] {
  const { segments, open } = parsePlaylist(playlist);
  return [...segments, ...(open === undefined ? [] : [open])].flatMap((segment) =>
    segment.gap
      ? [[segment.uri, segment.durationSeconds] as const]
      : segment.parts.flatMap(({ gap, uri, durationSeconds }) => (gap ? [[uri, durationSeconds] as const] : [])),
  );
}

describe('a stream with a ladder', () => {
  let history: PlaylistHistory;
  let multivariant: string;
  const last = (name: string) => parsePlaylist(history.get(`${name}.m3u8`)?.at(-1) ?? '');
  const names = ['video', 'audio', 'mid', 'low'];
  /** Whether a part of the segment is missing. */
  const isTorn = (msn: number) =>
    (history.get('low.m3u8') ?? []).flatMap(gapsOf).some(([uri]) => uri.includes(`/${msn}.`));

  beforeAll(async () => {
    const published = publish('stage', 22);
    const index = await eventually('the first multivariant playlist', async () => {
      const answer = await fetch(`${program.originUrl}/live/stage/index.m3u8`);
      const body = await answer.text();
      return answer.status === 200 && body;
    });
    multivariant = index;
    const recorded = recordPlaylists(
      `${program.originUrl}/live/stage`,
      names.map((name) => `${name}.m3u8`),
    );
    await eventually('some segments', async () => (await text('stage/low.m3u8')).split('#EXTINF').length > 4, 20_000);
    const line = program.logLines().find(({ msg }) => msg === 'Renditions are being made');
    process.kill(Number(line?.['pid']), 'SIGKILL');
    expect((await published)[0]).toBe(0);
    history = await recorded;
  }, 90_000);

  it('the first multivariant playlist has the source, then the lower renditions, then sound alone', () => {
    const variants = multivariant.split('\n').flatMap((line, index, lines) => {
      if (!line.startsWith('#EXT-X-STREAM-INF')) return [];
      const attribute = (name: string) => new RegExp(`[:,]${name}=("[^"]*"|[^,]*)`).exec(line)?.[1];
      return [{ uri: lines[index + 1], line, attribute }];
    });
    expect(variants.map(({ uri }) => uri)).toEqual(['video.m3u8', 'mid.m3u8', 'low.m3u8', 'audio.m3u8']);
    expect(variants.map(({ attribute }) => attribute('RESOLUTION'))).toEqual([
      '320x180',
      '214x120',
      '160x90',
      undefined,
    ]);
    expect(variants.map(({ attribute }) => attribute('FRAME-RATE'))).toEqual(['30', '30', '30', undefined]);
    expect(new Set(variants.map(({ attribute }) => attribute('AUDIO')))).toEqual(new Set(['"audio"']));
    expect(variants.at(-1)?.attribute('CODECS')).toBe('"mp4a.40.2"');
    for (const { attribute } of variants.slice(0, 3))
      expect(attribute('CODECS')).toMatch(/^"avc1\.\w{6},mp4a\.40\.2"$/);
    const bandwidths = variants.map(({ attribute }) => Number(attribute('BANDWIDTH')));
    expect(bandwidths).toEqual(bandwidths.toSorted((a, b) => b - a));
    for (const { attribute } of variants) {
      expect(Number(attribute('AVERAGE-BANDWIDTH'))).toBeLessThanOrEqual(Number(attribute('BANDWIDTH')));
    }
  });

  it('every playlist keeps the rules', () => {
    expect(validateMediaPlaylists(history)).toEqual([]);
  });

  it.each(['mid', 'low'])(
    '%s: the same number covers the same time, from a keyframe shown at the same instant',
    async (name) => {
      const { segments } = last(name);
      const whole = segments.filter(({ gap, msn }) => !gap && !isTorn(msn));
      expect(whole.length).toBeGreaterThan(5);
      for (const { msn } of whole) {
        const theirs = await packetsOf('stage', last('video').segments, msn);
        const ours = await packetsOf('stage', segments, msn);
        expect(ours[0]).toEqual(theirs[0]);
        expect(ours[0]?.isKey).toBe(true);
        expect(ours.map(({ pts }) => pts)).toEqual(theirs.map(({ pts }) => pts).sort((a, b) => a - b));
      }
    },
  );

  it.each(['mid', 'low'])('%s: ffmpeg decodes all of it without a complaint', async (name) => {
    const { segments } = last(name);
    const media = segments.filter(({ gap }) => !gap);
    const inits = segments.flatMap(({ mapUri }) => (mapUri === undefined ? [] : [mapUri]));
    expect(new Set(inits).size).toBe(1);
    const pieces = [await bytes(`stage/${inits[0]}`)];
    for (const { uri } of media) pieces.push(await bytes(`stage/${uri}`));
    const file = join(folder, `${name}.mp4`);
    await writeFile(file, Buffer.concat(pieces));
    const decoded = await run('ffmpeg', ['-nostdin', '-v', 'error', '-xerror', '-i', file, ...decodeOnly]);
    expect(decoded).toMatchObject({ code: 0, standardError: '' });
  });

  it('after ffmpeg was killed there are gaps, then media again, in both renditions alike', () => {
    const seconds = { mid: 0, low: 0 };
    for (const name of ['mid', 'low'] as const) {
      const { segments } = last(name);
      expect(segments.at(-1)?.gap).toBe(false);
      const times = history.get(`${name}.m3u8`)?.flatMap(gapsOf) ?? [];
      for (const [, duration] of new Map(times)) seconds[name] += duration;
    }
    // It is started anew after a second at most, and goes on at the next keyframe, which is another second.
    expect(seconds.low).toBeGreaterThan(0.4);
    expect(seconds.low).toBeLessThan(5);
    expect(seconds.mid).toBeCloseTo(seconds.low, 3);
    expect(history.get('video.m3u8')?.flatMap(gapsOf)).toEqual([]);
    const failed = program.logLines().filter(({ code }) => code === 'LADDER_FAILED');
    expect(failed.map(({ reason }) => reason)).toEqual(['it was ended by SIGKILL']);
  });

  it('no ffmpeg is left when the stream is over', async () => {
    const pids = program
      .logLines()
      .filter(({ msg }) => msg === 'Renditions are being made')
      .map(({ pid }) => Number(pid));
    expect(pids.length).toBeGreaterThan(1);
    await eventually('they are gone', async () => {
      const { standardOutput } = await run('ps', ['-o', 'pid=,stat=', '-p', pids.join(',')]);
      return standardOutput.trim() === '';
    });
  });
});

describe('a stream of sound alone with a ladder', () => {
  it('has its sound as the only variant, and no ffmpeg', async () => {
    const before = program.logLines().filter(({ msg }) => msg === 'Renditions are being made').length;
    const published = publish('voice', 6, false);
    const playlist = await eventually('the multivariant playlist', async () => {
      const answer = await fetch(`${program.originUrl}/live/voice/index.m3u8`);
      const body = await answer.text();
      return answer.status === 200 && body;
    });
    expect(playlist.match(/^\w.*\.m3u8$/gm)).toEqual(['audio.m3u8']);
    await published;
    expect(program.logLines().filter(({ msg }) => msg === 'Renditions are being made')).toHaveLength(before);
  });
});
