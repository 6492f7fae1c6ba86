import { describe, expect, it } from 'vitest';
import type { FlvTag } from '../../src/formats/flv/flv-file.ts';
import { ClipSender, frameKeyOf } from './live-clip-sender.ts';
import { promisedPart } from './live-viewer.ts';

const tag = (typeId: number, timestampMs: number, body: readonly number[]): FlvTag => ({
  typeId,
  timestampMs,
  payload: Uint8Array.from(body),
});
const header = tag(9, 0, [0x17, 0, 0, 0, 0, 1]);
const first = tag(9, 0, [0x17, 1, 0, 0, 0, 10, 11]);
const sound = tag(8, 20, [0xaf, 1, 5]);
const second = tag(9, 40, [0x27, 1, 0, 0, 0, 12, 13]);

function recorded() {
  const sent: FlvTag[] = [];
  const sender = new ClipSender([header, first, sound, second], {
    send: (one) => sent.push(one),
    end: () => Promise.resolve(),
  });
  sender.begin(1_000);
  return { sender, sent };
}

describe('ClipSender', () => {
  it('sends what is due, and says when there is more', () => {
    const { sender, sent } = recorded();
    expect(sender.sendDue(1_019)).toBe(1_020);
    expect(sent).toEqual([header, first]);
    expect(sender.sendDue(1_041)).toBe(1_080);
    expect(sent.slice(2)).toEqual([sound, second]);
  });

  it('begins anew at its end, without headers, and its time goes on', () => {
    const { sender, sent } = recorded();
    sender.sendDue(1_125);
    expect(sent.slice(4).map(({ typeId, timestampMs }) => [typeId, timestampMs])).toEqual([
      [9, 80],
      [8, 100],
      [9, 120],
    ]);
  });

  it('knows when a picture went out, and when the one after it did', () => {
    const { sender } = recorded();
    const firstKey = frameKeyOf(Uint8Array.of(10, 11));
    expect(sender.timesOf('video', firstKey)).toBeUndefined();
    sender.sendDue(1_000);
    expect(sender.timesOf('video', firstKey)?.nextAtMs).toBeUndefined();
    sender.sendDue(1_040);
    const times = sender.timesOf('video', firstKey);
    expect(times?.nextAtMs).toBe(sender.timesOf('video', frameKeyOf(Uint8Array.of(12, 13)))?.atMs);
    expect(times?.atMs).toBeLessThanOrEqual(times?.nextAtMs ?? 0);
  });
});

describe('promisedPart', () => {
  it('is what the PRELOAD-HINT names', () => {
    expect(promisedPart('#EXTM3U\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI="e1/video/7.12.m4s"\n')).toEqual({
      folder: 'e1/video/',
      msn: '7',
      part: '12',
    });
    expect(promisedPart('#EXTM3U\n')).toBeUndefined();
  });
});
