import { describe, expect, it } from 'vitest';
import type { AccessUnit } from '../../src/formats/media/access-unit.ts';
import type { TimedUnit } from '../../src/policy/timed-unit.ts';
import { AudioClock } from '../../src/policy/timeline-audio.ts';
import { isPicture, RecordedTimeline, startWallMs } from '../support/recorded-timeline.ts';
import { audioConfig, audioUnits, interleaved, videoConfig, videoUnits, wireMs } from '../support/synthetic-units.ts';

/** Where each unit begins, in ms after the first one of its track. */
function offsetsMs(units: readonly TimedUnit[], timescale: number): number[] {
  const first = units[0]?.dtsTicks ?? 0;
  return units.map(({ dtsTicks }) => Math.round(((dtsTicks - first) * 1_000) / timescale));
}

function expectContiguous(units: readonly TimedUnit[]): void {
  units.slice(1).forEach((unit, index) => {
    const before = units[index];
    expect(unit.dtsTicks).toBe((before?.dtsTicks ?? 0) + (before?.durationTicks ?? 0));
  });
}

const away = (unit: AccessUnit, ms: number): AccessUnit => ({ ...unit, timestampMs: wireMs(unit.timestampMs + ms) });

describe('Timeline, one clock for all tracks', () => {
  it('keeps the distance between audio and video as the publisher sent it', () => {
    const recorded = new RecordedTimeline().start(videoConfig, audioConfig);
    recorded.push(interleaved(videoUnits({ fromMs: 5_000, seconds: 1 }), audioUnits({ fromMs: 5_047, seconds: 1 })));
    const videoMs = (recorded.video[0]?.dtsTicks ?? 0) / 90;
    const audioMs = (recorded.audio[0]?.dtsTicks ?? 0) / 48;
    expect(audioMs - videoMs).toBe(47);
  });

  it('keeps it too when the second track begins before the first', () => {
    const recorded = new RecordedTimeline().start(videoConfig, audioConfig);
    recorded.push([...videoUnits({ fromMs: 900, seconds: 0.1 }), ...audioUnits({ fromMs: 0, seconds: 0.2 })]).stop();
    expect((recorded.audio[0]?.dtsTicks ?? 0) / 48 - (recorded.video[0]?.dtsTicks ?? 0) / 90).toBe(-900);
  });

  it('lays a second track beside the first when their clocks have nothing to do with each other', () => {
    const recorded = new RecordedTimeline().start(videoConfig, audioConfig);
    const video = videoUnits({ fromMs: 3_000_000, seconds: 1 });
    const audio = audioUnits({ fromMs: 17, seconds: 1 });
    recorded.push(video.flatMap((unit, index) => [unit, ...audio.slice(index * 2, index * 2 + 2)])).stop();
    expect(recorded.epochs).toHaveLength(1);
    expect(Math.abs((recorded.audio[0]?.dtsTicks ?? 0) / 48 - (recorded.video[0]?.dtsTicks ?? 0) / 90)).toBeLessThan(
      50,
    );
  });

  it.each([0, 1, 123_456, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1])('starts a fresh publisher at timestamp %d', (fromMs) => {
    const recorded = new RecordedTimeline().start(videoConfig);
    recorded.push(videoUnits({ fromMs, seconds: 2, framesPerSecond: 10 })).stop();
    expect(offsetsMs(recorded.video, 90_000)).toEqual(Array.from({ length: 20 }, (_, index) => index * 100));
    expect(recorded.timeline.wallMsAt((recorded.video[0]?.dtsTicks ?? 0) / 90_000)).toBe(startWallMs);
  });

  it.each([
    ['2^32', 2 ** 32],
    ['2^31, as OBS and ffmpeg do', 2 ** 31],
  ])('goes on without a seam when timestamps wrap at %s', (_name, modulus) => {
    const recorded = new RecordedTimeline().start(videoConfig, audioConfig);
    const units = interleaved(videoUnits({ seconds: 10 }), audioUnits({ seconds: 10 }));
    recorded
      .push(units.map((unit) => ({ ...unit, timestampMs: (unit.timestampMs + modulus - 5_000) % modulus })))
      .stop();
    expect(recorded.epochs).toHaveLength(1);
    expect(offsetsMs(recorded.video, 90_000).at(-1)).toBe(9_967);
    expectContiguous(recorded.video);
    expectContiguous(recorded.audio);
    expect(recorded.audio).toHaveLength(units.filter(({ kind }) => kind === 'audio').length);
  });
});

