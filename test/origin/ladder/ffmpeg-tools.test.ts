import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FfmpegFinder, parseVersion } from '../../../src/origin/ladder/ffmpeg-tools.ts';
import { ffmpegSchema } from '../../../src/origin/ladder/ladder-settings.ts';
import { LogRecorder } from '../../support/log-recorder.ts';
import { standIn } from '../../support/stand-in.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

function finderOf(settings: Record<string, unknown>) {
  const log = new LogRecorder();
  const clock = new VirtualClock();
  return { log, clock, finder: new FfmpegFinder(ffmpegSchema.parse(settings), clock, log) };
}

describe('FfmpegFinder', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'streamfront-ffmpeg-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('finds the ffmpeg of this machine and an encoder that gave a picture', async () => {
    const { finder } = finderOf({});
    const tools = await finder.find();
    expect(tools).toMatchObject({ kind: 'found', program: 'ffmpeg' });
    expect(tools.kind === 'found' && tools.version.major).toBeGreaterThanOrEqual(4);
  });

  it('says once what to install where there is none, and looks again a minute later', async () => {
    const { finder, log, clock } = finderOf({ program: join(folder, 'later') });
    expect(await finder.find()).toMatchObject({ kind: 'missing', code: 'LADDER_NO_FFMPEG' });
    clock.advance(61_000);
    expect(await finder.find()).toMatchObject({ kind: 'missing' });
    expect(log.lines.filter(({ level }) => level === 'error').map(({ message }) => message)).toEqual([
      expect.stringContaining('there is no such program): install it (apt install ffmpeg'),
    ]);
    await standIn(folder, 'later', 'exec ffmpeg "$@"');
    expect(await finder.find()).toMatchObject({ kind: 'missing' });
    clock.advance(61_000);
    expect(await finder.find()).toMatchObject({ kind: 'found', encoder: 'libx264' });
  });

  it('takes hardware that gives a picture, and passes over what only pretends to be there', async () => {
    const listed = 'echo " V....D h264_nvenc"; echo " V....D h264_qsv"; echo " V....D libx264"';
    const program = await standIn(
      folder,
      'hardware',
      `case "$*" in
        *-version*) echo "ffmpeg version n7.1.2 Copyright";;
        *-encoders*) ${listed};;
        *h264_nvenc*) echo "[h264_nvenc @ 0x55] [error] Cannot load libcuda.so.1" >&2; exit 1;;
      esac`,
    );
    expect(await finderOf({ program }).finder.find()).toEqual({
      kind: 'found',
      program,
      version: { major: 7, minor: 1 },
      encoder: 'h264_qsv',
    });
    const { finder, log } = finderOf({ program, encoder: 'h264_nvenc' });
    expect(await finder.find()).toMatchObject({ kind: 'missing', code: 'LADDER_NO_ENCODER' });
    expect(log.text).toContain('h264_nvenc of \\"' + program);
    expect(log.text).toContain('Cannot load libcuda.so.1');
  });
});

describe('parseVersion', () => {
  it.each([
    ['ffmpeg version 5.1.9-0+deb12u1 Copyright (c)', { major: 5, minor: 1 }],
    ['ffmpeg version n7.0 Copyright', { major: 7, minor: 0 }],
    ['ffmpeg version N-117770-g322b240cea Copyright', { major: Infinity, minor: 0 }],
  ])('%s', (output, version) => {
    expect(parseVersion(output)).toEqual(version);
  });
});
