import { describe, expect, it } from 'vitest';
import { defaultGopBounds, GopWindow } from '../../src/live/gop-window.ts';
import { videoUnit } from '../rtmp/sample-media.ts';

const { maxBytes } = defaultGopBounds;

function fill(gop: GopWindow, bytes: number, unitBytes: number): void {
  for (let at = 0; at < bytes; at += unitBytes) gop.push(videoUnit(1, 0, Math.min(unitBytes, bytes - at)), at === 0);
}

describe('GopWindow and the memory of its units', () => {
  it('lays one GOP where the one before it lay, and no more than a mebibyte or an eighth beside it', () => {
    const gop = new GopWindow();
    const buffers = new Set<ArrayBufferLike>();
    for (let round = 0; round < 20; round++) {
      fill(gop, 900_000 + (round % 5) * 1_000, 5_000);
      if (round > 3) for (const { data } of gop.units) buffers.add(data.buffer);
      expect(gop.heldBytes).toBeLessThan(1_900_000);
    }
    expect(buffers.size).toBe(1);
    expect(gop.heldBytes).toBeLessThan(1_050_000);
  });

  it('has no memory left of a GOP that has become too large, however long no keyframe comes', () => {
    const gop = new GopWindow();
    fill(gop, maxBytes + 1, 100_000);
    expect(gop.units).toHaveLength(0);
    expect(gop.heldBytes).toBe(0);
    gop.push(videoUnit(1, 0, 20), false);
    expect(gop.heldBytes).toBe(0);
  });

  it('has never more than its bound and a mebibyte, and takes no more than a tiny GOP needs after a while of those', () => {
    const gop = new GopWindow();
    fill(gop, maxBytes, 60_000);
    expect(gop.heldBytes).toBeLessThanOrEqual(maxBytes + 1_048_576);
    for (let round = 0; round < 80; round++) {
      fill(gop, 1_000, 20);
      expect(gop.heldBytes).toBeLessThanOrEqual(maxBytes);
    }
    expect(gop.heldBytes).toBe(65_536);
  });

  it('keeps thousands of tiny units close together', () => {
    const gop = new GopWindow();
    fill(gop, 4_096 * 20, 20);
    expect(gop.units).toHaveLength(4_096);
    expect(gop.heldBytes).toBeLessThan(200_000);
  });

  it('has no memory once nothing of the publication is left', () => {
    const gop = new GopWindow();
    fill(gop, 500_000, 5_000);
    gop.letGo();
    expect(gop.heldBytes).toBe(0);
  });
});
