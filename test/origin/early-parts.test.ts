import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AccessUnit, VideoAccessUnit } from '../../src/formats/media/access-unit.ts';
import { validateMediaPlaylists } from '../support/playlist-validator.ts';
import { isoBoxes, oneBox } from '../support/iso-boxes.ts';
import { PublishedStream } from '../support/published-stream.ts';
import { audioConfig, audioUnits, interleaved, videoConfig, videoUnits } from '../support/synthetic-units.ts';

const pictures = (seconds: number) => videoUnits({ seconds, compositionOffsetMs: 66 }) as VideoAccessUnit[];

function windowOf(published: PublishedStream, rendition: string) {
  const { segments = [], open } = published.packager.renditions.find(({ name }) => name === rendition)?.window ?? {};
  return { segments, open };
}

const videoWindow = (published: PublishedStream) => windowOf(published, 'video');

/** How many frames there are in each part of sound, up to now. */
function soundPartFrames(published: PublishedStream): number[] {
  const { segments, open } = windowOf(published, 'audio');
  const parts = [...segments.flatMap((segment) => segment.parts), ...(open?.parts ?? [])];
  return parts.map(({ bytes }) => oneBox(isoBoxes(bytes), 'trun').samples.length);
}

/** The frames of sound, counted from the first, that were in a part as soon as they were sent, and no later one. */
function soundAtOnce(published: PublishedStream, units: readonly AccessUnit[]): number[] {
  let sent = 0;
  return units.flatMap((unit) => {
    published.send([unit]);
    if (unit.kind === 'video') return [];
    sent++;
    const listed = soundPartFrames(published).reduce((sum, count) => sum + count, 0);
    return listed === sent ? [sent - 1] : [];
  });
}

/** The last frame of each part of sound that there is at the end. */
function lastFrames(published: PublishedStream): number[] {
  let end = -1;
  return soundPartFrames(published).map((count) => (end += count));
}

/** The samples of the parts and segments of video that there are, in order, with the times at which they are shown. */
function shownSamples(published: PublishedStream) {
  const { segments, open } = videoWindow(published);
  const parts = [...segments.flatMap((segment) => segment.parts), ...(open?.parts ?? [])];
  return parts
    .filter(({ bytes }) => bytes.length > 0)
    .flatMap(({ bytes }) => {
      const boxes = isoBoxes(bytes);
      let decodedTicks = oneBox(boxes, 'tfdt').baseMediaDecodeTime;
      return oneBox(boxes, 'trun').samples.map(({ sampleDuration = 0, sampleCompositionTimeOffset = 0 }) => {
        const shownTicks = decodedTicks + (sampleCompositionTimeOffset | 0);
        const sample = { decodedTicks, shownTicks, endTicks: decodedTicks + sampleDuration };
        decodedTicks = sample.endTicks;
        return sample;
      });
    });
}

/** Every picture once, each shown when it is to be, without a hole, in playlists that keep every rule. */
function expectWhole(published: PublishedStream, sent: readonly AccessUnit[]): void {
  const samples = shownSamples(published);
  expect(samples).toHaveLength(sent.length);
  const [first] = samples;
  const [firstSent] = sent;
  samples.forEach(({ shownTicks }, index) => {
    const sentMs = (sent[index]?.timestampMs ?? 0) - (firstSent?.timestampMs ?? 0);
    expect(shownTicks - (first?.shownTicks ?? 0)).toBe(sentMs * 90);
  });
  expect(samples.slice(1).map(({ decodedTicks }) => decodedTicks)).toEqual(
    samples.slice(0, -1).map(({ endTicks }) => endTicks),
  );
  expect(validateMediaPlaylists(published.histories)).toEqual([]);
}

