import { describe, expect, it } from 'vitest';
import type { AudioTrackConfig } from '../../src/formats/media/track.ts';
import { silentOpusPacket } from '../../src/formats/opus/packet.ts';
import type { TimedUnit } from '../../src/policy/timed-unit.ts';
import { AudioClock } from '../../src/policy/timeline-audio.ts';
import { audioTrackConfig } from '../support/sample-tracks.ts';
import { audioConfig } from '../support/synthetic-units.ts';

const opus = audioTrackConfig('opus');

/** One frame of CELT of 10 ms, or of 20 ms. */
const packet = (ms: 10 | 20, content: number) => Uint8Array.of(ms === 10 ? 0xf0 : 0xf8, content);

function clocked(config: AudioTrackConfig, frames: readonly (readonly [mediaMs: number, data: Uint8Array])[]) {
  const units: TimedUnit[] = [];
  const clock = new AudioClock(config, (unit) => units.push(unit));
  for (const [mediaMs, data] of frames) clock.push(data, mediaMs);
  for (const [index, unit] of units.slice(1).entries()) {
    const before = units[index];
    expect(unit.dtsTicks).toBe((before?.dtsTicks ?? 0) + (before?.durationTicks ?? 0));
  }
  return units;
}

describe('AudioClock, Opus', () => {
  it('counts what each packet says that it lasts', () => {
    const lengths = Array.from({ length: 60 }, (_, index) => (index % 3 === 0 ? 10 : 20));
    let mediaMs = 500;
    const frames = lengths.map((ms, index) => {
      const frame = [mediaMs, packet(ms, index)] as const;
      mediaMs += ms;
      return frame;
    });
    const units = clocked(opus, frames);
    expect(units.map(({ durationTicks }) => durationTicks)).toEqual(lengths.map((ms) => ms * 48));
    expect(units[0]?.dtsTicks).toBe(500 * 48);
  });

  it('fills a hole of two seconds with silence, and is in step behind it', () => {
    const before = Array.from({ length: 50 }, (_, index) => [index * 20, packet(20, index)] as const);
    const after = before.map(([mediaMs, data]) => [mediaMs + 3_000, data] as const);
    const units = clocked(opus, [...before, ...after]);
    const silence = silentOpusPacket(opus.description ?? new Uint8Array(0));
    expect(units.filter(({ data }) => Buffer.compare(data, silence) === 0)).toHaveLength(100);
    expect(units.findLast(({ data }) => data === after[0]?.[1])?.dtsTicks).toBe(3_000 * 48);
  });

  it('leaves out what is no packet', () => {
    const nothing = new Uint8Array(0);
    const units = clocked(opus, [
      [0, packet(20, 0)],
      [20, nothing],
      [40, packet(20, 1)],
    ]);
    expect(units.map(({ data }) => data[1])).toEqual([0, 1]);
  });
});

describe('AudioClock, where no silence is known', () => {
  it('fills a hole with the last frame, which was lent', () => {
    const surround: AudioTrackConfig = { ...audioConfig, channels: 6 };
    const units: Uint8Array[] = [];
    const clock = new AudioClock(surround, ({ data }) => units.push(new Uint8Array(data)));
    const lent = Uint8Array.of(1, 2, 3);
    clock.push(lent, 0);
    lent.fill(0xdb);
    clock.fillUntil(200);
    expect(units).toHaveLength(9);
    for (const data of units) expect(data).toStrictEqual(Uint8Array.of(1, 2, 3));
  });
});
