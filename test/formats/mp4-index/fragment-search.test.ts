import { describe, expect, it } from 'vitest';
import type { AccessUnit } from '../../../src/formats/media/access-unit.ts';
import { defaultMp4Limits } from '../../../src/formats/mp4-index/limits.ts';
import { decodeMp4, openMp4 } from '../../../src/formats/mp4-index/mp4-media.ts';
import { sampleVideos } from '../../support/sample-tracks.ts';
import { StoredBytes } from '../../support/stored-bytes.ts';
import {
  aacEntry,
  avcEntry,
  fragmentedMp4,
  type FragmentWriting,
  type SyntheticFragment,
  type SyntheticSample,
} from '../../support/synthetic-mp4.ts';

interface Film {
  readonly seconds: number;
  /** Of the picture with this number. */
  readonly bytes: (picture: number) => number;
  /** Pictures from one keyframe to the next. */
  readonly gop: number;
  /** Of a fragment. */
  readonly pictures: number;
  /** Sound and pictures in one fragment, or the sound in one before. */
  readonly together: boolean;
  readonly soundBytes: number;
}

const plain: Film = { seconds: 200, bytes: () => 1_200, gop: 25, pictures: 25, together: true, soundBytes: 8 };

/** 25 pictures a second, sound of as many frames. */
function film(made: Film, writing?: FragmentWriting): Uint8Array {
  const { seconds, bytes, gop, pictures, together, soundBytes } = made;
  const of = (at: number, length: number, sync: boolean): SyntheticSample => {
    const data = new Uint8Array(length).fill(at);
    new DataView(data.buffer).setUint32(0, at);
    return { durationTicks: 3_600, compositionOffsetTicks: 0, sync, data };
  };
  const count = seconds * 25;
  const shown = Array.from({ length: count }, (_, at) => of(at, Math.max(4, bytes(at)), at % gop === 0));
  const heard = Array.from({ length: count }, (_, at) => of(at, soundBytes, true));
  const fragments: SyntheticFragment[] = [];
  for (let at = 0; at < count; at += pictures) {
    const [ofPictures, ofSound] = [shown, heard].map((samples, track) => ({
      track,
      samples: samples.slice(at, at + pictures),
    }));
    if (ofPictures === undefined || ofSound === undefined) continue;
    fragments.push(...(together ? [{ runs: [ofPictures, ofSound] }] : [{ runs: [ofSound] }, { runs: [ofPictures] }]));
  }
  const tracks = [
    { handler: 'vide', timescale: 90_000, entries: [avcEntry(sampleVideos.avc.record)], samples: shown },
    { handler: 'soun', timescale: 90_000, entries: [aacEntry()], samples: heard },
  ] as const;
  return fragmentedMp4(tracks, fragments, undefined, writing);
}

/** When it is sent, and which it is. */
function told({ kind, timestampMs, data }: AccessUnit): string {
  return `${timestampMs} ${kind} ${new DataView(data.buffer, data.byteOffset).getUint32(0)} of ${data.length} bytes`;
}

function opened(bytes: Uint8Array, longestWalkBytes: number) {
  const file = new StoredBytes(bytes);
  const media = file.read(openMp4(bytes.length, { ...defaultMp4Limits, longestWalkBytes }));
  const openBytes = file.readBytes;
  /** The first units from there on. */
  const unitsFrom = (timeMs: number, of = media): string[] => {
    const units: string[] = [];
    for (const item of file.items(file.read(of.cursorAt(timeMs)))) {
      if (item.kind === 'unit') units.push(told(item.unit));
      if (units.length === 80) break;
    }
    return units;
  };
  return { file, media, openBytes, unitsFrom };
}

const films: Record<string, Film> = {
  'of an even bit rate': plain,
  'of a bit rate that varies': { ...plain, bytes: (at) => (at % 2_000 < 1_000 ? 8 : 6_000) },
  'of fragments of a picture each': { ...plain, seconds: 60, pictures: 1, bytes: () => 4_000, gop: 50 },
  'with keyframes once in 40 s': { ...plain, gop: 1_000 },
  'of one keyframe': { ...plain, gop: 100_000 },
  'of tracks that have fragments of their own': {
    ...plain,
    together: false,
    soundBytes: 3_600,
    gop: 100,
    pictures: 100,
  },
};

describe('openMp4, long fragmented files that tell nowhere where their fragments are', () => {
  it.each(Object.entries(films))('%s: plays what a walk through all of it finds, from anywhere', (_name, made) => {
    const bytes = film(made);
    const walked = opened(bytes, Number.POSITIVE_INFINITY);
    const sparse = opened(bytes, 0);
    expect(sparse.media.durationMs).toBe(walked.media.durationMs);
    expect(sparse.media.trackConfigs).toEqual(walked.media.trackConfigs);
    const endMs = made.seconds * 1_000;
    const kept = decodeMp4(sparse.media.encode());
    const everywhere = Array.from({ length: 25 }, (_, part) => (endMs * part) / 27.7);
    for (const timeMs of [-5, 999, 1_000, 5_039, ...everywhere, endMs - 4_000, endMs - 40, endMs + 9_000]) {
      const expected = walked.unitsFrom(timeMs);
      expect(expected.length).toBeGreaterThan(0);
      expect(sparse.unitsFrom(timeMs)).toEqual(expected);
      expect(sparse.unitsFrom(timeMs, kept)).toEqual(expected);
    }
  });

  it('reads a little of it, to open it and to go anywhere', () => {
    const bytes = film({ ...plain, seconds: 1_200, bytes: () => 2_400 });
    const { file, openBytes, unitsFrom } = opened(bytes, defaultMp4Limits.longestWalkBytes);
    expect(bytes.length).toBeGreaterThan(70_000_000);
    expect(openBytes).toBeLessThan(600_000);
    for (const timeMs of [1_000_000, 300_000, 601_000]) {
      const before = file.readBytes;
      const [first] = unitsFrom(timeMs);
      expect(first?.startsWith(`${timeMs} video`)).toBe(true);
      expect(file.readBytes - before).toBeLessThan(900_000);
    }
  });

  it('says no keyframes, of which it knows two', () => {
    const bytes = film(plain);
    expect(opened(bytes, 0).media.keyframes.timesMs).toHaveLength(0);
    expect(opened(bytes, Number.POSITIVE_INFINITY).media.keyframes.timesMs).toHaveLength(200);
  });

  it('is walked through where fragments do not say when they begin', () => {
    const bytes = film({ ...plain, seconds: 20 }, { base: 'moof', decodeTimes: false });
    const { media, unitsFrom } = opened(bytes, 0);
    expect(media.keyframes.timesMs).toHaveLength(20);
    expect(unitsFrom(10_500)[0]).toMatch(/^10000 video 250 /);
  });
});
