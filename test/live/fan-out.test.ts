import { beforeEach, describe, expect, it } from 'vitest';
import { legacyFlvClient } from '../../src/formats/flv/client-capabilities.ts';
import { Amf0EcmaArray, amf0Object } from '../../src/formats/amf0/value.ts';
import { decodeAmf0 } from '../../src/formats/amf0/decode.ts';
import type { AccessUnit } from '../../src/formats/media/access-unit.ts';
import { FanOut } from '../../src/live/fan-out.ts';
import { LiveStream } from '../../src/live/live-stream.ts';
import { flvWireForm, rtmpWireForm } from '../../src/live/wire-form.ts';
import type { MergeWindow } from '../../src/policy/merge-window.ts';
import { audioConfig, audioUnits, interleaved, videoConfig, videoUnits } from '../support/synthetic-units.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { audioType, dataType, TestPlayer, videoType } from './test-player.ts';

const publication = { peer: 'test', encoder: 'test', startedWallMs: 0 };
const flv = flvWireForm(legacyFlvClient);
let clock: VirtualClock;
let stream: LiveStream;

beforeEach(() => {
  clock = new VirtualClock();
  stream = new LiveStream('live/test');
});

function fanOutWith(mergeWindow: MergeWindow, maxQueueBytes = 1_000_000): FanOut {
  return new FanOut({ settings: { mergeWindow, maxQueueBytes }, settingsPath: 'test.fanOut', clock });
}

function publish(): void {
  stream.startPublication(publication);
  stream.setTrackConfig(videoConfig);
  stream.setTrackConfig(audioConfig);
}

/** Each unit at its own time; what is due at once is flushed after each. */
async function send(units: readonly AccessUnit[]): Promise<void> {
  let latestMs = units[0]?.timestampMs ?? 0;
  for (const unit of units) {
    clock.advance(unit.timestampMs - latestMs);
    latestMs = unit.timestampMs;
    stream.push(unit);
    await Promise.resolve();
  }
}

function videoTimes(units: readonly AccessUnit[]): number[] {
  return units.filter((unit) => unit.kind === 'video').map((unit) => unit.timestampMs);
}

describe('FanOut.join, with a GOP running,', () => {
  it('gives header, metadata, configurations and the GOP at once, in one piece', async () => {
    publish();
    stream.pushData({
      name: 'onMetaData',
      values: [amf0Object({ width: 1280, duration: 0, filesize: 12 })],
      timestampMs: 5,
    });
    const units = interleaved(videoUnits({ seconds: 3, gop: 60 }), audioUnits({ seconds: 3 }));
    await send(units);
    const player = new TestPlayer();
    fanOutWith(100).join(stream, flv, player);
    expect(player.writes).toBe(1);
    const tags = player.tags();
    expect(player.bytes.subarray(0, 5).toString('latin1')).toBe('FLV\x01\x05');
    expect(tags.slice(0, 3).map(({ typeId }) => typeId)).toEqual([dataType, videoType, audioType]);
    expect(decodeAmf0(tags[0]?.payload ?? new Uint8Array(0))).toEqual([
      'onMetaData',
      new Amf0EcmaArray(new Map([['width', 1280]])),
    ]);
    expect(tags[0]?.timestampMs).toBe(0);
    expect(player.times(videoType)).toEqual(videoTimes(units).filter((timestampMs) => timestampMs >= 2_000));
    expect(player.times(audioType)[0]).toBeGreaterThanOrEqual(2_000);
  });

  it('gives what follows, nothing twice and nothing left out, wherever in the merge window the player comes', async () => {
    publish();
    const fanOut = fanOutWith(100);
    const units = interleaved(videoUnits({ seconds: 4, gop: 30 }), audioUnits({ seconds: 4 }));
    const players: { readonly player: TestPlayer; readonly joinedMs: number }[] = [];
    let latestMs = 0;
    for (const [index, unit] of units.entries()) {
      clock.advance(unit.timestampMs - latestMs);
      latestMs = unit.timestampMs;
      stream.push(unit);
      if (index % 7 !== 0 || index > 200) continue;
      const player = new TestPlayer();
      fanOut.join(stream, flv, player);
      players.push({ player, joinedMs: unit.timestampMs });
    }
    clock.advance(1_000);
    expect(players.length).toBeGreaterThan(20);
    for (const { player, joinedMs } of players) {
      const gopMs = Math.floor(joinedMs / 1_000) * 1_000;
      expect(player.times(videoType)).toEqual(videoTimes(units).filter((timestampMs) => timestampMs >= gopMs));
    }
  });

  it('keeps no GOP longer than the queue of a player: that one begins with the next keyframe', async () => {
    publish();
    const fanOut = fanOutWith(0, 3_000);
    const early = new TestPlayer();
    fanOut.join(stream, flv, early);
    const units = videoUnits({ seconds: 3, gop: 60, bytes: 100 });
    await send(units.slice(0, 40));
    const late = new TestPlayer();
    fanOut.join(stream, flv, late);
    expect(late.pieces).toEqual([]);
    await send(units.slice(40));
    expect(late.times(videoType)).toEqual(videoTimes(units).slice(60));
    expect(early.times(videoType)).toEqual(videoTimes(units));
  });

  it('without a publisher waits for it; without video begins anywhere', async () => {
    const fanOut = fanOutWith(0);
    const player = new TestPlayer();
    fanOut.join(stream, flv, player);
    expect(player.pieces).toEqual([]);
    stream.startPublication(publication);
    stream.setTrackConfig(audioConfig);
    const units = audioUnits({ seconds: 1 });
    await send(units.slice(0, 20));
    const late = new TestPlayer();
    fanOut.join(stream, flv, late);
    await send(units.slice(20));
    expect(player.bytes.subarray(0, 5).toString('latin1')).toBe('FLV\x01\x04');
    expect(player.times(audioType)).toEqual(units.map((unit) => unit.timestampMs));
    expect(late.times(audioType)).toEqual(units.slice(20).map((unit) => unit.timestampMs));
  });
});