describe('Timeline, the set of tracks', () => {
  it('waits for the second track for a second of media, then does without', () => {
    const recorded = new RecordedTimeline().start(videoConfig);
    recorded.push(videoUnits({ seconds: 0.9 }));
    expect(recorded.epochs).toEqual([]);
    recorded.push(videoUnits({ fromMs: 900, seconds: 1 })).stop();
    expect(recorded.epochs.map(({ tracks }) => tracks)).toEqual([[videoConfig]]);
    expect(recorded.video).toHaveLength(57);
  });

  it('takes a track whose configuration comes within that second, and loses nothing of the first', () => {
    const recorded = new RecordedTimeline().start(videoConfig);
    recorded.push(videoUnits({ seconds: 0.5 }));
    recorded.timeline.setTrackConfig(audioConfig);
    recorded.push(interleaved(videoUnits({ fromMs: 500, seconds: 1 }), audioUnits({ fromMs: 500, seconds: 1 }))).stop();
    expect(recorded.epochs.map(({ tracks }) => tracks)).toEqual([[videoConfig, audioConfig]]);
    expect(recorded.video).toHaveLength(45);
  });

  it('leaves pictures out that have a configuration but send nothing for five seconds', () => {
    const recorded = new RecordedTimeline().start(videoConfig, audioConfig);
    recorded.push(audioUnits({ seconds: 4.9 }));
    expect(recorded.epochs).toEqual([]);
    recorded.push(audioUnits({ fromMs: 4_900, seconds: 3 }));
    expect(recorded.epochs.map(({ tracks }) => tracks)).toEqual([[audioConfig]]);
    expect(recorded.late).toEqual(['video']);
  });

  it('waits a second only for sound that has a configuration and sends nothing: it needs no keyframe to begin', () => {
    const recorded = new RecordedTimeline().start(videoConfig, audioConfig);
    recorded.push(videoUnits({ seconds: 0.9 }));
    expect(recorded.epochs).toEqual([]);
    recorded.push(videoUnits({ fromMs: 900, seconds: 0.3 }));
    expect(recorded.epochs.map(({ tracks }) => tracks)).toEqual([[videoConfig]]);
  });

  it('waits that second too for a track beside others whose timestamps jump, and leaves none out that has come', () => {
    const noise = (ms: number) => Math.imul(ms + 1, 2_654_435_761) >>> 0;
    const recorded = new RecordedTimeline().start(videoConfig, audioConfig);
    for (const unit of videoUnits({ seconds: 0.9 }))
      recorded.pushAt({ ...unit, timestampMs: noise(unit.timestampMs) }, startWallMs + unit.timestampMs);
    expect(recorded.epochs).toEqual([]);
    expect(recorded.late).toEqual([]);

    const second = { ...audioConfig, trackId: 1 };
    const ofSecond = (units: readonly AccessUnit[]) => units.map((unit) => ({ ...unit, trackId: 1 }));
    const sound = new RecordedTimeline().start(audioConfig, second);
    sound.push(interleaved(audioUnits({ seconds: 0.3 }), ofSecond(audioUnits({ seconds: 0.6 }))));
    for (const unit of ofSecond(audioUnits({ fromMs: 600, seconds: 3 })))
      sound.pushAt({ ...unit, timestampMs: unit.timestampMs + 46_000 }, startWallMs + unit.timestampMs);
    sound.stop();
    expect(sound.epochs[0]?.tracks).toEqual([audioConfig, second]);
    expect(sound.late).toEqual([]);
  });

  it('waits for pictures that are announced and come later than the sound, of which the latest is kept', () => {
    const recorded = new RecordedTimeline().start(videoConfig, audioConfig);
    recorded.push(audioUnits({ seconds: 3 }));
    recorded.push(interleaved(videoUnits({ fromMs: 3_000, seconds: 1 }), audioUnits({ fromMs: 3_000, seconds: 1 })));
    recorded.stop();
    expect(recorded.epochs.map(({ tracks }) => tracks)).toEqual([[videoConfig, audioConfig]]);
    expect(recorded.late).toEqual([]);
    expect(recorded.video).toHaveLength(30);
    const soundBeforeMs = offsetsMs(recorded.audio, audioConfig.sampleRate).at(-1);
    expect(soundBeforeMs).toBeGreaterThan(2_400);
    expect(soundBeforeMs).toBeLessThan(2_550);
  });

  it('takes pictures that follow seconds of sound in one burst, and dates them by when they came', () => {
    const recorded = new RecordedTimeline().start(videoConfig, audioConfig);
    for (const unit of audioUnits({ seconds: 9 })) recorded.pushAt(unit, startWallMs);
    for (const unit of videoUnits({ fromMs: 9_000, seconds: 1 })) recorded.pushAt(unit, startWallMs);
    recorded.stop();
    expect(recorded.epochs.map(({ tracks }) => tracks)).toEqual([[videoConfig, audioConfig]]);
    const shownAtMs = recorded.timeline.wallMsAt((recorded.video[0]?.dtsTicks ?? 0) / 90_000);
    expect(shownAtMs - startWallMs).toBeLessThan(1_600);
  });
});

