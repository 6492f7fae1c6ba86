import { describe, expect, it } from 'vitest';
import type { AccessUnit } from '../../src/formats/media/access-unit.ts';
import type { AvcTrackConfig } from '../../src/formats/media/track.ts';
import type { Slate } from '../../src/live/slate.ts';
import { streamsList } from '../../src/origin/streams-list.ts';
import { KeptHouse, type KeptOrigin } from '../support/kept-origin.ts';
import { type ParsedPlaylist, type ParsedSegment, parsePlaylist } from '../support/parsed-playlist.ts';
import { validateMediaPlaylists } from '../support/playlist-validator.ts';
import { audioConfig, audioUnits, interleaved, videoConfig, videoUnits } from '../support/synthetic-units.ts';

const both = [videoConfig, audioConfig];
const clipConfig: AvcTrackConfig = {
  ...videoConfig,
  codecString: 'avc1.42c01e',
  description: Uint8Array.of(1, 0x42, 0xc0, 0x1e, 0xff, 0xe0, 0),
  width: 640,
  height: 360,
};
const clipMs = 4_500;

/** 4.5 s long, with a keyframe each 1.5 s. */
const clip = interleaved(
  videoUnits({ seconds: clipMs / 1_000, framesPerSecond: 20, gop: 30 }),
  audioUnits({ seconds: clipMs / 1_000 }),
);

const slate: Slate = {
  afterMs: 1_000,
  stallMs: 5_000,
  clip: {
    trackConfigs: [clipConfig, audioConfig],
    at: (index) => {
      const unit = clip[index % clip.length];
      if (unit === undefined) throw new Error('the clip is empty');
      const decodeMs = Math.floor(index / clip.length) * clipMs + unit.timestampMs;
      return { decodeMs, unit: { ...unit, timestampMs: decodeMs } };
    },
  },
};

function run(seconds: number, fromMs = 0): AccessUnit[] {
  return interleaved(videoUnits({ fromMs, seconds, bytes: 100 }), audioUnits({ fromMs, seconds }));
}

function parsed(house: KeptHouse, name = 'video'): ParsedPlaylist {
  return parsePlaylist(house.histories.get(`${name}.m3u8`)?.at(-1) ?? '');
}

/** Runs of segments without a discontinuity. */
function runs({ segments }: ParsedPlaylist): ParsedSegment[][] {
  const found: ParsedSegment[][] = [];
  for (const segment of segments) {
    if (segment.discontinuity || found.length === 0) found.push([]);
    found.at(-1)?.push(segment);
  }
  return found;
}

function secondsOf(segments: readonly ParsedSegment[]): number {
  return segments.reduce((sum, { durationSeconds }) => sum + durationSeconds, 0);
}

function entry(origin: KeptOrigin) {
  const publishersOf = (path: string) => origin.directory.publishersOf(path);
  return streamsList(origin.channels.list(), { publishersOf }).streams[0];
}