describe('FanOut, within a merge window,', () => {
  it('gathers what comes into one write to each player, of the very same bytes', async () => {
    publish();
    const fanOut = fanOutWith(100);
    const players = [new TestPlayer(), new TestPlayer(), new TestPlayer()];
    await send(videoUnits({ seconds: 1 / 30 }));
    for (const player of players) fanOut.join(stream, flv, player);
    const opened = players.map(({ pieces }) => pieces.length);
    await send(videoUnits({ fromMs: 33, seconds: 2, gop: 1_000 }).slice(1));
    clock.advance(200);
    const [first = [], ...others] = players.map(({ given }, index) => given.slice(opened[index]));
    // 60 pictures in windows of 100 ms, each beginning with a picture.
    expect(first.length).toBeGreaterThan(13);
    expect(first.length).toBeLessThan(21);
    for (const other of others) {
      expect(other).toHaveLength(first.length);
      for (const [index, piece] of other.entries()) expect(piece).toBe(first[index]);
    }
  });

  it('writes no more often for the keyframes in it, and who waits for one gets nothing of what came before it', async () => {
    publish();
    const fanOut = fanOutWith(100);
    const early = new TestPlayer();
    fanOut.join(stream, flv, early);
    const units = videoUnits({ seconds: 3, gop: 5 });
    await send(units.slice(0, 10));
    // The GOP before is not in force any more: there is nothing to begin with.
    stream.setTrackConfig({ ...videoConfig, width: videoConfig.width + 2 });
    const late = new TestPlayer();
    fanOut.join(stream, flv, late);
    const earlier = early.writes;
    await send(units.slice(10));
    clock.advance(200);
    expect(early.writes - earlier).toBeGreaterThan(18);
    expect(early.writes - earlier).toBeLessThan(31);
    expect(early.times(videoType)).toEqual(videoTimes(units));
    expect(late.times(videoType)).toEqual(videoTimes(units).slice(10));
  });

  it('writes at once with a window of 0, and in one piece what came in one', async () => {
    publish();
    const fanOut = fanOutWith(0);
    const player = new TestPlayer();
    fanOut.join(stream, flv, player);
    const [first, second, third] = videoUnits({ seconds: 1, gop: 100 });
    if (first === undefined || second === undefined || third === undefined) throw new Error('no units');
    await send([first]);
    expect(player.writes).toBe(1);
    stream.push(second);
    stream.push(third);
    await Promise.resolve();
    expect(player.writes).toBe(2);
    expect(player.times(videoType)).toEqual(videoTimes([first, second, third]));
    expect(clock.pendingTimers).toBe(1);
  });

  it('serialises once for players of one form, and apart for others', () => {
    publish();
    const fanOut = fanOutWith(0);
    for (const unit of videoUnits({ seconds: 1 })) stream.push(unit);
    const [a, b, c] = [new TestPlayer(), new TestPlayer(), new TestPlayer()];
    fanOut.join(stream, rtmpWireForm(4_096, 1, legacyFlvClient), a);
    fanOut.join(stream, rtmpWireForm(4_096, 1, legacyFlvClient), b);
    fanOut.join(stream, rtmpWireForm(4_096, 2, legacyFlvClient), c);
    expect(a.given.at(-1)?.buffer).toBe(b.given.at(-1)?.buffer);
    expect(a.given.at(-1)?.buffer).not.toBe(c.given.at(-1)?.buffer);
    expect(a.bytes).toEqual(b.bytes);
    expect(a.bytes).not.toEqual(c.bytes);
  });
});

