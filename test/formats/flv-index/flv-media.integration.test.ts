import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeFlv, openFlv } from '../../../src/formats/flv-index/flv-media.ts';
import type { StoredItem } from '../../../src/formats/media/stored-media.ts';
import { run } from '../../support/ffmpeg.ts';
import { type ProbedPacket, probedPackets } from '../../support/probed-packets.ts';
import { StoredBytes } from '../../support/stored-bytes.ts';

const picture = ['-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=30'];
const tone = ['-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=44100'];
const avc = ['-c:v', 'libx264', '-preset', 'ultrafast', '-bf', '2', '-g', '45', '-b:v', '400k'];
const aac = ['-c:a', 'aac', '-ac', '2'];

/** Files as ffmpeg writes them, by what is odd about them. */
const files: Readonly<Record<string, readonly string[]>> = {
  'H.264 with B-frames and AAC': [...picture, ...tone, '-t', '20', ...avc, ...aac],
  'with a table of keyframes': [...picture, ...tone, '-t', '20', ...avc, ...aac, '-flvflags', 'add_keyframe_index'],
  'without a duration': [...picture, ...tone, '-t', '20', ...avc, ...aac, '-flvflags', 'no_duration_filesize'],
  'one keyframe only': [...picture, ...tone, '-t', '20', ...avc, '-g', '1000', '-sc_threshold', '0', ...aac],
  'pictures alone': [...picture, '-t', '20', ...avc],
  'MP3 alone': [...tone, '-t', '20', '-c:a', 'libmp3lame', '-q:a', '2'],
  'beginning an hour in': [...picture, ...tone, '-t', '10', ...avc, ...aac, '-output_ts_offset', '3600'],
  'timestamps that wrap': [...picture, ...tone, '-t', '10', ...avc, ...aac, '-output_ts_offset', '2147480'],
};

describe('openFlv, of files that ffmpeg writes', () => {
  let folder = '';
  const written = new Map<string, { readonly bytes: Uint8Array; readonly packets: readonly ProbedPacket[] }>();

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'flv-media-'));
    for (const [index, [name, options]] of Object.entries(files).entries()) {
      const path = join(folder, `${index}.flv`);
      const { code, standardError } = await run('ffmpeg', ['-v', 'error', '-nostdin', ...options, path]);
      if (code !== 0) throw new Error(`${name}: ${standardError}`);
      written.set(name, { bytes: new Uint8Array(await readFile(path)), packets: await probedPackets(path) });
    }
  }, 120_000);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  function opened(name: string) {
    const { bytes, packets } = written.get(name) ?? { bytes: new Uint8Array(0), packets: [] };
    const file = new StoredBytes(bytes);
    const baseMs = packets[0]?.decodeMs ?? 0;
    return {
      file,
      packets: packets.map((packet) => inFileTime(packet, baseMs)),
      media: file.read(openFlv(bytes.length)),
    };
  }

  it.each(Object.keys(files))('gives the packets, times and keyframes that ffprobe sees: %s', (name) => {
    const { file, packets, media } = opened(name);
    const items = [...file.items(file.read(media.cursorAt(0)))];
    expect(described(items)).toEqual(packets);
    expect(items.some(({ kind }) => kind === 'config')).toBe(false);
  });

  it.each(Object.keys(files))('says the duration to a frame: %s', (name) => {
    const { packets, media } = opened(name);
    const lastMs = Math.max(...packets.map(({ presentationMs }) => presentationMs));
    expect(Math.abs(media.durationMs - lastMs)).toBeLessThan(120);
  });

  it.each(Object.keys(files))('begins anywhere at the keyframe at or before, and goes on to the end: %s', (name) => {
    const { file, packets, media } = opened(name);
    const starts = packets.filter(({ kind, keyframe }) => keyframe && (kind === 'video' || name.startsWith('MP3')));
    for (const timeMs of [
      0,
      1,
      700,
      1_499,
      1_500,
      1_501,
      4_321,
      9_000,
      12_345,
      19_999,
      1e7,
      Number.POSITIVE_INFINITY,
    ]) {
      const cursor = file.read(media.cursorAt(timeMs));
      const expected = starts.findLast(({ decodeMs }) => decodeMs <= timeMs) ?? starts[0];
      expect(cursor.startMs).toBe(expected?.decodeMs);
      const rest = described([...file.items(cursor)]);
      expect(rest[0]).toEqual(expected);
      expect(rest).toEqual(packets.slice(-rest.length));
    }
  });

  it('makes of what it has encoded the same', () => {
    const { file, media } = opened('with a table of keyframes');
    const again = decodeFlv(media.encode());
    expect(again).toEqual(media);
    expect(again.keyframes.offsets.length).toBeGreaterThan(10);
    expect(again.keyframes).toEqual(media.keyframes);
    expect(described([...file.items(file.read(again.cursorAt(9_000)))]).length).toBeGreaterThan(100);
  });

  it('goes without a table whose positions are no keyframes', () => {
    const { file, packets, media } = opened('with a table of keyframes');
    const [first = 0] = media.keyframes.offsets.slice(1);
    // Each position a little off, as after an edit of the metadata by a careless program.
    const bytes = file.bytes.slice();
    const view = new DataView(bytes.buffer);
    for (let at = 0; at < 4_000; at++) {
      for (const offset of media.keyframes.offsets) {
        if (view.getUint8(at) === 0 && view.getFloat64(at + 1) === offset) view.setFloat64(at + 1, offset + 7);
      }
    }
    const moved = new StoredBytes(bytes);
    const distrusted = moved.read(openFlv(bytes.length));
    expect(distrusted.keyframes.offsets[1]).toBe(first + 7);
    const cursor = moved.read(distrusted.cursorAt(10_000));
    expect(cursor.startMs).toBe(
      packets.findLast(({ kind, keyframe, decodeMs }) => kind === 'video' && keyframe && decodeMs <= 10_000)?.decodeMs,
    );
    expect(distrusted.keyframes.offsets).toHaveLength(0);
  });
});

/** Where timestamps wrap ffprobe goes on with others. */
function inFileTime(packet: ProbedPacket, baseMs: number): ProbedPacket {
  const decodeMs = (packet.decodeMs - baseMs) % 2 ** 31;
  return { ...packet, decodeMs, presentationMs: decodeMs + packet.presentationMs - packet.decodeMs };
}

function described(items: readonly StoredItem[]): ProbedPacket[] {
  return items.flatMap((item) => {
    if (item.kind !== 'unit') return [];
    const { unit } = item;
    return {
      kind: unit.kind,
      decodeMs: unit.timestampMs,
      presentationMs: unit.timestampMs + (unit.kind === 'video' ? unit.compositionOffsetMs : 0),
      keyframe: unit.kind === 'audio' || unit.keyframe,
      md5: createHash('md5').update(unit.data).digest('hex'),
    };
  });
}
