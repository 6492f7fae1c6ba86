import { describe, expect, it } from 'vitest';
import type { CmafTrackConfig } from '../../src/formats/cmaf/cmaf-track.ts';
import type { CutGap, CutPart, SegmentStart } from '../../src/policy/part-cutter.ts';
import { SegmentCutter } from '../../src/policy/segment-cutter.ts';
import { SplicePoints } from '../../src/policy/splice-points.ts';
import type { TimedTrack, TimedUnit } from '../../src/policy/timed-unit.ts';
import { trackNumber } from '../../src/formats/media/track.ts';
import { audioConfig, videoConfig } from '../support/synthetic-units.ts';

interface CutSegment extends SegmentStart {
  readonly parts: CutPart[];
  durationTicks: number | undefined;
  /** How many parts there were each time when it was told that no other comes. */
  readonly toldLast: number[];
}

/** What came out, by rendition. */
class Cuts {
  readonly segments = { video: [] as CutSegment[], audio: [] as CutSegment[] };
  readonly gaps = { video: [] as CutGap[], audio: [] as CutGap[] };
  readonly splices = new SplicePoints();
  readonly cutter: SegmentCutter;

  constructor(targetDurationSeconds = 2, partTargetMs = 350, segmentSeconds = 2) {
    this.cutter = new SegmentCutter(
      { targetDurationSeconds, partTargetMs, segmentSeconds },
      {
        onSegmentStart: ({ config: { kind } }, start) =>
          this.segments[kind].push({ ...start, parts: [], durationTicks: undefined, toldLast: [] }),
        onPart: ({ config: { kind } }, part) => this.segments[kind].at(-1)?.parts.push(part),
        onLastPart: ({ config: { kind } }) => {
          const segment = this.segments[kind].at(-1);
          segment?.toldLast.push(segment.parts.length);
        },
        onSegmentEnd: ({ config: { kind } }, durationTicks) => {
          const segment = this.segments[kind].at(-1);
          if (segment !== undefined) segment.durationTicks = durationTicks;
        },
        onGap: ({ config: { kind } }, gap) => this.gaps[kind].push(gap),
        onRunEnd: () => undefined,
      },
      undefined,
      this.splices,
    );
  }

  run(tracks: readonly CmafTrackConfig[], units: readonly TimedUnit[]): this {
    this.cutter.onEpoch(tracks.map(timedTrack));
    for (const unit of units) this.cutter.onUnit(unit);
    return this;
  }

  flush(): this {
    this.cutter.flush();
    return this;
  }

  starts(kind: 'video' | 'audio'): number[] {
    const timescale = kind === 'video' ? 90_000 : audioConfig.sampleRate;
    return this.segments[kind].map(({ startTicks }) => startTicks / timescale);
  }

  units(kind: 'video' | 'audio'): TimedUnit[] {
    return this.segments[kind].flatMap(({ parts }) => parts.flatMap((part) => part.units));
  }
}

const both = [videoConfig, audioConfig];
const timedTrack = (config: CmafTrackConfig): TimedTrack => ({ track: trackNumber(config), config });
const trackOf = { video: trackNumber(videoConfig), audio: trackNumber(audioConfig) };
const noBytes = new Uint8Array(0);

function pictures(fromSeconds: number, seconds: number, gop = 60, framesPerSecond = 30): TimedUnit[] {
  const durationTicks = 90_000 / framesPerSecond;
  return Array.from({ length: Math.round(seconds * framesPerSecond) }, (_, index) => ({
    track: trackOf.video,
    dtsTicks: Math.round(fromSeconds * 90_000) + index * durationTicks,
    durationTicks,
    compositionOffsetTicks: 0,
    keyframe: index % gop === 0,
    data: noBytes,
  }));
}

function sound(fromSeconds: number, seconds: number): TimedUnit[] {
  const first = Math.round(fromSeconds * audioConfig.sampleRate);
  return Array.from({ length: Math.round((seconds * audioConfig.sampleRate) / 1_024) }, (_, index) => ({
    track: trackOf.audio,
    dtsTicks: first + index * 1_024,
    durationTicks: 1_024,
    compositionOffsetTicks: 0,
    keyframe: true,
    data: noBytes,
  }));
}

const secondsOf = ({ track, dtsTicks }: TimedUnit) =>
  dtsTicks / (track === trackOf.video ? 90_000 : audioConfig.sampleRate);
const inOrder = (...tracks: TimedUnit[][]) => tracks.flat().sort((a, b) => secondsOf(a) - secondsOf(b));

