import { execFileSync } from 'node:child_process';
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodeOpenFile, decodeSegmentFile } from '../../../src/stores/kept/segment-file.ts';
import { decodeStateFile } from '../../../src/stores/kept/state-file.ts';
import { StreamFiles } from '../../../src/stores/kept/stream-files.ts';
import { eventually } from '../../support/condition.ts';
import { LogRecorder } from '../../support/log-recorder.ts';
import { onSmallFileSystem } from '../../support/small-file-system.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';
import { keptSegment } from './kept-segment.ts';

let parent: string;
let clock: VirtualClock;
let log: LogRecorder;
let files: StreamFiles;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'streamfront-files-'));
  clock = new VirtualClock();
  log = new LogRecorder();
  files = new StreamFiles({ folder: join(parent, 'live', 'e1'), clock, log });
});
afterEach(async () => {
  files.closeParts();
  await files.idle();
  rmSync(parent, { recursive: true, force: true });
});

const there = () => readdirSync(join(parent, 'live', 'e1')).sort();
const state = () => decodeStateFile(readFileSync(join(parent, 'live', 'e1', 'stream.json')));

describe('StreamFiles', () => {
  it('writes segments and the newest state, and leaves nothing half-written behind', async () => {
    files.writeSegment('video', keptSegment(0));
    files.writeState({ n: 1 });
    files.writeState({ n: 2 });
    files.writeSegment('audio-1', keptSegment(0));
    files.writeState({ n: 3 });
    expect(files.queuedBytes).toBe(200);
    await files.idle();
    expect(there()).toEqual(['audio-1.0.segment', 'stream.json', 'video.0.segment']);
    expect(state()).toEqual({ n: 3 });
    const file = new Uint8Array(readFileSync(join(parent, 'live', 'e1', 'video.0.segment')));
    expect(decodeSegmentFile(file).segment.msn).toBe(0);
    expect(files.queuedBytes).toBe(0);
  });

  it('removes what has left the window, what was there before a restart included, and at last everything', async () => {
    files.writeSegment('video', keptSegment(3));
    await files.idle();
    const again = new StreamFiles({ folder: join(parent, 'live', 'e1'), clock, log });
    again.adopt('video', [{ first: 3, last: 3 }]);
    for (const msn of [4, 5, 6]) again.writeSegment('video', keptSegment(msn));
    again.writeSegment('audio', keptSegment(4));
    again.removeBefore('video', 5);
    await again.idle();
    expect(there()).toEqual(['audio.4.segment', 'video.5.segment', 'video.6.segment']);
    let removed = 0;
    again.removeAll(() => removed++);
    await again.idle();
    expect(existsSync(join(parent, 'live', 'e1'))).toBe(false);
    expect(removed).toBe(1);
  });

  describe('what may wait', () => {
    const isThere = (name: string) => existsSync(join(parent, 'live', 'e1', name));
    /** What was begun before this has been written since. */
    const aWhile = async () => {
      const other = new StreamFiles({ folder: join(parent, 'live', 'other'), clock, log });
      for (let msn = 0; msn < 5; msn++) other.writeSegment('video', keptSegment(msn));
      await other.idle();
    };

    it('is written with what comes ten seconds later, removed without having been written, and once', async () => {
      files.gather(true);
      for (const msn of [1, 2, 3]) {
        files.writeSegment('video', keptSegment(msn));
        files.writeState({ msn });
        clock.advance(3_000);
      }
      files.removeBefore('video', 2);
      await aWhile();
      expect(isThere('')).toBe(false);
      clock.advance(1_000);
      files.writeSegment('video', keptSegment(4));
      await eventually('it is written', () => files.queuedBytes === 0);
      files.removeBefore('video', 4);
      files.removeBefore('video', 5);
      clock.advance(9_999);
      files.writeState({ msn: 4 });
      await aWhile();
      expect(there()).toEqual(['stream.json', 'video.2-4.segments']);
      expect(state()).toEqual({ msn: 3 });
      clock.advance(1);
      files.writeSegment('video', keptSegment(5));
      await eventually('it is removed', () => !isThere('video.2-4.segments') && isThere('video.5.segment'));
      expect(there()).toEqual(['stream.json', 'video.5.segment']);
      expect(state()).toEqual({ msn: 4 });
    });

    it('is written at once when it may not any more, or is much, or is waited for', async () => {
      files.gather(true);
      files.writeSegment('video', keptSegment(1));
      await aWhile();
      expect(isThere('')).toBe(false);
      files.gather(false);
      await eventually('it is there', () => isThere('video.1.segment'));
      files.gather(true);
      for (const msn of [2, 3]) files.writeSegment('video', keptSegment(msn, 4_194_304));
      await eventually('it is there', () => isThere('video.2-3.segments'));
      files.writeSegment('video', keptSegment(4));
      await files.idle();
      expect(isThere('video.4.segment')).toBe(true);
    });

    it('goes to one file of each rendition, but for a segment of which parts were written while it was open', async () => {
      files.writeParts('video', 1, () => keptSegment(1));
      await files.idle();
      files.gather(true);
      for (const msn of [1, 2, 3]) {
        for (const rendition of ['video', 'audio-1']) files.writeSegment(rendition, keptSegment(msn));
      }
      expect(files.queuedBytes).toBe(600);
      await files.idle();
      expect(there()).toEqual(['audio-1.1-3.segments', 'video.1.segment', 'video.2-3.segments']);
      expect(files.queuedBytes).toBe(0);
      files.gather(false);
      files.removeBefore('video', 3);
      files.removeBefore('audio-1', 3);
      await files.idle();
      expect(there()).toEqual(['audio-1.1-3.segments', 'video.2-3.segments']);
    });

    it('does not keep waiting what may not: the end of the stream', async () => {
      files.gather(true);
      files.writeSegment('video', keptSegment(1));
      await files.idle();
      let removed = false;
      files.writeSegment('video', keptSegment(2));
      files.removeAll(() => (removed = true));
      await eventually('all of it is gone', () => removed && !isThere(''));
    });
  });

  describe('the parts of an open segment', () => {
    /** One with so many parts: part `n` is one byte, `n`. */
    const open = (msn: number, count: number) => (from: number) => {
      const whole = keptSegment(msn);
      const parts = Array.from({ length: count - from }, (_, n) => ({
        bytes: Uint8Array.of(from + n),
        durationSeconds: 0.5,
        independent: from + n === 0,
        gap: false,
      }));
      if (parts.length === 0) return undefined;
      return { ...whole, segment: { ...whole.segment, parts, byteLength: parts.length, durationSeconds: 0.5 } };
    };
    const openFile = () => join(parent, 'live', 'e1', 'video.open');
    const kept = () => {
      const found = decodeOpenFile(new Uint8Array(readFileSync(openFile())));
      return { msn: found?.segment.msn, parts: found?.segment.parts.map(({ bytes }) => bytes[0]) };
    };
    const written = async (msn: number, count: number) => {
      files.writeParts('video', msn, open(msn, count));
      await files.idle();
      return kept();
    };

    it('are each written once, behind those before, and make room for those of the next one', async () => {
      expect(await written(7, 1)).toEqual({ msn: 7, parts: [0] });
      expect(await written(7, 2)).toEqual({ msn: 7, parts: [0, 1] });
      const { size } = statSync(openFile());
      expect(await written(7, 2)).toEqual({ msn: 7, parts: [0, 1] });
      expect(statSync(openFile()).size).toBe(size);
      expect(await written(7, 5)).toEqual({ msn: 7, parts: [0, 1, 2, 3, 4] });
      expect(await written(8, 2)).toEqual({ msn: 8, parts: [0, 1] });
    });

    it('become the file of their segment with what is missing of it', async () => {
      await written(7, 3);
      const { ino } = statSync(openFile());
      const whole = { ...keptSegment(7), iFrames: 9 };
      const parts = open(7, 5)(0)?.segment.parts ?? [];
      files.writeParts('video', 7, () => undefined);
      files.writeSegment('video', {
        ...whole,
        segment: { ...whole.segment, durationSeconds: 2.5, byteLength: 5, parts },
      });
      await files.idle();
      expect(there()).toEqual(['video.7.segment']);
      const file = join(parent, 'live', 'e1', 'video.7.segment');
      expect(statSync(file).ino).toBe(ino);
      const { segment, iFrames } = decodeSegmentFile(new Uint8Array(readFileSync(file)));
      expect([segment.durationSeconds, segment.byteLength, iFrames]).toEqual([2.5, 5, 9]);
      expect(segment.parts.map(({ bytes }) => bytes[0])).toEqual([0, 1, 2, 3, 4]);
      expect(await written(8, 2)).toEqual({ msn: 8, parts: [0, 1] });
      expect(decodeSegmentFile(new Uint8Array(readFileSync(file))).segment.msn).toBe(7);
    });

    it('stay until they are in the file of their segment', async () => {
      await written(7, 3);
      const seen: unknown[] = [];
      files.writeParts('video', 7, () => undefined);
      files.writeSegment('video', keptSegment(7));
      files.writeParts('video', 8, (from) => {
        seen.push(there());
        return open(8, 1)(from);
      });
      await files.idle();
      expect(seen).toEqual([['video.7.segment']]);
      expect(kept()).toEqual({ msn: 8, parts: [0] });
    });

    it.each(['alone', 'with one behind it'])(
      'go too when their segment leaves the window while it is written, %s',
      async (how) => {
        await written(7, 3);
        files.gather(true);
        files.writeSegment('video', keptSegment(7));
        if (how === 'with one behind it') files.writeSegment('video', keptSegment(8));
        const writing = files.idle();
        // It has begun, and the disk answers in another turn.
        await setImmediate();
        files.removeBefore('video', 9);
        await Promise.all([writing, files.idle()]);
        expect(there()).toEqual([]);
      },
    );

    it('are all written again where the file was given back meanwhile, or the disk has failed', async () => {
      await written(7, 2);
      files.closeParts();
      expect(await written(7, 3)).toEqual({ msn: 7, parts: [0, 1, 2] });
      rmSync(join(parent, 'live', 'e1'), { recursive: true });
      files.writeSegment('video', keptSegment(6));
      await files.idle();
      clock.advance(30_000);
      expect(await written(7, 4)).toEqual({ msn: 7, parts: [0, 1, 2, 3] });
    });

    it('hold no file open when they are given back, or everything is removed', async () => {
      const held = () =>
        readdirSync('/proc/self/fd').filter((descriptor) => {
          try {
            return readlinkSync(join('/proc/self/fd', descriptor)).startsWith(parent);
          } catch {
            return false;
          }
        }).length;
      await written(7, 2);
      expect(held()).toBe(1);
      files.closeParts();
      await files.idle();
      expect(held()).toBe(0);
      await written(7, 3);
      files.removeAll(() => {});
      await files.idle();
      expect(held()).toBe(0);
      expect(existsSync(join(parent, 'live', 'e1'))).toBe(false);
    });
  });

  it('says once that it cannot write, rests, and writes on when it can again', async () => {
    writeFileSync(join(parent, 'live'), 'a file where the folder belongs');
    const warnings = () => log.lines.filter(({ fields }) => fields['code'] === 'LIVE_KEEP_FAILED');
    for (let attempt = 0; attempt < 3; attempt++) {
      files.writeSegment('video', keptSegment(attempt));
      files.writeState({ attempt });
      await files.idle();
      clock.advance(30_000);
    }
    expect(warnings()).toHaveLength(1);
    expect(warnings()[0]?.fields['folder']).toBe(join(parent, 'live', 'e1'));
    expect(String(warnings()[0]?.fields['reason'])).toMatch(/ENOTDIR|EEXIST/);
    rmSync(join(parent, 'live'));
    mkdirSync(join(parent, 'live'));
    files.writeState({ again: true });
    files.writeSegment('video', keptSegment(9));
    await files.idle();
    expect(there()).toEqual(['stream.json', 'video.9.segment']);
    expect(log.lines.map(({ message }) => message)).toContain('Live stream is kept on disk again');
  });

  it('takes the state away when it falls behind, so that none that is out of date is found, and bounds what waits', async () => {
    files.writeState({ old: true });
    await files.idle();
    for (let msn = 0; msn < 20; msn++) files.writeSegment('video', keptSegment(msn, 4_194_304));
    expect(files.queuedBytes).toBeLessThanOrEqual(33_554_432);
    await files.idle();
    expect(existsSync(join(parent, 'live', 'e1', 'stream.json'))).toBe(false);
    expect(log.lines.filter(({ fields }) => fields['code'] === 'LIVE_KEEP_FAILED')).toHaveLength(1);
  });

  it('lets no more wait for a disk that hangs than it has files, for as long as it hangs, and writes on behind it', async () => {
    for (const msn of [0, 1, 2]) files.writeSegment('video', keptSegment(msn));
    files.writeState({ n: 0 });
    await files.idle();
    const pipe = join(parent, 'live', 'e1', 'video.3.segment');
    // Who opens it to write waits until somebody reads.
    execFileSync('mkfifo', [pipe]);
    files.writeSegment('video', keptSegment(3));
    await eventually('the disk is given the segment', () => files.queuedJobs === 0);
    let msn = 4;
    for (let minute = 0; minute < 20; minute++) {
      for (const last = msn + 20; msn < last; msn++) {
        files.writeSegment('video', keptSegment(msn, 4_194_304));
        files.writeState({ n: msn });
        files.writeParts('video', msn + 1, () => keptSegment(msn + 1));
        files.removeBefore('video', msn - 12);
      }
      clock.advance(60_000);
      expect(files.queuedBytes).toBeLessThanOrEqual(33_554_432);
      // Removals of the state, of the segments that were there, and of the one that hangs.
      expect(files.queuedJobs).toBeLessThanOrEqual(5);
    }
    const reader = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
    files.writeSegment('video', keptSegment(msn));
    files.writeState({ n: msn });
    await files.idle();
    closeSync(reader);
    expect(there()).toEqual(['stream.json', `video.${msn}.segment`]);
    expect(state()).toEqual({ n: msn });
  });

  it('goes on without a state on a disk that is full, and with one when there is room', async () => {
    const { code, output } = await onSmallFileSystem(parent, join(import.meta.dirname, 'full-stream-disk.ts'));
    expect(output).toBe('');
    expect(code).toBe(0);
  });
});
