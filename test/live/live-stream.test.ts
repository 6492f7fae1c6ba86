import { describe, expect, it } from 'vitest';
import type { AccessUnit } from '../../src/formats/media/access-unit.ts';
import { LiveStream, type StreamSubscriber } from '../../src/live/live-stream.ts';
import { audioConfig, audioUnits, interleaved, videoConfig, videoUnits } from '../support/synthetic-units.ts';

const publication = { peer: 'test', encoder: 'test', startedWallMs: 0 };

function collector(): StreamSubscriber & { readonly units: AccessUnit[]; readonly configs: string[] } {
  const units: AccessUnit[] = [];
  const configs: string[] = [];
  return {
    units,
    configs,
    onPublisherStart() {},
    onTrackConfig: (config) => configs.push(config.kind),
    onColorInfo() {},
    onAccessUnit: (unit) => units.push(unit),
    onData() {},
    onPublisherStop() {},
    onEnd() {},
  };
}

function published(bounds?: { maxBytes: number; maxItems: number }): LiveStream {
  const stream = new LiveStream('live/test', bounds);
  stream.startPublication(publication);
  stream.setTrackConfig(videoConfig);
  stream.setTrackConfig(audioConfig);
  return stream;
}

function lateUnits(stream: LiveStream): AccessUnit[] {
  const late = collector();
  stream.subscribe(late, { burst: true });
  return late.units;
}

describe('LiveStream.subscribe with burst', () => {
  it('gives everything since the last keyframe, audio among it, and then what follows, without a gap or twice', () => {
    const stream = published();
    const units = interleaved(videoUnits({ seconds: 3, gop: 30 }), audioUnits({ seconds: 3 }));
    const lastKeyframe = units.findLastIndex((unit) => unit.kind === 'video' && unit.keyframe);
    const half = Math.floor((lastKeyframe + units.length) / 2);
    for (const unit of units.slice(0, half)) stream.push(unit);
    const late = collector();
    stream.subscribe(late, { burst: true });
    expect(late.configs).toEqual(['video', 'audio']);
    for (const unit of units.slice(half)) stream.push(unit);
    expect(late.units).toEqual(units.slice(lastKeyframe));
  });

  it('gives nothing of a GOP that exceeds the bound of bytes or of units, and the next one again', () => {
    for (const bounds of [
      { maxBytes: 250, maxItems: 1_000 },
      { maxBytes: 1_000_000, maxItems: 25 },
    ]) {
      const stream = published(bounds);
      const long = videoUnits({ seconds: 1, gop: 30, bytes: 10 });
      for (const unit of long.slice(0, 25)) stream.push(unit);
      expect(lateUnits(stream)).toHaveLength(25);
      for (const unit of long.slice(25)) stream.push(unit);
      expect(lateUnits(stream)).toEqual([]);
      const next = videoUnits({ fromMs: 1_000, seconds: 0.1, gop: 30, bytes: 10 });
      for (const unit of next) stream.push(unit);
      expect(lateUnits(stream)).toEqual(next);
    }
  });

  it('gives nothing that was encoded for another configuration, nor of another publication', () => {
    const stream = published();
    for (const unit of videoUnits({ seconds: 1 })) stream.push(unit);
    stream.setTrackConfig({ ...videoConfig, width: 640, height: 360 });
    expect(lateUnits(stream)).toEqual([]);
    for (const unit of videoUnits({ seconds: 1 })) stream.push(unit);
    stream.stopPublication();
    stream.startPublication(publication);
    stream.setTrackConfig(videoConfig);
    expect(lateUnits(stream)).toEqual([]);
  });

  it('gives nothing of a stream without video, where one can begin anywhere', () => {
    const stream = new LiveStream('live/sound');
    stream.startPublication(publication);
    stream.setTrackConfig(audioConfig);
    for (const unit of audioUnits({ seconds: 1 })) stream.push(unit);
    expect(lateUnits(stream)).toEqual([]);
  });

  it('follows the keyframes of the first video track only', () => {
    const stream = published();
    stream.setTrackConfig({ ...videoConfig, trackId: 1 });
    const [first, second] = videoUnits({ seconds: 1 });
    if (first === undefined || second === undefined) throw new Error('no units');
    stream.push(first);
    stream.push({ ...first, trackId: 1 });
    stream.push(second);
    expect(lateUnits(stream)).toEqual([first, { ...first, trackId: 1 }, second]);
  });
});

describe('LiveStream.subscribe without burst', () => {
  it('gives what follows only', () => {
    const stream = published();
    const units = videoUnits({ seconds: 1 });
    for (const unit of units.slice(0, 10)) stream.push(unit);
    const follower = collector();
    stream.subscribe(follower);
    for (const unit of units.slice(10)) stream.push(unit);
    expect(follower.units).toEqual(units.slice(10));
  });
});

describe('LiveStream.leaveUnreadMs', () => {
  it('is what the most impatient subscriber can wait, and nothing if one has not said that it can', () => {
    const stream = published();
    expect(stream.leaveUnreadMs(50)).toBe(50);
    stream.subscribe({ ...collector(), patienceMs: () => Infinity });
    stream.subscribe({ ...collector(), patienceMs: () => 30 });
    expect(stream.leaveUnreadMs(50)).toBe(30);
    expect(stream.leftUnreadMs).toBe(30);
    expect(stream.leaveUnreadMs(20)).toBe(20);
    const leave = stream.subscribe(collector());
    expect(stream.leaveUnreadMs(50)).toBe(0);
    expect(stream.leftUnreadMs).toBe(0);
    leave();
    expect(stream.leaveUnreadMs(50)).toBe(30);
    // The next publisher may be one that is read at once.
    stream.startPublication(publication);
    expect(stream.leftUnreadMs).toBe(0);
  });

  it('is over, once, when somebody comes who may not be able to wait, or what comes is to be read sooner', () => {
    const stream = published();
    let calls = 0;
    const readNow = () => calls++;
    expect(stream.readNow()).toBe(false);
    stream.leaveUnreadMs(500, readNow);
    expect(stream.readNow()).toBe(true);
    expect(stream.readNow()).toBe(false);
    expect(calls).toBe(1);
    stream.leaveUnreadMs(500, readNow);
    const leave = stream.subscribe(collector());
    expect(calls).toBe(2);
    leave();
    stream.leaveUnreadMs(500, readNow);
    stream.readWithin(500);
    expect(calls).toBe(2);
    stream.readWithin(100);
    expect(calls).toBe(3);
  });

  it('is over for nobody where nothing is left unread, or another publishes by now', () => {
    const stream = published();
    const readNow = () => {
      throw new Error('called');
    };
    const leave = stream.subscribe(collector());
    stream.leaveUnreadMs(500, readNow);
    expect(stream.readNow()).toBe(false);
    leave();
    stream.leaveUnreadMs(500, readNow);
    stream.startPublication(publication);
    expect(stream.readNow()).toBe(false);
  });

  it('is nothing rather than very little', () => {
    const stream = published();
    stream.subscribe({ ...collector(), patienceMs: () => 5 });
    expect(stream.leaveUnreadMs(50)).toBe(0);
    expect(stream.leftUnreadMs).toBe(0);
  });
});
