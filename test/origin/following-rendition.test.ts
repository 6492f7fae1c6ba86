import { describe, expect, it } from 'vitest';
import type { AccessUnit } from '../../src/formats/media/access-unit.ts';
import { isReached } from '../../src/origin/blocking-reload.ts';
import type { FollowingRendition } from '../../src/origin/following-rendition.ts';
import type { Rendition } from '../../src/origin/rendition.ts';
import type { TimedUnit } from '../../src/policy/timed-unit.ts';
import { PublishedStream } from '../support/published-stream.ts';
import { audioConfig, audioUnits, interleaved, videoConfig, videoUnits } from '../support/synthetic-units.ts';

const smaller = { ...videoConfig, width: 640, height: 360, description: Uint8Array.of(1, 2, 3) };
const both = (run: { readonly fromMs?: number; readonly seconds: number; readonly gop?: number }) =>
  interleaved(videoUnits(run), audioUnits(run));

/** A stream with a rendition `360p` of its pictures, each of which is done when `lag` more have come. */
class Follows {
  readonly published: PublishedStream;
  readonly rendition: FollowingRendition;
  readonly taken: TimedUnit[] = [];
  /** Whether the picture comes out at all. */
  passes: (unit: TimedUnit, index: number) => boolean = () => true;
  runs = 0;
  #index = 0;

  constructor(lag: number, live: Record<string, unknown> = {}) {
    this.published = new PublishedStream(live);
    this.published.late.push('360p.m3u8');
    this.rendition = this.published.packager.addRendition('360p');
    this.published.packager.listen({
      onEpoch: () => {
        this.runs++;
        this.rendition.onConfig({ ...smaller });
      },
      onUnit: (unit) => {
        if (unit.track !== 0) return;
        this.taken.push(unit);
        if (this.taken.length > lag) this.#pass();
      },
      onRunEnd: () => {},
    });
    this.published.start([videoConfig, audioConfig]);
  }

  send(units: readonly AccessUnit[]): this {
    this.published.send(units);
    return this;
  }

  /** What is under way comes out, and nothing follows. */
  drain(): this {
    while (this.taken.length > 0) this.#pass();
    this.rendition.giveUp();
    this.published.record();
    return this;
  }

