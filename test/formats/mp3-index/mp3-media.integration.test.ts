import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StoredItem } from '../../../src/formats/media/stored-media.ts';
import { decodeMp3, openMp3 } from '../../../src/formats/mp3-index/mp3-media.ts';
import { run } from '../../support/ffmpeg.ts';
import { probedPackets } from '../../support/probed-packets.ts';
import { StoredBytes } from '../../support/stored-bytes.ts';

/** Loud and soft by turns, so that a variable bit rate varies. */
const sound = 'aevalsrc=0.4*sin(440*2*PI*t)*gt(mod(t\\,8)\\,4)+0.3*random(0)*gt(mod(t\\,5)\\,3):s=44100';
const tags = ['-metadata', `title=${'long '.repeat(400)}`, '-id3v2_version', '3', '-write_id3v1', '1'];

interface Written {
  readonly options: readonly string[];
  /** How far from the truth a seek may be: nothing where frames are all of a length. */
  readonly toleranceMs: number;
}

const frameMs = 1_152 / 44.1;
const files: Readonly<Record<string, Written>> = {
  'constant bit rate with Info': { options: ['-b:a', '128k'], toleranceMs: 0 },
  'constant bit rate without a header': { options: ['-b:a', '128k', '-write_xing', '0'], toleranceMs: 0 },
  'constant bit rate with tags at both ends': { options: ['-b:a', '192k', ...tags], toleranceMs: 0 },
  'variable bit rate with Xing': { options: ['-q:a', '4', ...tags], toleranceMs: 1_500 },
  'variable bit rate without a header': { options: ['-q:a', '4', '-write_xing', '0'], toleranceMs: 4_000 },
  'one channel at 22,050 Hz': { options: ['-ac', '1', '-ar', '22050', '-b:a', '32k'], toleranceMs: 0 },
};
const seconds = 60;

describe('openMp3, of files that ffmpeg writes', () => {
  let folder = '';
  const written = new Map<string, { readonly bytes: Uint8Array; readonly packets: readonly Frame[] }>();

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mp3-media-'));
    for (const [index, [name, { options }]] of Object.entries(files).entries()) {
      const path = join(folder, `${index}.mp3`);
      const input = ['-f', 'lavfi', '-i', sound, '-t', String(seconds), '-c:a', 'libmp3lame'];
      const { code, standardError } = await run('ffmpeg', ['-v', 'error', '-nostdin', ...input, ...options, path]);
      if (code !== 0) throw new Error(`${name}: ${standardError}`);
      const packets = await probedPackets(path);
      const baseMs = packets[0]?.presentationMs ?? 0;
      written.set(name, {
        bytes: new Uint8Array(await readFile(path)),
        packets: packets.map(({ presentationMs, md5 }) => ({ timeMs: presentationMs - baseMs, md5 })),
      });
    }
  }, 60_000);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  function opened(name: string) {
    const { bytes, packets } = written.get(name) ?? { bytes: new Uint8Array(0), packets: [] };
    const file = new StoredBytes(bytes);
    return { file, packets, media: file.read(openMp3(bytes.length)) };
  }

  it.each(Object.keys(files))('gives the frames and times that ffprobe sees: %s', (name) => {
    const { file, packets, media } = opened(name);
    const frames = described([...file.items(file.read(media.cursorAt(0)))]);
    expect(frames.map(({ md5 }) => md5)).toEqual(packets.map(({ md5 }) => md5));
    for (const [index, { timeMs }] of frames.entries()) {
      expect(Math.abs(timeMs - (packets[index]?.timeMs ?? 0))).toBeLessThanOrEqual(1);
    }
  });

  it.each(Object.keys(files))('says the duration: %s', (name) => {
    const { media } = opened(name);
    // LAME says what it has added; without that a frame or two of silence count.
    const tolerance = name.includes('with ') ? 30 : files[name]?.toleranceMs === 0 ? 120 : 5_000;
    expect(Math.abs(media.durationMs - seconds * 1_000)).toBeLessThanOrEqual(tolerance);
  });

  it.each(Object.entries(files))('begins anywhere at a frame at or before: %s', (name, { toleranceMs }) => {
    const { file, packets, media } = opened(name);
    for (const timeMs of [0, 1, 5_000, 12_345, 29_999, 45_000, 59_000, 1e9, Number.POSITIVE_INFINITY]) {
      file.readBytes = 0;
      const cursor = file.read(media.cursorAt(timeMs));
      expect(file.readBytes).toBeLessThan(40_000);
      expect(cursor.startMs).toBeLessThanOrEqual(timeMs);
      const rest = described([...file.items(cursor)]);
      // Silent frames are all the same: how many follow says which frame it is.
      const position = packets.length - rest.length;
      expect(rest.map(({ md5 }) => md5)).toEqual(packets.slice(position).map(({ md5 }) => md5));
      const [first] = rest;
      if (first === undefined) {
        expect(timeMs).toBeGreaterThan(59_000);
        continue;
      }
      expect(first.timeMs).toBe(cursor.startMs);
      expect(Math.abs((packets[position]?.timeMs ?? Number.NaN) - first.timeMs)).toBeLessThanOrEqual(toleranceMs + 1);
      if (timeMs < 59_000) expect(timeMs - first.timeMs).toBeLessThanOrEqual(2 * frameMs);
    }
  });

  it('makes of what it has encoded the same', () => {
    const { file, media } = opened('variable bit rate with Xing');
    const again = decodeMp3(media.encode());
    expect(again.encode()).toEqual(media.encode());
    const from = (source: typeof media) => described([...file.items(file.read(source.cursorAt(30_000)))]);
    expect(from(again)).toEqual(from(media));
    expect(from(again).length).toBeGreaterThan(100);
  });
});

interface Frame {
  readonly timeMs: number;
  readonly md5: string;
}

function described(items: readonly StoredItem[]): Frame[] {
  return items.flatMap((item) =>
    item.kind === 'unit'
      ? { timeMs: item.unit.timestampMs, md5: createHash('md5').update(item.unit.data).digest('hex') }
      : [],
  );
}