describe('FanOut, with a player that does not keep up,', () => {
  /** Keyframes every second, 30 pictures of 100 bytes and their headers between them. */
  const units = videoUnits({ seconds: 6, gop: 30, bytes: 100 });

  it('leaves out what comes up to a keyframe after it has drained, counts it, and spares the others', async () => {
    publish();
    const fanOut = fanOutWith(0, 5_000);
    const [slow, quick] = [new TestPlayer(), new TestPlayer()];
    fanOut.join(stream, flv, slow);
    fanOut.join(stream, flv, quick);
    await send(units.slice(0, 10));
    slow.reading = false;
    await send(units.slice(10, 70));
    expect(slow.queuedBytes).toBeLessThanOrEqual(5_000);
    expect(fanOut.stats()).toMatchObject({ players: 2, drops: 1, stalled: 0 });
    expect(fanOut.stats().droppedBytes).toBeGreaterThan(1_000);
    slow.reading = true;
    slow.drain();
    await send(units.slice(70));
    expect(quick.times(videoType)).toEqual(videoTimes(units));
    const times = slow.times(videoType);
    const gapAt = times.findIndex((timestampMs, index) => index > 0 && timestampMs - (times[index - 1] ?? 0) > 100);
    expect(times[gapAt]).toBe(3_000);
    expect(times.slice(gapAt)).toEqual(videoTimes(units).filter((timestampMs) => timestampMs >= 3_000));
    // What a decoder needs comes again before the keyframe.
    expect(slow.tags().filter((tag) => tag.typeId === videoType && tag.payload[1] === 0)).toHaveLength(2);
  });

  it('does not resume while less than half of the queue has drained', async () => {
    publish();
    const fanOut = fanOutWith(0, 5_000);
    const slow = new TestPlayer();
    fanOut.join(stream, flv, slow);
    slow.reading = false;
    await send(units.slice(0, 70));
    slow.queuedBytes = 2_501;
    const before = slow.pieces.length;
    await send(units.slice(70, 100));
    expect(slow.pieces).toHaveLength(before);
    slow.queuedBytes = 2_500;
    await send(units.slice(100, 130));
    expect(slow.pieces.length).toBeGreaterThan(before);
  });

  it('disconnects one that takes nothing, once, with the setting named, and drops it from the count', async () => {
    publish();
    const fanOut = fanOutWith(0, 5_000);
    const [dead, quick] = [new TestPlayer(), new TestPlayer()];
    fanOut.join(stream, flv, dead);
    fanOut.join(stream, flv, quick);
    dead.reading = false;
    const long = videoUnits({ seconds: 15, gop: 30, bytes: 100 });
    await send(long);
    expect(dead.stalled).toHaveLength(1);
    expect(dead.stalled[0]).toMatchObject({ code: 'PLAYER_TOO_SLOW' });
    expect(dead.stalled[0]?.message).toContain('test.fanOut.maxQueue');
    expect(fanOut.stats()).toMatchObject({ players: 1, stalled: 1 });
    expect(quick.stalled).toEqual([]);
    expect(quick.times(videoType)).toEqual(videoTimes(long));
  });

  it('disconnects one that takes nothing also when the publisher has left', async () => {
    publish();
    const fanOut = fanOutWith(0);
    const dead = new TestPlayer();
    dead.reading = false;
    fanOut.join(stream, flv, dead);
    await send(units.slice(0, 10));
    stream.stopPublication();
    clock.advance(9_000);
    expect(dead.stalled).toEqual([]);
    clock.advance(3_000);
    expect(dead.stalled).toHaveLength(1);
  });

  it('lets one wait for as long as the stream is there when nothing is queued for it', () => {
    const fanOut = fanOutWith(0);
    const patient = new TestPlayer();
    fanOut.join(stream, flv, patient);
    clock.advance(3_600_000);
    expect(patient.stalled).toEqual([]);
    expect(fanOut.stats().players).toBe(1);
  });
});