  #pass(): void {
    const unit = this.taken.shift();
    if (unit !== undefined && this.passes(unit, this.#index++)) this.rendition.onUnit(unit);
  }

  of(name: string): Rendition {
    const rendition = this.published.packager.rendition(name);
    if (rendition === undefined) throw new Error(`there is no ${name}`);
    return rendition;
  }

  segments(name: string): readonly { readonly msn: number; readonly gap: boolean; readonly startsMs: number }[] {
    return this.of(name).window.segments.map(({ msn, gap, startSeconds }) => ({
      msn,
      gap,
      startsMs: Math.round(startSeconds * 1_000),
    }));
  }

  gaps(): number[] {
    return this.segments('360p').flatMap(({ msn, gap }) => (gap ? [msn] : []));
  }

  get findings(): string[] {
    return this.published.findings;
  }
}

describe('FollowingRendition', () => {
  it.each([1, 45, 150])('is cut at the same instants as what it is made of, %d pictures later', (lag) => {
    const follows = new Follows(lag).send(both({ seconds: 20 }));
    const video = follows.segments('video');
    const behind = follows.segments('360p');
    expect(video).toHaveLength(9);
    expect(behind).toEqual(video.slice(0, behind.length));
    expect(behind.length).toBeGreaterThanOrEqual(9 - Math.ceil(lag / 60));
    follows.drain();
    follows.published.stop();
    follows.published.end();
    expect(follows.segments('360p')).toEqual(follows.segments('video'));
    expect(follows.findings).toEqual([]);
  });

  it('is a variant from its first segment on, and nobody waits for it', () => {
    const follows = new Follows(1_000).send(both({ seconds: 6 }));
    const { packager } = follows.published;
    expect(packager.isPlayable).toBe(true);
    expect(packager.multivariantPlaylist()?.plain.toString()).not.toContain('360p');
    expect(follows.segments('video')).toHaveLength(2);
    follows.drain();
    expect(packager.multivariantPlaylist()?.plain.toString()).toContain('RESOLUTION=640x360,FRAME-RATE=');
    expect(packager.multivariantPlaylist()?.plain.toString()).toMatch(/\n360p\.m3u8\n/);
  });

  it('finishes after the publisher has left, and goes on behind the discontinuity of the next', () => {
    const follows = new Follows(90).send(both({ seconds: 7 }));
    follows.published.stop();
    follows.published.clock.advance(3_000);
    follows.drain();
    expect(follows.segments('360p')).toEqual(follows.segments('video'));
    follows.published.start([videoConfig, audioConfig]);
    follows.send(both({ fromMs: 5_000, seconds: 7 }));
    follows.published.stop();
    follows.drain();
    follows.published.end();
    expect(follows.runs).toBe(2);
    expect(follows.segments('360p')).toEqual(follows.segments('video'));
    expect(follows.of('360p').window.segments.filter(({ discontinuity }) => discontinuity)).toHaveLength(1);
    expect(follows.findings).toEqual([]);
  });

  it('may still be under way with one run of time when the next begins', () => {
    const follows = new Follows(75).send(both({ seconds: 7 }));
    follows.published.stop();
    follows.published.start([videoConfig, audioConfig]);
    follows.send(both({ fromMs: 5_000, seconds: 7 })).drain();
    follows.published.stop();
    follows.published.end();
    expect(follows.segments('360p')).toEqual(follows.segments('video'));
    expect(follows.findings).toEqual([]);
  });

  it.each([0, 90])('ends a run of time with its pictures though the sound lasts longer, %d pictures later', (lag) => {
    const follows = new Follows(lag);
    for (const fromMs of [0, 20_000]) {
      if (fromMs > 0) follows.published.start([videoConfig, audioConfig]);
      follows.send(interleaved(videoUnits({ fromMs, seconds: 7 }), audioUnits({ fromMs, seconds: 7.08 })));
      follows.published.stop();
      follows.published.clock.advance(1_000);
    }
    follows.drain();
    follows.published.end();
    const durations = (name: string) =>
      follows.of(name).window.segments.map(({ durationSeconds }) => durationSeconds.toFixed(2));
    expect(durations('video')).toEqual(['2.00', '2.00', '2.00', '1.00', '2.00', '2.00', '2.00', '1.00']);
    expect(durations('360p')).toEqual(durations('video'));
    expect(follows.findings).toEqual([]);
  });

  it('that begins late says how many discontinuities there were before it, and so do its I-frames', () => {
    const follows = new Follows(30);
    follows.passes = () => false;
    for (const fromMs of [0, 20_000, 40_000]) {
      if (fromMs > 0) follows.published.start([videoConfig, audioConfig]);
      if (fromMs === 40_000) follows.passes = () => true;
      follows.send(both({ fromMs, seconds: 7 }));
      follows.published.stop();
      follows.published.clock.advance(2_000);
    }
    follows.drain();
    const { window, iFrames } = follows.of('360p');
    // It joined at the end of the second run of time.
    expect(window.segments[0]?.msn).toBe(8);
    expect(window.discontinuitySequence).toBe(1);
    expect(window.discontinuities).toBe(follows.of('video').window.discontinuities);
    expect(iFrames?.discontinuitySequence).toBe(1);
    expect(follows.findings).toEqual([]);
  });

  it('has gaps for what was given up, and joins again where a segment begins', () => {
    const follows = new Follows(30);
    follows.passes = (_unit, index) => index < 170 || index >= 480;
    for (let second = 0; second < 30; second++) {
      follows.send(both({ fromMs: second * 1_000, seconds: 1 }));
      if (second === 7) follows.rendition.giveUp();
      if (second !== 11) continue;
      expect(follows.gaps()).toEqual([4, 5]);
      // Who waits for the first part of one is told of the gap: other parts do not come.
      const { window } = follows.of('360p');
      const reached = [3, 4, 5, 6].map((msn) => isReached(window, { msn, part: 0 }));
      expect(reached).toEqual([true, true, true, false]);
    }
    follows.drain();
    follows.published.stop();
    follows.published.end();
    expect(follows.gaps()).toEqual([4, 5, 6, 7, 8]);
    expect(follows.segments('360p')).toHaveLength(follows.segments('video').length);
    expect(follows.findings).toEqual([]);
  });

  it('has gaps in the midst of a segment where pictures are missing up to a keyframe', () => {
    const follows = new Follows(30);
    follows.passes = (_unit, index) => index < 200 || index >= 220;
    follows.send(both({ seconds: 20, gop: 15 }));
    follows.published.stop();
    follows.drain();
    follows.published.end();
    expect(follows.gaps()).toEqual([]);
    const torn = follows.of('360p').window.segments.filter(({ parts }) => parts.some(({ gap }) => gap));
    expect(torn).toHaveLength(1);
    expect(torn[0]?.durationSeconds).toBeCloseTo(2);
    expect(follows.published.histories.get('360p.m3u8')?.some((text) => text.includes('GAP=YES'))).toBe(true);
    expect(follows.findings).toEqual([]);
  });

  it('that was given up in the midst of a segment goes on within it, at the next keyframe', () => {
    const follows = new Follows(0);
    follows.passes = (_unit, index) => index < 200 || index >= 215;
    follows.send(both({ seconds: 6.7, gop: 15 }));
    follows.rendition.giveUp();
    follows.send(both({ fromMs: 6_700, seconds: 7, gop: 15 }));
    follows.published.stop();
    follows.published.end();
    expect(follows.segments('360p')).toEqual(follows.segments('video'));
    expect(follows.of('360p').window.segments.filter(({ parts }) => parts.some(({ gap }) => gap))).toHaveLength(1);
    expect(follows.findings).toEqual([]);
  });

  it('has gaps for what is about to leave the other playlists before anything came of it', () => {
    const follows = new Follows(0, { window: '8s' });
    follows.passes = (_unit, index) => index < 100 || index >= 1_500;
    follows.send(both({ seconds: 40 }));
    const video = follows.segments('video');
    expect(follows.segments('360p').at(-1)?.msn).toBe((video[1]?.msn ?? 0) - 1);
    follows.send(both({ fromMs: 40_000, seconds: 20 })).drain();
    follows.published.stop();
    follows.published.end();
    expect(follows.segments('360p').at(-1)).toEqual(follows.segments('video').at(-1));
    expect(follows.findings).toEqual([]);
  });

  it('has another initialisation segment from the next keyframe of a segment on when its configuration changes', () => {
    const follows = new Follows(30).send(both({ seconds: 7 }));
    follows.rendition.onConfig({ ...smaller, description: Uint8Array.of(7) });
    follows.send(both({ fromMs: 7_000, seconds: 7 }));
    follows.published.stop();
    follows.drain();
    const inits = follows.of('360p').window.segments.map(({ initIndex }) => initIndex);
    expect(inits).toEqual([0, 0, 0, 1, 1, 1, 1, 1]);
    follows.published.end();
    expect(follows.findings).toEqual([]);
  });
});