describe('Timeline, video', () => {
  it('lets each picture last until the next one begins, and the last as long as the one before', () => {
    const recorded = new RecordedTimeline().start(videoConfig, audioConfig);
    recorded.push(audioUnits({ seconds: 0.05 }));
    recorded.push([0, 33, 67, 100, 150].map((ms) => ({ ...firstPicture, timestampMs: ms }))).stop();
    expect(recorded.video.map(({ durationTicks }) => durationTicks / 90)).toEqual([33, 34, 33, 50, 50]);
  });

  it('makes decode times strictly increasing, whatever was sent', () => {
    const recorded = new RecordedTimeline().start(videoConfig, audioConfig);
    recorded.push(audioUnits({ seconds: 0.05 }));
    recorded.push([0, 40, 40, 20, 80].map((ms) => ({ ...firstPicture, timestampMs: ms }))).stop();
    const dts = recorded.video.map(({ dtsTicks }) => dtsTicks);
    expect(dts.slice(1).every((ticks, index) => ticks > (dts[index] ?? 0))).toBe(true);
    expect(recorded.epochs).toHaveLength(1);
    expect(offsetsMs(recorded.video, 90_000).at(-1)).toBe(80);
  });

  it('carries composition offsets with their sign', () => {
    const recorded = new RecordedTimeline().start(videoConfig);
    recorded.push(videoUnits({ seconds: 2, compositionOffsetMs: -40 })).stop();
    expect(recorded.video[3]?.compositionOffsetTicks).toBe(-3_600);
  });
});

const firstPicture = videoUnits({ seconds: 1 })[0] as Extract<AccessUnit, { kind: 'video' }>;

