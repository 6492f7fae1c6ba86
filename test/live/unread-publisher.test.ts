import { beforeEach, describe, expect, it } from 'vitest';
import { legacyFlvClient } from '../../src/formats/flv/client-capabilities.ts';
import { FanOut } from '../../src/live/fan-out.ts';
import { LiveStream } from '../../src/live/live-stream.ts';
import { flvWireForm } from '../../src/live/wire-form.ts';
import { videoConfig, videoUnits } from '../support/synthetic-units.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { TestPlayer, videoType } from './test-player.ts';

let clock: VirtualClock;
let stream: LiveStream;

beforeEach(() => {
  clock = new VirtualClock();
  stream = new LiveStream('live/test');
  stream.startPublication({ peer: 'test', encoder: 'test', startedWallMs: 0 });
  stream.setTrackConfig(videoConfig);
});

function join(mergeWindow: number): TestPlayer {
  const player = new TestPlayer();
  const settings = { mergeWindow, maxQueueBytes: 1_000_000 };
  new FanOut({ settings, settingsPath: 'test.fanOut', clock }).join(stream, flvWireForm(legacyFlvClient), player);
  return player;
}

describe('FanOut, with a publisher that may be left unread,', () => {
  it.each([
    { mergeWindow: 0, unreadMs: 0 },
    { mergeWindow: 100, unreadMs: 0 },
    { mergeWindow: 200, unreadMs: 48 },
    { mergeWindow: 350, unreadMs: 48 },
  ])('lets it be so for $unreadMs ms of a merge window of $mergeWindow ms', ({ mergeWindow, unreadMs }) => {
    join(mergeWindow);
    expect(stream.leaveUnreadMs(1_000)).toBe(unreadMs);
  });

  it('gives nothing later than a merge window after it came', () => {
    const player = join(350);
    const [keyframe, frame] = videoUnits({ seconds: 1, gop: 30 });
    if (keyframe === undefined || frame === undefined) throw new Error('there are no units');
    stream.push(keyframe);
    clock.advance(350);
    expect(player.times(videoType)).toHaveLength(1);
    const unreadMs = stream.leaveUnreadMs(50);
    // It came, and was read so much later.
    clock.advance(unreadMs);
    stream.push(frame);
    clock.advance(350 - unreadMs - 1);
    expect(player.times(videoType)).toHaveLength(1);
    clock.advance(1);
    expect(player.times(videoType)).toHaveLength(2);
  });
});