describe('SegmentCutter, splice points', () => {
  /** Pictures of ten seconds with sound beside. */
  const spliced = (points: readonly number[], gop: number, compositionOffsetTicks = 0) => {
    const cuts = new Cuts();
    for (const point of points) cuts.splices.add(point);
    const video = pictures(0, 10, gop).map((unit) => ({ ...unit, compositionOffsetTicks }));
    return cuts.run(both, inOrder(video, sound(0, 10))).flush();
  };

  it('ends a segment early at a keyframe that stands there, in all renditions', () => {
    const cuts = spliced([5], 15);
    expect(cuts.starts('video')).toEqual([0, 2, 4, 5, 7, 9]);
    cuts.starts('audio').forEach((seconds, index) => {
      expect(Math.abs(seconds - (cuts.starts('video')[index] ?? Number.NaN))).toBeLessThan(0.022);
    });
    expect(spliced([], 15).starts('video')).toEqual([0, 2, 4, 6, 8]);
  });

  it('ends it at the first keyframe behind', () => {
    expect(spliced([4.6], 15).starts('video')).toEqual([0, 2, 4, 5, 7, 9]);
    expect(spliced([4.6], 60).starts('video')).toEqual([0, 2, 4, 6, 8]);
  });

  it('takes the keyframe that is shown there, not the one that is decoded there', () => {
    expect(spliced([5.1], 15, 9_000).starts('video')).toEqual([0, 2, 4, 5, 7, 9]);
  });

  it('makes no second cut for a point that a segment begins with, give or take half a picture, or for one that is over', () => {
    expect(spliced([3.99, 4, 4.01], 15).starts('video')).toEqual([0, 2, 4, 6, 8]);
    const cuts = spliced([], 15);
    cuts.splices.add(3);
    cuts.run(both, inOrder(pictures(20, 4, 15), sound(20, 4)));
    expect(cuts.starts('video').slice(-2)).toEqual([20, 22]);
  });

  it('cuts sound that is alone at the frame that is heard there', () => {
    const cuts = new Cuts();
    cuts.splices.add(3);
    const starts = cuts.run([audioConfig], sound(0, 6)).starts('audio');
    expect(Math.min(...starts.map((seconds) => Math.abs(seconds - 3)))).toBeLessThan(0.011);
  });

  it('remembers the latest of very many points', () => {
    const splices = new SplicePoints();
    for (let seconds = 0; seconds < 1_000; seconds++) splices.add(seconds);
    expect(splices.liesBetween(0, 900)).toBe(false);
    expect(splices.liesBetween(998, 999)).toBe(true);
  });
});

describe('SegmentCutter, segments', () => {
  it('cuts at keyframes, two seconds apart', () => {
    const cuts = new Cuts().run([videoConfig], pictures(10, 8));
    expect(cuts.starts('video')).toEqual([10, 12, 14, 16]);
    expect(cuts.segments.video.every(({ independent }) => independent)).toBe(true);
    expect(cuts.segments.video.map(({ msn }) => msn)).toEqual([1, 2, 3, 4]);
  });

  it('goes beyond the aim for the next keyframe, when that is near enough', () => {
    const cuts = new Cuts().run([videoConfig], pictures(0, 8, 24));
    expect(
      cuts
        .starts('video')
        .slice(0, 3)
        .map((seconds) => Number(seconds.toFixed(3))),
    ).toEqual([0, 2.4, 4.8]);
  });

  it('cuts without a keyframe what would round over TARGETDURATION, and at the next keyframe again', () => {
    const cuts = new Cuts().run([videoConfig], pictures(0, 12, 150));
    const segments = cuts.segments.video;
    expect(segments.slice(0, 4).map(({ independent }) => independent)).toEqual([true, false, false, true]);
    expect(cuts.starts('video')[3]).toBe(5);
    for (const { durationTicks } of segments) expect(Math.round((durationTicks ?? 0) / 90_000)).toBeLessThanOrEqual(2);
  });

  it('drops what comes before the first keyframe, and sound older than a quarter of a second before it', () => {
    const video = pictures(0, 5).map((unit, index) => ({ ...unit, keyframe: index === 45 || index === 105 }));
    const cuts = new Cuts().run(both, inOrder(video, sound(0, 5)));
    expect(cuts.starts('video')[0]).toBe(1.5);
    expect(cuts.starts('audio')[0]).toBeGreaterThanOrEqual(1.25);
    expect(cuts.starts('audio')[0]).toBeLessThan(1.28);
  });

  it('begins sound where video begins: its first frame at or after', () => {
    const cuts = new Cuts().run(both, inOrder(pictures(0, 10), sound(0.01, 10)));
    cuts.starts('audio').forEach((seconds, index) => {
      const video = cuts.starts('video')[index] ?? Number.NaN;
      expect(seconds).toBeGreaterThanOrEqual(video);
      expect(seconds).toBeLessThan(video + 0.0214);
    });
    expect(cuts.starts('audio')).toHaveLength(5);
  });

  it('does so even when sound comes first by half a second', () => {
    const early = sound(0, 10).map((unit) => ({ unit, at: secondsOf(unit) - 0.5 }));
    const video = pictures(0, 10).map((unit) => ({ unit, at: secondsOf(unit) }));
    const units = [...early, ...video].sort((a, b) => a.at - b.at).map(({ unit }) => unit);
    const cuts = new Cuts().run(both, units);
    expect(
      cuts
        .starts('audio')
        .slice(1)
        .every((seconds, index) => seconds >= (cuts.starts('video')[index + 1] ?? 0)),
    ).toBe(true);
  });

  it('cuts sound alone at the aim', () => {
    const cuts = new Cuts().run([audioConfig], sound(0, 10));
    const complete = cuts.segments.audio.filter(({ durationTicks }) => durationTicks !== undefined);
    expect(complete.length).toBeGreaterThanOrEqual(4);
    for (const { durationTicks } of complete) expect(Math.abs((durationTicks ?? 0) / 48_000 - 2)).toBeLessThan(0.05);
  });

  it('loses no unit and gives none twice', () => {
    const units = inOrder(pictures(0, 9.3), sound(0.02, 9.2));
    const cuts = new Cuts().run(both, units).flush();
    for (const kind of ['video', 'audio'] as const) {
      expect(cuts.units(kind)).toEqual(units.filter((unit) => unit.track === trackOf[kind]));
    }
  });
});