describe('the playlists of a stream with a slate', () => {
  it('have it between two discontinuities, its loops without any, each with its own codec and the right date', async () => {
    await using house = new KeptHouse({}, slate);
    const origin = await house.start();
    origin.publish(both);
    origin.send(run(8));
    origin.unpublish();
    const leftMs = house.clock.wallMs();
    origin.wait(13);
    const backMs = house.clock.wallMs();
    origin.publish(both);
    origin.send(run(6, 90_000));
    origin.unpublish();

    const playlist = parsed(house);
    const [first, second, third, ...others] = runs(playlist);
    expect(others).toEqual([]);
    expect(secondsOf(first ?? [])).toBeCloseTo(8, 1);
    expect(secondsOf(second ?? [])).toBeCloseTo(12, 1);
    expect(secondsOf(third ?? [])).toBeCloseTo(6, 1);
    expect([first, second, third].map((segments) => segments?.[0]?.initUri)).toEqual([
      'e1/video/init-0.mp4',
      'e1/video/init-1.mp4',
      'e1/video/init-2.mp4',
    ]);
    expect(Math.abs((second?.[0]?.programDateTimeMs ?? 0) - leftMs - 1_000)).toBeLessThan(60);
    expect(Math.abs((third?.[0]?.programDateTimeMs ?? 0) - backMs)).toBeLessThan(60);
    expect(playlist.independentSegments).toBe(true);
    expect(playlist.segments.some(({ gap }) => gap)).toBe(false);
    expect(runs(parsed(house, 'audio')).map(([segment]) => segment?.msn)).toEqual(
      [first, second, third].map((segments) => segments?.[0]?.msn),
    );
    expect(validateMediaPlaylists(house.histories)).toEqual([]);
  });

  it('have it after a kill of the origin too, and end when nobody comes', async () => {
    await using house = new KeptHouse({ reconnectGrace: '20s' }, slate);
    const first = await house.start();
    first.publish(both);
    first.send(run(8));
    first.unpublish();
    first.wait(5);
    await house.sync();
    await house.killed(0);
    house.clock.advance(2_000);

    const second = await house.start();
    expect(entry(second)).toMatchObject({ state: 'waiting', encoder: 'test', publishers: [] });
    second.wait(8);
    expect(parsed(house).segments.at(-1)?.gap).toBe(false);
    expect(entry(second)?.publishers).toMatchObject([{ role: 'slate', state: 'active', encoder: null }]);
    second.wait(12);
    expect(parsed(house).ended).toBe(true);
    expect(second.directory.list()).toEqual([]);
    expect([...house.epochs]).toEqual(['e1']);
    expect(validateMediaPlaylists(house.histories)).toEqual([]);
  });

  it('have no gap where the origin is stopped while it plays', async () => {
    await using house = new KeptHouse({}, slate);
    const first = await house.start();
    first.publish(both);
    first.send(run(8));
    first.unpublish();
    first.wait(4.1);
    await first.stop();
    house.clock.advance(2_000);
    const second = await house.start();
    second.wait(5);
    second.publish(both);
    second.send(run(3, 5_000));
    second.unpublish();
    const playlist = parsed(house);
    expect(runs(playlist)).toHaveLength(4);
    expect(playlist.segments.some(({ gap }) => gap)).toBe(false);
    expect(validateMediaPlaylists(house.histories)).toEqual([]);
  });

  it('have it where the publisher stalls as well', async () => {
    await using house = new KeptHouse({}, slate);
    const origin = await house.start();
    origin.publish(both);
    origin.send(run(8));
    origin.wait(12);
    const backMs = house.clock.wallMs();
    // What it has missed comes at once.
    origin.sendAtOnce(run(12, 8_000));
    origin.send(run(6, 20_000));
    origin.unpublish();
    const [first, second, third, ...others] = runs(parsed(house));
    expect(others).toEqual([]);
    expect(secondsOf(first ?? [])).toBeCloseTo(8, 1);
    expect(secondsOf(second ?? [])).toBeCloseTo(7.5, 1);
    expect(secondsOf(third ?? [])).toBeCloseTo(6, 1);
    expect(Math.abs((third?.[0]?.programDateTimeMs ?? 0) - backMs)).toBeLessThan(600);
    expect(validateMediaPlaylists(house.histories)).toEqual([]);
  });

  it('keep the sound of a publisher without any listed, with gaps, while it is there', async () => {
    await using house = new KeptHouse({}, slate);
    const origin = await house.start();
    origin.publish([videoConfig]);
    origin.send(videoUnits({ seconds: 6 }));
    origin.unpublish();
    origin.wait(8);
    origin.publish([videoConfig]);
    origin.send(videoUnits({ fromMs: 700, seconds: 6 }));
    origin.unpublish();
    expect(runs(parsed(house))).toHaveLength(3);
    expect(validateMediaPlaylists(house.histories, ['audio.m3u8'])).toEqual([]);
  });
});

describe('/live/streams.json', () => {
  it('says that the slate is on the air, that there is something to play, and who published last', async () => {
    await using house = new KeptHouse({}, slate);
    const origin = await house.start();
    origin.publish(both);
    origin.send(run(5));
    origin.unpublish();
    expect(entry(origin)).toMatchObject({ state: 'waiting', encoder: 'test', publishers: [] });
    const since = entry(origin)?.since;
    const leftMs = house.clock.wallMs();
    origin.wait(5);
    expect(entry(origin)).toMatchObject({
      state: 'live',
      encoder: 'test',
      since,
      publishers: [{ role: 'slate', state: 'active', since: new Date(leftMs + 1_000).toISOString(), encoder: null }],
    });
  });
});