describe('PlayerFeed.pause and resume', () => {
  it('go on where the player has paused while that GOP runs, with the headers again', async () => {
    publish();
    const fanOut = fanOutWith(0);
    const player = new TestPlayer();
    const feed = fanOut.join(stream, flv, player);
    const units = videoUnits({ seconds: 2, gop: 60 });
    await send(units.slice(0, 20));
    feed.pause();
    const before = player.pieces.length;
    await send(units.slice(20, 40));
    expect(player.pieces).toHaveLength(before);
    feed.resume();
    await send(units.slice(40));
    expect(player.times(videoType)).toEqual(videoTimes(units));
    expect(player.tags().filter((tag) => tag.typeId === videoType && tag.payload[1] === 0)).toHaveLength(2);
    expect(player.bytes.toString('latin1').lastIndexOf('FLV\x01')).toBe(0);
  });

  it('jump to the running GOP when theirs is over', async () => {
    publish();
    const fanOut = fanOutWith(0);
    const player = new TestPlayer();
    const feed = fanOut.join(stream, flv, player);
    const units = videoUnits({ seconds: 4, gop: 30 });
    await send(units.slice(0, 20));
    feed.pause();
    await send(units.slice(20, 100));
    feed.resume();
    await send(units.slice(100));
    const times = videoTimes(units);
    expect(player.times(videoType)).toEqual([...times.slice(0, 20), ...times.slice(90)]);
  });
});

describe('FanOut, when publishers come and go,', () => {
  it('goes on with the next one at its first keyframe, on one timeline, with its configurations', async () => {
    publish();
    const fanOut = fanOutWith(0);
    const player = new TestPlayer();
    fanOut.join(stream, flv, player);
    const first = videoUnits({ fromMs: 50_000, seconds: 1 });
    await send(first);
    stream.stopPublication();
    clock.advance(3_000);
    stream.startPublication(publication);
    stream.setTrackConfig({ ...videoConfig, description: Uint8Array.of(1, 0x42, 0, 0x1f, 0xff, 0xe0, 0) });
    const second = videoUnits({ seconds: 2, gop: 30 });
    // It begins in the middle of a GOP.
    await send(second.slice(15));
    const times = player.times(videoType);
    expect(times.slice(0, 30)).toEqual(videoTimes(first));
    expect(times).toHaveLength(30 + 30);
    for (const [index, timestampMs] of times.entries()) expect(timestampMs).toBeGreaterThan(times[index - 1] ?? -1);
    expect((times[30] ?? 0) - (times[29] ?? 0)).toBeLessThan(1_000);
    const headers = player.tags().filter((tag) => tag.typeId === videoType && tag.payload[1] === 0);
    expect(headers.at(-1)?.payload[6]).toBe(0x42);
  });

  it('tells every player the end of the stream once, and forgets the stream', async () => {
    publish();
    const fanOut = fanOutWith(100);
    const players = [new TestPlayer(), new TestPlayer()];
    for (const player of players) fanOut.join(stream, flv, player);
    const units = videoUnits({ seconds: 1 });
    await send(units);
    stream.end();
    for (const player of players) {
      expect(player.ended).toBe(1);
      expect(player.times(videoType)).toEqual(videoTimes(units));
    }
    expect(fanOut.stats().players).toBe(0);
    clock.advance(5_000);
    expect(clock.pendingTimers).toBe(0);
  });

  it('leaves nothing behind when the last player has left', async () => {
    publish();
    const fanOut = fanOutWith(100);
    const feeds = [fanOut.join(stream, flv, new TestPlayer()), fanOut.join(stream, flv, new TestPlayer())];
    await send(videoUnits({ seconds: 1 }));
    for (const feed of feeds) feed.end();
    for (const feed of feeds) feed.end();
    expect(fanOut.stats().players).toBe(0);
    clock.advance(2_000);
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('FanOut, with tracks that a player does not understand,', () => {
  it('leaves them out, and keeps the default ones', async () => {
    publish();
    stream.setTrackConfig({ ...videoConfig, trackId: 1 });
    stream.setTrackConfig({ ...videoConfig, trackId: 2, codec: 'hevc', codecString: 'hvc1.1.6.L93.B0' });
    const player = new TestPlayer();
    fanOutWith(0).join(stream, flv, player);
    const units = videoUnits({ seconds: 1 });
    await send(units.flatMap((unit) => [unit, { ...unit, trackId: 1 }, { ...unit, trackId: 2 }]));
    expect(player.times(videoType)).toEqual(videoTimes(units));
  });
});