describe('Timeline, audio', () => {
  const withVideo = (audio: readonly AccessUnit[], seconds: number) =>
    new RecordedTimeline()
      .start(videoConfig, audioConfig)
      .push(interleaved(videoUnits({ seconds }), audio))
      .stop();

  it('counts samples: the milliseconds of FLV leave no trace', () => {
    const { audio } = withVideo(audioUnits({ seconds: 10 }), 10);
    expect(new Set(audio.map(({ durationTicks }) => durationTicks))).toEqual(new Set([1_024]));
    expectContiguous(audio);
  });

  it('counts samples with arrival jitter of 8 ms either way', () => {
    const jittered = audioUnits({ fromMs: 100, seconds: 10 }).map((unit, index) => away(unit, ((index * 7) % 17) - 8));
    const { audio } = withVideo(jittered, 10);
    expect(new Set(audio.map(({ durationTicks }) => durationTicks))).toEqual(new Set([1_024]));
  });

  it('slews a clock that drifts by 0.1 %, without inserting or dropping a frame', () => {
    const drifting = audioUnits({ seconds: 120 }).map((unit) => away(unit, unit.timestampMs / 1_000));
    const { audio } = withVideo(drifting, 120);
    expect(audio).toHaveLength(drifting.length);
    expectContiguous(audio);
    const lengths = new Set(audio.map(({ durationTicks }) => durationTicks));
    expect([...lengths].every((ticks) => Math.abs(ticks - 1_024) <= 2)).toBe(true);
    const last = audio.at(-1);
    const wanted = (drifting.at(-1)?.timestampMs ?? 0) * 48;
    expect(Math.abs((last?.dtsTicks ?? 0) - (audio[0]?.dtsTicks ?? 0) - wanted) / 48).toBeLessThan(30);
  });

  it('inserts silence for a gap of 200 ms, and is back in step', () => {
    const frames = audioUnits({ seconds: 10 });
    const gappy = [...frames.slice(0, 100), ...frames.slice(109)];
    const { audio, inserted } = withVideo(gappy, 10);
    expect(inserted.length).toBeGreaterThanOrEqual(4);
    expect(inserted.length).toBeLessThanOrEqual(9);
    expectContiguous(audio);
    expect(offsetsMs(audio, 48_000).at(-1)).toBeGreaterThan((frames.at(-1)?.timestampMs ?? 0) - 105);
  });

  it('fills a gap of two seconds at once', () => {
    const frames = audioUnits({ seconds: 10 });
    const { audio, inserted } = withVideo([...frames.slice(0, 100), ...frames.slice(194)], 10);
    expect(inserted).toHaveLength(94);
    expectContiguous(audio);
    expect(offsetsMs(audio, 48_000).at(-1)).toBe(frames.at(-1)?.timestampMs);
  });

  it('drops frames that overlap what was there, until they are new', () => {
    const frames = audioUnits({ seconds: 6 });
    // From the hundredth frame on everything comes again from 450 ms before.
    const overlapping = [...frames.slice(0, 100), ...frames.slice(79)];
    const video = videoUnits({ seconds: 6 });
    const units = overlapping.flatMap((unit, index) => [
      unit,
      ...video.filter((_, at) => Math.floor(at / 0.62) === index),
    ]);
    const { audio, epochs } = new RecordedTimeline().start(videoConfig, audioConfig).push(units).stop();
    expect(epochs).toHaveLength(1);
    expectContiguous(audio);
    expect(audio.length).toBeLessThanOrEqual(frames.length + 5);
    expect(Math.abs((offsetsMs(audio, 48_000).at(-1) ?? 0) - (frames.at(-1)?.timestampMs ?? 0))).toBeLessThan(105);
  });

  it('resynchronises in one go when the sound has run ahead by more than half a second', () => {
    const frames = audioUnits({ seconds: 6 });
    const clock: TimedUnit[] = [];
    const audio = new AudioClock(audioConfig, (unit) => clock.push(unit));
    frames.slice(0, 100).forEach(({ data, timestampMs }) => audio.push(data, timestampMs));
    frames.slice(70, 200).forEach(({ data, timestampMs }) => audio.push(data, timestampMs));
    expect(clock).toHaveLength(200);
    expectContiguous(clock);
  });

  it('goes on with silence when the sound has stopped for three seconds, and takes it back', () => {
    const frames = audioUnits({ seconds: 30 });
    const { audio, epochs, inserted } = withVideo([...frames.slice(0, 100), ...frames.slice(1_100)], 30);
    expect(epochs).toHaveLength(1);
    expectContiguous(audio);
    expect(inserted.length).toBeGreaterThan(950);
    expect(Math.abs((offsetsMs(audio, 48_000).at(-1) ?? 0) - (frames.at(-1)?.timestampMs ?? 0))).toBeLessThan(105);
  });
});

describe('Timeline, jumps', () => {
  const run = (fromMs: number, seconds: number) =>
    interleaved(videoUnits({ fromMs, seconds }), audioUnits({ fromMs, seconds }));

  it.each([
    ['forwards', 500_000],
    ['backwards', 0],
  ])('begins a new run when both tracks jump %s, and media time goes on by the wall clock', (_name, toMs) => {
    const recorded = new RecordedTimeline().start(videoConfig, audioConfig);
    recorded.push(run(100_000, 4)).wait(700).push(run(toMs, 4)).stop();
    expect(recorded.epochs).toHaveLength(2);
    const second = recorded.units.slice(recorded.epochs[1]?.atUnit);
    const firstVideo = second.find(isPicture);
    const lastBefore = recorded.units.slice(0, recorded.epochs[1]?.atUnit).findLast(isPicture);
    const gapMs = ((firstVideo?.dtsTicks ?? 0) - (lastBefore?.dtsTicks ?? 0)) / 90;
    expect(gapMs).toBeGreaterThan(690);
    expect(gapMs).toBeLessThan(800);
    expect(recorded.units).toHaveLength(run(0, 4).length * 2);
  });

  it('begins a new run at once when the only track jumps', () => {
    const recorded = new RecordedTimeline().start(videoConfig);
    recorded
      .push(videoUnits({ seconds: 3 }))
      .push(videoUnits({ fromMs: 90_000, seconds: 3 }))
      .stop();
    expect(recorded.epochs).toHaveLength(2);
    expect(recorded.video).toHaveLength(180);
  });

  it('clamps one track that jumps while the other goes on', () => {
    const recorded = new RecordedTimeline().start(videoConfig, audioConfig);
    const units = run(0, 10).map((unit) =>
      unit.kind === 'video' && unit.timestampMs >= 4_000 ? away(unit, 60_000) : unit,
    );
    recorded.push(units).stop();
    expect(recorded.epochs).toHaveLength(1);
    expect(recorded.video).toHaveLength(300);
    expect(offsetsMs(recorded.video, 90_000).at(-1)).toBeGreaterThan(9_900);
    expect(offsetsMs(recorded.video, 90_000).at(-1)).toBeLessThan(10_050);
  });

  it('clamps a track that goes backwards alone, and lets it go when it is back', () => {
    const recorded = new RecordedTimeline().start(videoConfig, audioConfig);
    const units = run(0, 12).map((unit) =>
      unit.kind === 'video' && unit.timestampMs >= 4_000 && unit.timestampMs < 8_000 ? away(unit, -3_900) : unit,
    );
    recorded.push(units).stop();
    expect(recorded.epochs).toHaveLength(1);
    expect(offsetsMs(recorded.video, 90_000).at(-1)).toBe(11_967);
  });

  it('takes one wrong timestamp for what it is', () => {
    const recorded = new RecordedTimeline().start(videoConfig, audioConfig);
    const units = run(0, 10).map((unit, index) => (index === 200 ? away(unit, 40_000) : unit));
    recorded.push(units).stop();
    expect(recorded.epochs).toHaveLength(1);
    expect(recorded.units).toHaveLength(units.length);
    expect(offsetsMs(recorded.video, 90_000).at(-1)).toBe(9_967);
  });

  it('leaves a hole where pictures were missing while the sound went on', () => {
    const recorded = new RecordedTimeline().start(videoConfig, audioConfig);
    const units = run(0, 12).filter(
      (unit) => unit.kind === 'audio' || unit.timestampMs < 3_000 || unit.timestampMs >= 8_000,
    );
    recorded.push(units).stop();
    expect(recorded.epochs).toHaveLength(1);
    expect(offsetsMs(recorded.video, 90_000).at(-1)).toBe(11_967);
    expect(Math.max(...recorded.video.map(({ durationTicks }) => durationTicks / 90))).toBe(5_033);
  });
});

