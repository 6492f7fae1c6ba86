import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { PlacedSample } from '../../../src/origin/following-rendition.ts';
import { eventually } from '../../support/condition.ts';
import { encodeEnhancedLadderSource, encodeLadderSource, type LadderSource } from '../../support/ladder-source.ts';
import { standIn } from '../../support/stand-in.ts';
import { WatchedLadder } from '../../support/watched-ladder.ts';

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

const ptsOf = ({ dtsTicks, compositionOffsetTicks }: PlacedSample) => dtsTicks + compositionOffsetTicks;

describe('Ladder', () => {
  let folder: string;
  let plain: LadderSource;
  const opened: WatchedLadder[] = [];
  const open = (renditions: readonly unknown[], program?: string, encoder?: string) => {
    const watched = new WatchedLadder(renditions, program, encoder);
    opened.push(watched);
    return watched;
  };
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'streamfront-ladder-'));
    plain = await encodeLadderSource({ seconds: 4 });
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((watched) => watched.close()));
  });
  afterAll(() => rm(folder, { recursive: true }));

  const two = [{ name: 'mid', height: 120 }, { name: 'low', height: 90 }, '480p'];

  it.each([
    { name: 'without B-frames', options: '-bf 0' },
    { name: 'with B-frames', options: '-bf 3 -x264-params b-adapt=0' },
    { name: 'with open GOPs', options: '-preset veryfast -bf 2 -x264-params open-gop=1:b-adapt=0' },
    { name: 'with keyframes at odd places', options: '-bf 2 -force_key_frames 0.7,1.9,2' },
    { name: 'of a rate that varies', options: "-bf 0 -vf select='lt(mod(n\\,7)\\,4)' -vsync vfr" },
  ])('a source $name: every picture comes at its time, keyframes where the source has them', async ({ options }) => {
    const source = await encodeLadderSource({ seconds: 4, options });
    const watched = open(two);
    await watched.start(source);
    watched.push(source.units);
    watched.ladder.endRun();
    await eventually('the last picture', () => watched.output('low').length === source.units.length);
    await eventually('the last picture', () => watched.output('mid').length === source.units.length);
    const shown = source.units.toSorted((a, b) => ptsOf(a) - ptsOf(b));
    const sourceKeys = source.units.filter(({ keyframe }) => keyframe);
    expect(sourceKeys.length).toBeGreaterThan(2);
    for (const name of ['mid', 'low']) {
      const units = watched.output(name);
      expect(units.map(ptsOf)).toEqual(shown.map(ptsOf));
      const keys = units.filter(({ keyframe }) => keyframe);
      expect(keys.map(({ dtsTicks }) => dtsTicks)).toEqual(sourceKeys.map(({ dtsTicks }) => dtsTicks));
      expect(keys.map(ptsOf)).toEqual(sourceKeys.map(ptsOf));
      // Without a hole: each begins where the one before it ended.
      units.slice(1).forEach((unit, index) => {
        expect(unit.dtsTicks).toBe((units[index]?.dtsTicks ?? 0) + (units[index]?.durationTicks ?? 0));
      });
    }
    expect(watched.configs.get('mid')?.map(({ width, height }) => [width, height])).toEqual([[214, 120]]);
    expect(watched.output('480p')).toEqual([]);
  });

  it.each([
    { codec: 'hevc', options: '-c:v libx265 -preset ultrafast -tag:v hvc1 -x265-params bframes=0:log-level=error' },
    { codec: 'av1', options: '-c:v libsvtav1 -preset 12 -pix_fmt yuv420p' },
    { codec: 'vp9', options: '-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -lag-in-frames 0 -pix_fmt yuv420p' },
  ] as const)('a source in $codec: H.264 at the same times', async ({ codec, options }) => {
    const source = await encodeEnhancedLadderSource(codec, options);
    const watched = open([{ name: 'low', height: 90 }]);
    await watched.start(source);
    watched.push(source.units);
    watched.ladder.endRun();
    await eventually('the last picture', () => watched.output('low').length === source.units.length, 20_000);
    const keysOf = (list: readonly PlacedSample[]) => list.filter(({ keyframe }) => keyframe).map(ptsOf);
    expect(watched.output('low').map(ptsOf)).toEqual(source.units.map(ptsOf));
    expect(keysOf(watched.output('low'))).toEqual(keysOf(source.units));
  });

  it('a lower rate leaves pictures out, never a keyframe, and the others last longer', async () => {
    const watched = open([{ name: 'slow', height: 90, framesPerSecond: 10 }]);
    await watched.start(plain);
    watched.push(plain.units);
    watched.ladder.endRun();
    await eventually('all pictures', () => watched.output('slow').length >= 40);
    const units = watched.output('slow');
    expect(units.length).toBe(40);
    const keysOf = (list: readonly PlacedSample[]) => list.filter(({ keyframe }) => keyframe).map(ptsOf);
    expect(keysOf(units)).toEqual(keysOf(plain.units));
    expect(units[1]?.durationTicks).toBeGreaterThan(8_900);
  });

  it('an ffmpeg that is killed is started anew after a while, and goes on at the next keyframe', async () => {
    const watched = open(two);
    await watched.start(plain);
    watched.push(plain.units.slice(0, 40));
    await eventually('the first pictures', () => watched.output('low').length > 20);
    const firstPid = watched.ladder.pid ?? 0;
    process.kill(firstPid, 'SIGKILL');
    await eventually('it is seen to be gone', () => watched.ladder.pid === undefined);
    const before = watched.output('low').length;
    // Not at once: the keyframe at one second does not start it.
    watched.push(plain.units.slice(40, 61));
    expect(watched.ladder.pid).toBeUndefined();
    watched.clock.advance(1_000);
    watched.push(plain.units.slice(61));
    expect(watched.ladder.pid).not.toBe(firstPid);
    watched.ladder.endRun();
    const last = plain.units.at(-1);
    await eventually('the last picture', () => watched.output('low').at(-1)?.dtsTicks === last?.dtsTicks);
    const resumed = watched.output('low')[before];
    expect(resumed?.keyframe).toBe(true);
    expect(resumed?.dtsTicks).toBe(plain.units[90]?.dtsTicks);
    const errors = watched.log.lines.filter(({ level }) => level === 'error');
    expect(errors.map(({ fields }) => fields['code'])).toEqual(['LADDER_FAILED']);
    expect(errors[0]?.message).toContain('SIGKILL');
  });

  it('waits longer from failure to failure, and says the reason of ffmpeg once', async () => {
    const program = await standIn(
      folder,
      'broken',
      `case "$*" in
        *pipe:0*) exec ffmpeg -nostdin -loglevel level+error -f lavfi -i color -vf nosuchfilter -f null - ;;
        *) exec ffmpeg "$@" ;;
      esac`,
    );
    const watched = open(two, program);
    await watched.start(plain);
    const delays: number[] = [];
    for (let round = 0; round < 8; round++) {
      watched.push(plain.units.slice(0, 1));
      expect(watched.ladder.pid).toBeDefined();
      await eventually('it ends', () => watched.ladder.pid === undefined);
      const begunMs = watched.clock.monotonicMs();
      while (watched.ladder.pid === undefined) {
        watched.clock.advance(500);
        watched.push(plain.units.slice(0, 1));
      }
      delays.push(watched.clock.monotonicMs() - begunMs);
      await eventually('it ends', () => watched.ladder.pid === undefined);
      watched.clock.advance(60_000);
    }
    expect(delays.slice(0, 3)).toEqual([500, 2_000, 8_000]);
    expect(Math.max(...delays)).toBe(30_000);
    const errors = watched.log.lines.filter(({ fields }) => fields['code'] === 'LADDER_FAILED');
    expect(errors.filter(({ level }) => level === 'error')).toHaveLength(1);
    expect(errors.length).toBeGreaterThan(8);
    expect(errors[0]?.message).toContain("No such filter: 'nosuchfilter'");
  });

  it('hardware that has no session left gives way to libx264 for this stream', async () => {
    const program = await standIn(
      folder,
      'busy-hardware',
      `case "$*" in
        *-encoders*) echo " V....D h264_nvenc"; echo " V....D libx264" ;;
        *lavfi*h264_nvenc*) ;;
        *h264_nvenc*) echo "[h264_nvenc @ 0x55] [error] OpenEncodeSessionEx failed: out of memory (10)" >&2; exit 1 ;;
        *) exec ffmpeg "$@" ;;
      esac`,
    );
    const watched = open([{ name: 'low', height: 90 }], program, 'auto');
    await watched.start(plain);
    for (let attempt = 0; attempt < 2; attempt++) {
      watched.push(plain.units.slice(0, 1));
      await eventually('it ends', () => watched.ladder.pid === undefined);
      watched.clock.advance(5_000);
    }
    watched.push(plain.units);
    watched.ladder.endRun();
    await eventually('the last picture', () => watched.output('low').length === plain.units.length);
    const begun = watched.log.lines.filter(({ message }) => message === 'Renditions are being made');
    expect(begun.map(({ fields }) => fields['encoder'])).toEqual(['h264_nvenc', 'h264_nvenc', 'libx264']);
    expect(watched.log.text).toContain('h264_nvenc: OpenEncodeSessionEx failed: out of memory (10)');
  });

  it('an ffmpeg that reads nothing is never waited for: pictures are left out, and it is killed', async () => {
    const program = await standIn(
      folder,
      'deaf',
      'case "$*" in *pipe:0*) exec sleep 60 ;; *) exec ffmpeg "$@" ;; esac',
    );
    const watched = open(two, program);
    await watched.start(plain);
    const heavy = plain.units.map((unit) => ({ ...unit, data: new Uint8Array(200_000) }));
    const heapBefore = process.memoryUsage().arrayBuffers;
    watched.push(heavy);
    for (let i = 1; i < 10; i++)
      watched.push(heavy.map((unit) => ({ ...unit, dtsTicks: unit.dtsTicks + i * 360_000 })));
    expect(process.memoryUsage().arrayBuffers - heapBefore).toBeLessThan(64 * 1_048_576);
    const pid = watched.ladder.pid ?? 0;
    const slow = watched.log.lines.filter(({ fields }) => fields['code'] === 'LADDER_TOO_SLOW');
    expect(slow).toHaveLength(1);
    watched.clock.advance(13_000);
    await eventually('it is gone', () => !isRunning(pid));
    await eventually('it is said', () => watched.log.text.includes('it was fed for 10000 ms and gave nothing'));
  });

  it('what writes no FLV is ended', async () => {
    const program = await standIn(
      folder,
      'babbling',
      'case "$*" in *pipe:0*) cat /dev/zero >&3 ;; *) exec ffmpeg "$@" ;; esac',
    );
    const watched = open(two, program);
    await watched.start(plain);
    watched.push(plain.units);
    await eventually('it is said', () => watched.log.text.includes('FLV_HEADER'));
    expect(watched.ladder.pid).toBeUndefined();
  });

  it('a new run has a process of its own, the old one gives what it has and ends', async () => {
    const larger = await encodeLadderSource({ seconds: 2, size: '640x360' });
    const later = larger.units.map((unit) => ({ ...unit, dtsTicks: unit.dtsTicks + 4 * 90_000 }));
    const watched = open([
      { name: 'high', height: 240 },
      { name: 'low', height: 90 },
    ]);
    await watched.start(plain);
    watched.push(plain.units);
    const oldPid = watched.ladder.pid ?? 0;
    watched.ladder.startRun(larger.config);
    watched.push(later);
    watched.ladder.endRun();
    await eventually('all pictures', () => watched.output('low').length === plain.units.length + later.length);
    await eventually('all pictures', () => watched.output('high').length === later.length);
    await eventually('the old one is gone', () => !isRunning(oldPid));
    const times = watched.output('low').map(({ dtsTicks }) => dtsTicks);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(watched.log.lines.filter(({ level }) => level === 'error' || level === 'warn')).toEqual([]);
  });

  it('before its timestamps wrap, after twelve days, another process goes on at a keyframe, without a gap', async () => {
    const watched = open([{ name: 'low', height: 90 }]);
    const later = plain.units.map((unit) => ({ ...unit, dtsTicks: unit.dtsTicks + 2 ** 30 * 90 }));
    await watched.start(plain);
    watched.push([...plain.units, ...later]);
    const all = plain.units.length + later.length;
    await eventually('pictures of the second', () => watched.output('low').length > plain.units.length + 30);
    expect(watched.givenUp).toEqual([]);
    watched.ladder.endRun();
    await eventually('all pictures', () => watched.output('low').length === all);
    expect(watched.output('low').map(ptsOf)).toEqual([...plain.units, ...later].map(ptsOf));
    const begun = watched.log.lines.filter(({ message }) => message === 'Renditions are being made');
    expect(new Set(begun.map(({ fields }) => fields['pid'])).size).toBe(2);
    expect(watched.log.lines.filter(({ level }) => level === 'error')).toEqual([]);
  });

  it('a source that changes all the time has three processes at most', async () => {
    const program = await standIn(
      folder,
      'slow-to-leave',
      'case "$*" in *pipe:0*) exec sleep 60 ;; *) exec ffmpeg "$@" ;; esac',
    );
    const watched = open(two, program);
    await watched.start(plain);
    for (let change = 0; change < 20; change++) {
      watched.push(plain.units.slice(0, 5));
      watched.ladder.startRun(plain.config);
    }
    const begun = () => watched.log.lines.filter(({ message }) => message === 'Renditions are being made').length;
    expect(begun()).toBe(2);
    watched.clock.advance(5_000);
    await watched.ladder.ended;
    watched.push(plain.units.slice(0, 5));
    expect(begun()).toBe(3);
  });

  it('a picture that comes back at a time that none had is left out, and that is said', async () => {
    const program = await standIn(
      folder,
      'shifting',
      'case "$*" in *pipe:0*) exec ffmpeg -itsoffset 0.007 "$@" ;; *) exec ffmpeg "$@" ;; esac',
    );
    const watched = open([{ name: 'low', height: 90 }], program);
    await watched.start(plain);
    watched.push(plain.units);
    watched.ladder.endRun();
    await watched.ladder.ended;
    expect(watched.output('low')).toEqual([]);
    expect(watched.log.lines.filter(({ fields }) => fields['code'] === 'LADDER_UNPLACED')).toHaveLength(1);
  });

  it('an ffmpeg that has gone since it was found is a failure like any other', async () => {
    const program = await standIn(folder, 'removed', 'exec ffmpeg "$@"');
    const watched = open(two, program);
    await watched.start(plain);
    await rm(program);
    watched.push(plain.units);
    await eventually('it is said', () => watched.log.text.includes('it cannot be started: spawn'));
    expect(watched.ladder.pid).toBeUndefined();
    expect(watched.givenUp).toContain('low');
  });

  it('makes nothing of a source that is lower than every rendition, and of sound alone', async () => {
    const watched = open(['720p', '480p']);
    await watched.start(plain);
    watched.push(plain.units);
    expect(watched.ladder.pid).toBeUndefined();
    watched.ladder.startRun(undefined);
    watched.push(plain.units);
    expect(watched.ladder.pid).toBeUndefined();
  });

  it('close: a stubborn ffmpeg is gone within the budget', async () => {
    const program = await standIn(
      folder,
      'stubborn',
      'case "$*" in *pipe:0*) exec sleep 60 ;; *) exec ffmpeg "$@" ;; esac',
    );
    const watched = open(two, program);
    await watched.start(plain);
    watched.push(plain.units.slice(0, 10));
    const pid = watched.ladder.pid ?? 0;
    expect(isRunning(pid)).toBe(true);
    const begunMs = watched.clock.monotonicMs();
    await watched.close();
    expect(isRunning(pid)).toBe(false);
    expect(watched.clock.monotonicMs() - begunMs).toBeLessThanOrEqual(2_000);
  });

  it('ffmpeg ends by itself when our process is killed', async () => {
    const script = join(import.meta.dirname, 'killed-ladder.ts');
    const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const pid = Number(line.toString().trim());
    expect(isRunning(pid)).toBe(true);
    child.kill('SIGKILL');
    await eventually('ffmpeg has ended', () => !isRunning(pid));
  });
});
