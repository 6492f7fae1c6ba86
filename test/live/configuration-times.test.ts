import { describe, expect, it } from 'vitest';
import { legacyFlvClient } from '../../src/formats/flv/client-capabilities.ts';
import { FanOut } from '../../src/live/fan-out.ts';
import { LiveStream } from '../../src/live/live-stream.ts';
import { flvWireForm } from '../../src/live/wire-form.ts';
import { audioConfig, audioUnits, interleaved, videoConfig, videoUnits } from '../support/synthetic-units.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { audioType, TestPlayer, videoType } from './test-player.ts';

const flv = flvWireForm(legacyFlvClient);

describe('FanOut.join', () => {
  it('gives the configurations the time of the first frame behind them, joining, falling behind or pausing alike', () => {
    const clock = new VirtualClock();
    const stream = new LiveStream('live/test');

    stream.startPublication({ peer: 'test', encoder: 'test', startedWallMs: 0 });
    stream.setTrackConfig(videoConfig);
    stream.setTrackConfig(audioConfig);
    const fanOut = new FanOut({
      settings: { mergeWindow: 100, maxQueueBytes: 1_000_000 },
      settingsPath: 'test.fanOut',
      clock,
    });
    const units = interleaved(
      videoUnits({ fromMs: 10_000, seconds: 8, gop: 60 }),
      audioUnits({ fromMs: 10_000, seconds: 8 }),
    );
    const players: TestPlayer[] = [];
    for (const [index, unit] of units.entries()) {
      if (index > 0) clock.advance(unit.timestampMs - (units[index - 1]?.timestampMs ?? 0));
      stream.push(unit);
      if (index % 23 !== 0 || index > 400) continue;
      const player = new TestPlayer();
      players.push(player);
      const feed = fanOut.join(stream, flv, player);
      if (players.length % 3 === 1) clock.after(150, () => feed.pause());
      if (players.length % 3 === 1) clock.after(players.length % 2 === 0 ? 300 : 2_500, () => feed.resume());
      if (players.length % 3 !== 2) continue;
      player.reading = false;
      player.queuedBytes = 2_000_000;
      clock.after(900, () => {
        player.reading = true;
        player.drain();
      });
    }
    clock.advance(1_000);
    expect(players.length).toBeGreaterThan(15);
    expect(fanOut.stats().drops).toBeGreaterThan(4);
    for (const player of players) {
      for (const typeId of [videoType, audioType]) {
        const times = player.tags().flatMap((tag) => (tag.typeId === typeId ? [tag.timestampMs] : []));
        expect(times).toEqual([...times].sort((a, b) => a - b));
        expect(times[0]).toBeLessThanOrEqual(player.times(videoType)[0] ?? 0);
      }
      const [video, audio] = [videoType, audioType].map((typeId) =>
        player.tags().findLast((tag) => tag.typeId === typeId && tag.payload[1] === 0),
      );
      expect(video?.timestampMs).toBe(audio?.timestampMs);
    }
  });
});