describe('SegmentCutter, parts', () => {
  it('fills parts as far as PART-TARGET allows', () => {
    const cuts = new Cuts().run(both, inOrder(pictures(0, 6), sound(0, 6))).flush();
    for (const [kind, timescale] of [
      ['video', 90_000],
      ['audio', 48_000],
    ] as const) {
      for (const { parts } of cuts.segments[kind]) {
        for (const { durationTicks } of parts) expect(durationTicks / timescale).toBeLessThanOrEqual(0.35);
        for (const { durationTicks } of parts.slice(0, -1)) {
          expect(durationTicks / timescale).toBeGreaterThanOrEqual(0.35 * 0.85);
        }
      }
    }
  });

  it('gives a part out as soon as no further unit fits in, without waiting for one', () => {
    const units = pictures(0, 2);
    const cuts = new Cuts().run([videoConfig], units.slice(0, 10));
    expect(cuts.segments.video[0]?.parts).toHaveLength(1);
    expect(cuts.segments.video[0]?.parts[0]?.units).toHaveLength(10);
  });

  it('marks those that begin with a keyframe', () => {
    const cuts = new Cuts().run([videoConfig], pictures(0, 4)).flush();
    expect(cuts.segments.video[0]?.parts.map(({ independent }) => independent)).toEqual([
      true,
      ...Array.from({ length: 5 }, () => false),
    ]);
  });

  it('ends the open part with a unit that is longer than any part may be', () => {
    const units = [...pictures(0, 14 / 30), ...pictures(29 / 30, 17 / 30)].map((unit, index) =>
      index === 13 ? { ...unit, durationTicks: 48_000 } : { ...unit, keyframe: index === 0 },
    );
    const parts = new Cuts().run([videoConfig], units).flush().segments.video[0]?.parts ?? [];
    expect(parts.map((part) => part.units.length)).toEqual([10, 4, 2, 10, 5]);
    // What it stands for longer is said by the parts after it.
    expect(parts.map((part) => Math.round(part.durationTicks / 90))).toEqual([333, 350, 350, 333, 167]);
  });

  it.each([
    ['full', 30, 60, 6],
    ['short', 25, 50, 7],
  ])('tells of the %s part before a keyframe that its segment gets no other', (...[, rate, gop, last]) => {
    const cuts = new Cuts().run([videoConfig], []);
    for (const unit of pictures(0, 12, gop, rate)) {
      cuts.cutter.onExpectedUnit(unit);
      cuts.cutter.onUnit(unit);
    }
    expect(cuts.segments.video.slice(0, -1).map(({ toldLast }) => toldLast)).toEqual(
      Array.from({ length: 5 }, () => [last]),
    );
  });
});

