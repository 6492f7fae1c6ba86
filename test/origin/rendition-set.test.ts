import { describe, expect, it } from 'vitest';
import type { CmafTrackConfig } from '../../src/formats/cmaf/cmaf-track.ts';
import { trackNumber } from '../../src/formats/media/track.ts';
import { RenditionSet } from '../../src/origin/rendition-set.ts';
import { timescaleOf } from '../../src/policy/timed-unit.ts';
import { LogRecorder } from '../support/log-recorder.ts';
import { audioConfig, videoConfig } from '../support/synthetic-units.ts';

/** Renditions of segments of one part, that are cut by hand; and how often something of them has changed. */
class CutRenditions {
  changes = 0;
  readonly set = new RenditionSet({
    targets: { targetDurationSeconds: 2, partTargetMs: 350, segmentSeconds: 2 },
    settings: { windowMs: 10_000, windowBytes: 1_000_000 },
    nameOf: ({ config }) => config.kind,
    wallMsAt: (mediaSeconds) => mediaSeconds * 1_000,
    onChange: () => this.changes++,
    keys: undefined,
    events: { take: () => [] },
    onBegun: () => {},
    onRenditionChanged: () => {},
    onPart: () => {},
    onSegment: () => {},
    onWanted: () => {},
    log: new LogRecorder(),
  });

  segment(config: CmafTrackConfig, isWhole = true): this {
    const track = { track: trackNumber(config), config };
    const durationTicks = timescaleOf(config) / 3;
    const facts = { independent: true, discontinuity: false, discontinuitySequence: 0 };
    this.set.onSegmentStart(track, { msn: 1, startTicks: 0, ...facts });
    const unit = { durationTicks, compositionOffsetTicks: 0, keyframe: true, data: new Uint8Array(3) };
    const units = [{ ...unit, track: track.track, dtsTicks: 0 }];
    this.set.onPart(track, { units, startTicks: 0, durationTicks, independent: true });
    if (isWhole) this.set.onSegmentEnd(track, durationTicks);
    return this;
  }

  /** How many changes there were meanwhile. */
  changesOf(act: () => void): number {
    const before = this.changes;
    act();
    return this.changes - before;
  }
}

describe('RenditionSet', () => {
  it('says that something has changed at the end of a run of time where that lists an I-frame, and then only', () => {
    const cut = new CutRenditions().segment(videoConfig).segment(audioConfig);
    const endRun = (config: CmafTrackConfig) =>
      cut.changesOf(() => cut.set.onRunEnd({ track: trackNumber(config), config }));
    expect([endRun(videoConfig), endRun(audioConfig)]).toEqual([1, 0]);
    expect(cut.set.list().map(({ iFrames }) => iFrames?.listed.length)).toEqual([1, undefined]);
    expect(endRun(videoConfig)).toBe(0);
  });

  it('says that something has changed when no part is to come, which playlists tell', () => {
    const cut = new CutRenditions().segment(videoConfig, false);
    const [video] = cut.set.list();
    expect(video?.window.expectedPart).toEqual({ msn: 1, part: 1 });
    const onLastPart = () => cut.set.onLastPart({ track: trackNumber(videoConfig), config: videoConfig });
    expect(cut.changesOf(onLastPart)).toBe(1);
    expect(video?.window.expectedPart).toEqual({ msn: 2, part: 0 });
    // Who is told so again has nothing new to tell.
    expect(cut.changesOf(onLastPart)).toBe(0);
  });
});
