import { describe, expect, it } from 'vitest';
import type { AccessUnit } from '../../src/formats/media/access-unit.ts';
import { RecordedTimeline, startWallMs } from '../support/recorded-timeline.ts';
import { audioConfig, audioUnits, interleaved, videoConfig, videoUnits } from '../support/synthetic-units.ts';

const secondSound = { ...audioConfig, trackId: 1 };
const ofSecondSound = (units: readonly AccessUnit[]) => units.map((unit) => ({ ...unit, trackId: 1 }));

/** Where units begin, in seconds after the first picture. */
function startSeconds(recorded: RecordedTimeline, kind: 'audio' | 'video'): number[] {
  const from = (recorded.video[0]?.dtsTicks ?? 0) / 90_000;
  const timescale = kind === 'video' ? 90_000 : audioConfig.sampleRate;
  return recorded[kind].map(({ dtsTicks }) => dtsTicks / timescale - from);
}

describe('Timeline, a track that begins late', () => {
  it('joins with the next keyframe behind a discontinuity, at the time that it has, announced or not', () => {
    const recorded = new RecordedTimeline().start(videoConfig);
    recorded.push(videoUnits({ seconds: 6.5 }));
    recorded.timeline.setTrackConfig(audioConfig);
    expect(recorded.late).toEqual(['audio']);
    const pictures = videoUnits({ seconds: 12 }).filter(({ timestampMs }) => timestampMs >= 6_500);
    recorded.push(interleaved(pictures, audioUnits({ fromMs: 6_500, seconds: 5 }))).stop();
    expect(recorded.epochs.map(({ tracks }) => tracks)).toEqual([[videoConfig], [videoConfig, audioConfig]]);
    const sound = startSeconds(recorded, 'audio');
    expect(sound[0]).toBeGreaterThanOrEqual(8);
    expect(sound[0]).toBeLessThan(8.05);
    // No picture is lost, none has another time.
    const shown = startSeconds(recorded, 'video');
    expect(shown).toHaveLength(360);
    shown.forEach((seconds, index) => expect(seconds).toBeCloseTo(index / 30, 2));
    expect(recorded.units[recorded.epochs[1]?.atUnit ?? 0]?.keyframe).toBe(true);
  });

  it('of pictures joins the sound with its first keyframe', () => {
    const recorded = new RecordedTimeline().start(audioConfig);
    recorded.push(audioUnits({ seconds: 7 }));
    recorded.timeline.setTrackConfig(videoConfig);
    const pictures = videoUnits({ fromMs: 6_000, seconds: 6 }).filter(({ timestampMs }) => timestampMs > 7_000);
    recorded.push(interleaved(pictures, audioUnits({ fromMs: 7_000, seconds: 5 }))).stop();
    expect(recorded.epochs.map(({ tracks }) => tracks)).toEqual([[audioConfig], [videoConfig, audioConfig]]);
    expect(recorded.video[0]?.keyframe).toBe(true);
    const first = (recorded.audio[0]?.dtsTicks ?? 0) / 48_000;
    expect((recorded.video[0]?.dtsTicks ?? 0) / 90_000 - first).toBeCloseTo(8, 1);
    const soundMs = recorded.audio.length * (1_024 / 48);
    expect(soundMs).toBeGreaterThan(11_950);
    expect(soundMs).toBeLessThan(12_050);
  });

  it('of sound two seconds behind is heard from where the other has come to: nothing is told of the time before', () => {
    const recorded = new RecordedTimeline().start(audioConfig);
    recorded.push(audioUnits({ seconds: 7 }));
    recorded.timeline.setTrackConfig(secondSound);
    const late = ofSecondSound(audioUnits({ fromMs: 7_000, seconds: 5 }));
    for (const unit of interleaved(audioUnits({ fromMs: 7_000, seconds: 5 }), late)) {
      const lateMs = unit.trackId === 1 ? 2_000 : 0;
      recorded.pushAt({ ...unit, timestampMs: unit.timestampMs - lateMs }, startWallMs + unit.timestampMs);
    }
    recorded.stop();
    const [, joined] = recorded.epochs;
    expect(joined?.tracks).toEqual([audioConfig, secondSound]);
    const seconds = recorded.units.map(({ dtsTicks }) => dtsTicks / audioConfig.sampleRate);
    const [before, after] = [seconds.slice(0, joined?.atUnit), seconds.slice(joined?.atUnit)];
    expect(Math.min(...after)).toBeGreaterThan(Math.max(...before) - 0.25);
  });

  it('joins ten seconds after another at the soonest, together with whoever has come meanwhile', () => {
    const recorded = new RecordedTimeline().start(videoConfig);
    const late = [1, 2, 3].map((trackId) => ({ ...audioConfig, trackId }));
    recorded.push(videoUnits({ seconds: 3 }));
    for (const config of [audioConfig, ...late]) recorded.timeline.setTrackConfig(config);
    const units = [audioConfig, ...late].flatMap(({ trackId }) =>
      audioUnits({ fromMs: 3_000 + trackId * 3_000, seconds: 26 - trackId * 3 }).map((unit) => ({ ...unit, trackId })),
    );
    const pictures = videoUnits({ seconds: 29 }).filter(({ timestampMs }) => timestampMs >= 3_000);
    recorded.push(interleaved(pictures, units)).stop();
    expect(recorded.epochs.map(({ tracks }) => tracks.length)).toEqual([1, 2, 5]);
  });

  it('leaves no picture before the end of the last one, whose duration was a guess, where pictures jitter', () => {
    const jittered = videoUnits({ seconds: 8, gop: 15 }).map((unit, index) => ({
      ...unit,
      timestampMs: unit.timestampMs + (index % 3) * 11,
    }));
    const recorded = new RecordedTimeline().start(videoConfig);
    recorded.push(jittered.slice(0, 60));
    recorded.timeline.setTrackConfig(audioConfig);
    recorded.push(interleaved(jittered.slice(60), audioUnits({ fromMs: 2_000, seconds: 6 })));
    recorded.timeline.setTrackConfig({ ...videoConfig, width: 640 });
    recorded.push(videoUnits({ fromMs: 7_990, seconds: 1 })).stop();
    expect(recorded.epochs).toHaveLength(3);
    recorded.video.slice(1).forEach(({ dtsTicks }, index) => {
      const before = recorded.video[index];
      expect(dtsTicks).toBeGreaterThanOrEqual((before?.dtsTicks ?? 0) + (before?.durationTicks ?? 0));
    });
  });

  it('does not join where it has stopped again before the keyframe', () => {
    const recorded = new RecordedTimeline().start(videoConfig, audioConfig);
    recorded.push(interleaved(videoUnits({ seconds: 6 }), audioUnits({ seconds: 6 })));
    recorded.timeline.setTrackConfig(secondSound);
    const short = ofSecondSound(audioUnits({ fromMs: 6_100, seconds: 0.5 }));
    const units = [...videoUnits({ seconds: 12 }), ...audioUnits({ seconds: 12 })];
    recorded
      .push(
        interleaved(
          units.filter(({ timestampMs }) => timestampMs >= 6_000),
          short,
        ),
      )
      .stop();
    expect(recorded.epochs).toHaveLength(1);
  });
});