describe('SegmentCutter, tracks that stay away', () => {
  it('lets sound wait for pictures no longer than a second', () => {
    const cuts = new Cuts().run(both, inOrder(pictures(0, 1), sound(0, 2)));
    const heard = cuts.units('audio').at(-1);
    expect(heard && secondsOf(heard)).toBeLessThan(1.05);
    for (const unit of sound(2, 2)) cuts.cutter.onUnit({ ...unit, dtsTicks: unit.dtsTicks });
    const later = cuts.units('audio').at(-1);
    expect(later && secondsOf(later)).toBeGreaterThan(2.5);
  });

  it('cuts sound by itself when pictures stay away, and makes gaps of the segments they missed', () => {
    const hole = pictures(0, 12).filter((unit) => secondsOf(unit) < 2.5 || secondsOf(unit) >= 9);
    const cuts = new Cuts().run(both, inOrder(hole, sound(0, 12))).flush();
    expect(cuts.gaps.video.length).toBeGreaterThanOrEqual(2);
    expect(cuts.gaps.audio).toEqual([]);
    const video = [...cuts.segments.video, ...cuts.gaps.video].map(({ msn }) => msn).sort((a, b) => a - b);
    expect(video).toEqual(cuts.segments.audio.map(({ msn }) => msn));
    for (const { msn, startTicks } of cuts.segments.video) {
      const twin = cuts.segments.audio.find((segment) => segment.msn === msn);
      expect(Math.abs(startTicks / 90_000 - (twin?.startTicks ?? 0) / 48_000)).toBeLessThan(1.25);
    }
  });

  it('makes gaps of what pictures have missed that were given up with the first of them, also if that is no keyframe', () => {
    const hole = pictures(0, 9).filter((unit) => secondsOf(unit) < 2.5 || secondsOf(unit) >= 8.5);
    const isBack = (unit: TimedUnit) => secondsOf(unit) >= 8.5;
    const units = inOrder(hole, sound(0, 9));
    const cuts = new Cuts().run(
      both,
      units.filter((unit) => !isBack(unit)),
    );
    cuts.cutter.giveUpBefore(3, 3);
    expect(cuts.gaps.video).toEqual([]);
    for (const unit of units.filter(isBack).slice(0, 4)) cuts.cutter.onUnit(unit);
    expect(cuts.gaps.video.map(({ msn }) => msn)).toEqual([3]);
  });

  it('ends segments of pictures in time that sound has left out which runs ahead of them', () => {
    const video = pictures(0, 6, 150);
    const [before, behind] = [video.slice(0, 60), video.slice(60)];
    const cuts = new Cuts().run(both, [...inOrder(before, sound(0, 2)), ...sound(4.8, 0.2), ...behind]).flush();
    const [, second, third] = cuts.starts('video');
    expect(second).toBe(2);
    expect(third).toBeLessThan(4.5);
    for (const { parts } of cuts.segments.video) {
      for (const { durationTicks } of parts.slice(0, -1)) expect(durationTicks).toBeGreaterThan(0.85 * 0.35 * 90_000);
    }
  });

  it('ends both renditions with the same sequence number', () => {
    const cuts = new Cuts().run(both, inOrder(pictures(0, 4.1), sound(0, 3.5))).flush();
    const last = (kind: 'video' | 'audio') =>
      Math.max(...[...cuts.segments[kind], ...cuts.gaps[kind]].map(({ msn }) => msn));
    expect(last('video')).toBe(3);
    expect(last('audio')).toBe(3);
  });

  it('makes gaps for a rendition that the next run does not have', () => {
    const cuts = new Cuts().run(both, inOrder(pictures(0, 4), sound(0, 4)));
    cuts.run([videoConfig], pictures(10, 4)).flush();
    expect(cuts.gaps.audio.map(({ msn, discontinuity }) => [msn, discontinuity])).toEqual([
      [3, true],
      [4, false],
    ]);
    expect(cuts.segments.video.map(({ msn }) => msn)).toEqual([1, 2, 3, 4]);
  });

  it('takes a rendition in that a later run has for the first time, with the number of the others', () => {
    const cuts = new Cuts().run([videoConfig], pictures(0, 4));
    cuts.run(both, inOrder(pictures(10, 4), sound(10, 4))).flush();
    expect(cuts.segments.audio.map(({ msn }) => msn)).toEqual([3, 4]);
  });
});

describe('SegmentCutter, runs', () => {
  it('marks the first segment of every run but the first as a discontinuity, in every rendition', () => {
    const cuts = new Cuts();
    for (const at of [0, 20, 40]) cuts.run(both, inOrder(pictures(at, 4), sound(at, 4)));
    cuts.flush();
    for (const kind of ['video', 'audio'] as const) {
      expect(cuts.segments[kind].map(({ discontinuity }) => discontinuity)).toEqual([
        false,
        false,
        true,
        false,
        true,
        false,
      ]);
    }
  });

  it('ends the open segment at once when it is flushed, and does nothing the second time', () => {
    const cuts = new Cuts().run(both, inOrder(pictures(0, 2.5), sound(0, 2.5))).flush();
    expect(cuts.segments.video.at(-1)?.durationTicks).toBe(45_000);
    const before = JSON.stringify([cuts.segments.video.length, cuts.gaps]);
    cuts.flush();
    expect(JSON.stringify([cuts.segments.video.length, cuts.gaps])).toBe(before);
  });
});
