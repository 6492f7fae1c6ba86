import { beforeEach, describe, expect, it } from 'vitest';
import { legacyFlvClient } from '../../src/formats/flv/client-capabilities.ts';
import { FanOut } from '../../src/live/fan-out.ts';
import { LiveStream } from '../../src/live/live-stream.ts';
import { flvWireForm } from '../../src/live/wire-form.ts';
import { videoConfig, type VideoRun, videoUnits } from '../support/synthetic-units.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { TestPlayer } from './test-player.ts';

const flv = flvWireForm(legacyFlvClient);
let clock: VirtualClock;
let stream: LiveStream;
let fanOut: FanOut;

beforeEach(() => {
  clock = new VirtualClock();
  stream = new LiveStream('live/test');
  stream.startPublication({ peer: 'test', encoder: 'test', startedWallMs: 0 });
  stream.setTrackConfig(videoConfig);
  const settings = { mergeWindow: 100, maxQueueBytes: 1_000_000 };
  fanOut = new FanOut({ settings, settingsPath: 'test.fanOut', clock });
});

/** Pictures at 30 a second, each at its time. */
function send(run: VideoRun): void {
  for (const unit of videoUnits(run)) {
    stream.push(unit);
    clock.advance(1_000 / 30);
  }
}

describe('FanOut and the memory of what it has written', () => {
  it.each(['plays on', 'pauses', 'leaves'] as const)(
    'leaves what a player has not taken as it is, when that %s',
    (how) => {
      const [slow, other] = [new TestPlayer(), new TestPlayer()];
      slow.reading = false;
      fanOut.join(stream, flv, other);
      const feed = fanOut.join(stream, flv, slow);
      send({ seconds: 1, gop: 30 });
      clock.advance(200);
      if (how === 'pauses') feed.pause();
      if (how === 'leaves') feed.end();
      send({ fromMs: 1_000, seconds: 4, gop: 30 });
      expect(slow.given.length).toBeGreaterThan(2);
      for (const [index, given] of slow.given.entries())
        expect(Uint8Array.from(given)).toStrictEqual(slow.pieces[index]);
    },
  );

  it('uses two buffers in turn while all players take what they get', () => {
    const player = new TestPlayer();
    fanOut.join(stream, flv, player);
    send({ seconds: 20, gop: 30, bytes: 4_000 });
    const late = player.given.slice(Math.floor(player.given.length / 2));
    expect(new Set(late.map(({ buffer }) => buffer)).size).toBe(2);
  });
});