/** With pauses of the encoder, of its pictures alone or of all, before some of the pictures. */
function withPauses(pauses: ReadonlyMap<number, number>, alsoSound: boolean): AccessUnit[] {
  let addedMs = 0;
  const video = pictures(12).map((unit, index) => {
    addedMs += pauses.get(index) ?? 0;
    return { unit: { ...unit, timestampMs: unit.timestampMs + addedMs }, fromMs: unit.timestampMs, addedMs };
  });
  const sound = audioUnits({ seconds: alsoSound ? 12 : 12 + addedMs / 1_000 }).map((unit) => {
    const shift = alsoSound ? (video.findLast(({ fromMs }) => fromMs <= unit.timestampMs)?.addedMs ?? 0) : 0;
    return { ...unit, timestampMs: unit.timestampMs + shift };
  });
  return interleaved(
    video.map(({ unit }) => unit),
    sound,
  );
}

describe('Packager, parts that do not wait', () => {
  it('has a part with its last picture, and does not wait for the one after it', () => {
    const published = new PublishedStream();
    published.start([videoConfig]);
    const units = pictures(4);
    const listed = units.map((unit) => {
      published.send([unit]);
      return shownSamples(published).length;
    });
    // The first segment is held back until it is known what its targets are; from then on each part has ten pictures.
    expect(listed.slice(70).filter((count, index) => count === 71 + index)).toHaveLength(5);
  });

  it('waits for the next picture where the rate is not constant', () => {
    const published = new PublishedStream();
    published.start([videoConfig]);
    const units = pictures(4).map((unit, index) => ({ ...unit, timestampMs: unit.timestampMs + (index % 2) * 10 }));
    const listed = units.map((unit) => {
      published.send([unit]);
      return shownSamples(published).length;
    });
    expect(listed.slice(70).filter((count, index) => count === 71 + index)).toHaveLength(0);
  });

  it('says what a segment lasts so that it adds up, where milliseconds do not tell the rate exactly', () => {
    const published = new PublishedStream();
    published.start([videoConfig, audioConfig]);
    published.send(
      interleaved(videoUnits({ seconds: 60, framesPerSecond: 30_000 / 1_001 }), audioUnits({ seconds: 60 })),
    );
    const { segments } = videoWindow(published);
    const [first, last] = [segments[0], segments.at(-1)];
    expect(segments.length).toBeGreaterThan(20);
    const said = segments.slice(0, -1).reduce((sum, { durationSeconds }) => sum + durationSeconds, 0);
    expect(said).toBeCloseTo((last?.startSeconds ?? 0) - (first?.startSeconds ?? 0), 5);
    // A keyframe each 2.002 s: no segment is dated farther from its own than milliseconds tell.
    segments.forEach(({ startSeconds }, index) => {
      const apartSeconds = startSeconds - (first?.startSeconds ?? 0) - index * 2.002;
      expect(Math.abs(apartSeconds)).toBeLessThan(0.002);
    });
    expect(validateMediaPlaylists(published.histories)).toEqual([]);
  });

  it('loses no picture, gives none twice, leaves no hole and shows each when it is to be, whenever the encoder pauses', () => {
    const pauses = (mostMs: number) =>
      fc.array(fc.tuple(fc.integer({ min: 70, max: 350 }), fc.integer({ min: 1, max: mostMs })), { maxLength: 4 });
    // Sound that runs ahead of the pictures for longer than a second cuts by itself, which is another matter.
    const allPause = fc.record({ pauses: pauses(2_900), alsoSound: fc.constant(true) });
    const picturesPause = fc.record({ pauses: pauses(200), alsoSound: fc.constant(false) });
    fc.assert(
      fc.property(fc.oneof(allPause, picturesPause), ({ pauses: chosen, alsoSound }) => {
        const published = new PublishedStream();
        published.start([videoConfig, audioConfig]);
        const units = withPauses(new Map(chosen), alsoSound);
        published.send(units);
        published.stop();
        expectWhole(
          published,
          units.filter((unit) => unit.kind === 'video'),
        );
      }),
      { numRuns: 40, seed: 5 },
    );
  });

  describe('before a keyframe', () => {
    /** At 25 a second, in groups of so many, with a keyframe at the beginning of each. */
    const groups = (lengths: readonly number[]) => {
      const starts = new Set(
        lengths.map((_, index) => lengths.slice(0, index).reduce((sum, length) => sum + length, 0)),
      );
      const seconds = lengths.reduce((sum, length) => sum + length, 0) / 25;
      return (videoUnits({ seconds, framesPerSecond: 25, compositionOffsetMs: 40 }) as VideoAccessUnit[]).map(
        (unit, index) => ({ ...unit, keyframe: starts.has(index) }),
      );
    };
    const sentAlone = (units: readonly VideoAccessUnit[]) => {
      const published = new PublishedStream();
      published.start([videoConfig]);
      /** Those with which a part went out that ends with them. */
      const parting = units.flatMap((unit, index) => {
        published.send([unit]);
        return shownSamples(published).length === index + 1 ? [index] : [];
      });
      return { published, parting };
    };

    it('has the last part of a segment with its last picture too, however short it is', () => {
      const { published, parting } = sentAlone(groups([50, 50, 50, 50, 50, 50]));
      // Eight pictures are 0.32 s of 0.35, and two are left of fifty.
      const ends = [7, 15, 23, 31, 39, 47, 49];
      expect(parting.filter((index) => index >= 200)).toEqual([
        ...ends.map((n) => 200 + n),
        ...ends.map((n) => 250 + n),
      ]);
      expect(validateMediaPlaylists(published.histories)).toEqual([]);
    });

    it('waits for the keyframe where they do not come at regular distances', () => {
      const { parting } = sentAlone(groups([50, 50, 50, 50, 42, 50, 50]));
      expect(parting.filter((index) => index >= 242).map((index) => (index - 242) % 50)).not.toContain(49);
    });

    it('has the last part when the keyframe comes, where it could not be foreseen', () => {
      const published = new PublishedStream();
      published.start([videoConfig]);
      const units = groups([50, 50, 50, 50, 57, 53, 50]);
      const listed = units.map((unit) => {
        published.send([unit]);
        return shownSamples(published).length;
      });
      // With the keyframe itself, which is not in it.
      expect([257, 310].map((index) => listed[index])).toEqual([257, 310]);
      expect(validateMediaPlaylists(published.histories)).toEqual([]);
    });

    it('begins a segment with what has come in the place of the keyframe, and the next one with that', () => {
      const { published, parting } = sentAlone(groups([50, 50, 50, 50, 100, 50]));
      expect(parting).toContain(249);
      published.stop();
      const { segments } = videoWindow(published);
      const [last, ...before] = segments.toReversed().map(({ startSeconds }) => startSeconds);
      const since = before.slice(0, 3).map((startSeconds) => Number(((last ?? 0) - startSeconds).toFixed(2)));
      expect(since).toEqual([2, 4, 6]);
      expect(segments.slice(-3).map(({ parts }) => parts[0]?.independent)).toEqual([true, false, true]);
      expect(shownSamples(published)).toHaveLength(350);
      expect(validateMediaPlaylists(published.histories)).toEqual([]);
    });

    it('makes no gap where the keyframe is a little late: the next part says as much more', () => {
      const units = groups([50, 50, 50, 50, 50, 50]).map((unit, index) => ({
        ...unit,
        timestampMs: unit.timestampMs + (index < 250 ? 0 : 60),
      }));
      const { published } = sentAlone(units);
      const { segments, open } = videoWindow(published);
      const parts = [...segments.slice(-1).flatMap((segment) => segment.parts), ...(open?.parts ?? [])];
      expect(parts.map(({ durationSeconds }) => Number(durationSeconds.toFixed(3)))).toEqual([
        0.32, 0.32, 0.32, 0.32, 0.32, 0.32, 0.08, 0.34, 0.32, 0.32, 0.32, 0.32, 0.32,
      ]);
      expect(parts.every(({ bytes }) => bytes.length > 0)).toBe(true);
    });

    it('loses no picture, gives none twice, leaves no hole and keeps every rule, whenever it does not come or is late', () => {
      const length = fc.oneof({ weight: 6, arbitrary: fc.constant(50) }, fc.integer({ min: 2, max: 130 }));
      const soundAheadMs = fc.integer({ min: -300, max: 900 });
      /** Before the first picture of the group. */
      const pauseMs = fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.integer({ min: 1, max: 300 }));
      const group = fc.record({ length, pauseMs });
      fc.assert(
        fc.property(fc.array(group, { minLength: 4, maxLength: 12 }), soundAheadMs, (drawn, aheadMs) => {
          const lengths = drawn.map((one) => one.length);
          const published = new PublishedStream();
          published.start([videoConfig, audioConfig]);
          let [addedMs, count] = [0, 0];
          const video = groups([50, 50, 50, ...lengths]).map((unit, index) => {
            if (unit.keyframe && index >= 150) addedMs += drawn[count++]?.pauseMs ?? 0;
            return { ...unit, timestampMs: unit.timestampMs + addedMs };
          });
          const fromMs = 1_000;
          const sound = audioUnits({ fromMs, seconds: video.length / 25 + addedMs / 1_000 });
          published.send(
            interleaved(
              video.map((unit) => ({ ...unit, timestampMs: unit.timestampMs + fromMs + aheadMs })),
              sound,
            ).map((unit) => (unit.kind === 'video' ? { ...unit, timestampMs: unit.timestampMs - aheadMs } : unit)),
          );
          published.stop();
          expectWhole(published, video);
        }),
        { numRuns: 30 },
      );
    });
  });

  describe('of sound', () => {
    const sent = (video: readonly AccessUnit[], sound: readonly AccessUnit[]) => {
      const published = new PublishedStream();
      published.start(video.length > 0 ? [videoConfig, audioConfig] : [audioConfig]);
      const atOnce = soundAtOnce(published, interleaved(video, sound));
      return { published, atOnce, last: lastFrames(published) };
    };
    /** After targets are known, and the distance of keyframes. */
    const later = (frames: readonly number[]) => frames.filter((index) => index * 1_024 > 8 * 48_000);

    it.each([24, 25, 30, 50, 60])('has a part with its last frame, at %i pictures a second', (framesPerSecond) => {
      const { published, atOnce, last } = sent(
        videoUnits({ seconds: 16, framesPerSecond, gop: 2 * framesPerSecond }),
        audioUnits({ seconds: 16 }),
      );
      expect(later(last).length).toBeGreaterThan(20);
      expect(later(atOnce)).toEqual(later(last));
      expect(validateMediaPlaylists(published.histories)).toEqual([]);
    });

    it('does not wait for pictures that come later, where it is foreseen which of them begins a segment', () => {
      const behindMs = 300;
      const late = videoUnits({ seconds: 16 }).map((unit) => ({ ...unit, timestampMs: unit.timestampMs + behindMs }));
      const published = new PublishedStream();
      published.start([videoConfig, audioConfig]);
      const units = interleaved(late, audioUnits({ seconds: 16 })).map((unit) =>
        unit.kind === 'video' ? { ...unit, timestampMs: unit.timestampMs - behindMs } : unit,
      );
      const atOnce = soundAtOnce(published, units);
      expect(later(atOnce)).toEqual(later(lastFrames(published)));
      const starts = ['video', 'audio'].map((name) =>
        windowOf(published, name).segments.map(({ startSeconds }) => Math.round(startSeconds * 10)),
      );
      expect(starts[1]).toEqual(starts[0]);
      expect(validateMediaPlaylists(published.histories)).toEqual([]);
    });

    it('has the last part of a segment with its last frame, where there are no pictures', () => {
      const { published, atOnce, last } = sent([], audioUnits({ seconds: 16 }));
      expect(later(last).length).toBeGreaterThan(20);
      expect(later(atOnce)).toEqual(later(last));
      expect(validateMediaPlaylists(published.histories)).toEqual([]);
    });
  });
});