describe('Timeline, publishers that come back', () => {
  const run = interleaved(videoUnits({ seconds: 3 }), audioUnits({ seconds: 3 }));

  it('keeps media time true to the wall clock over the time without a publisher', () => {
    const recorded = new RecordedTimeline().start(videoConfig, audioConfig).push(run).stop();
    recorded
      .wait(5_000)
      .start(videoConfig, audioConfig)
      .push(run.map((unit) => away(unit, 77_777)))
      .stop();
    expect(recorded.epochs).toHaveLength(2);
    const first = recorded.units.slice(recorded.epochs[1]?.atUnit).find(isPicture);
    const startsMs = recorded.timeline.wallMsAt((first?.dtsTicks ?? 0) / 90_000) - startWallMs;
    expect(startsMs).toBeGreaterThan(7_900);
    expect(startsMs).toBeLessThan(8_050);
  });

  it('never goes back in media time, not even after a publisher that sent faster than time goes by', () => {
    const recorded = new RecordedTimeline().start(videoConfig, audioConfig);
    for (const unit of run) recorded.pushAt(unit, startWallMs);
    recorded.stop().start(videoConfig, audioConfig);
    for (const unit of run) recorded.pushAt(unit, startWallMs + 100);
    recorded.stop();
    const second = recorded.units.slice(recorded.epochs[1]?.atUnit);
    const lastBefore = recorded.units.slice(0, recorded.epochs[1]?.atUnit).findLast(isPicture);
    const endSeconds = ((lastBefore?.dtsTicks ?? 0) + (lastBefore?.durationTicks ?? 0)) / 90_000;
    expect((second.find(isPicture)?.dtsTicks ?? 0) / 90_000).toBeGreaterThanOrEqual(endSeconds);
  });

  it('begins a new run, in which time goes on as it was, when a configuration changes', () => {
    const recorded = new RecordedTimeline().start(videoConfig, audioConfig).push(run);
    const changed = { ...videoConfig, description: Uint8Array.of(9) };
    recorded.timeline.setTrackConfig(changed);
    recorded.push(run.map((unit) => away(unit, 3_000))).stop();
    expect(recorded.epochs.map(({ tracks }) => tracks)).toEqual([
      [videoConfig, audioConfig],
      [changed, audioConfig],
    ]);
    expect(recorded.video).toHaveLength(180);
    expectContiguous(recorded.audio);
  });

  it('gives everything that a publisher sent who left within the first second', () => {
    const recorded = new RecordedTimeline()
      .start(videoConfig)
      .push(videoUnits({ seconds: 0.5 }))
      .stop();
    expect(recorded.video).toHaveLength(15);
  });
});
