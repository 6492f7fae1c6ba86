import { describe, expect, it } from 'vitest';
import { type SegmentHead, SegmentWindow } from '../../src/stores/segment-window.ts';

const limits = { windowSeconds: 10, keepSeconds: 4, maxBytes: 1_000_000, leastSeconds: 4 };

function head(msn: number, changes: Partial<SegmentHead> = {}): SegmentHead {
  return {
    msn,
    startSeconds: msn * 2,
    programDateTime: '',
    independent: true,
    discontinuity: false,
    initIndex: 0,
    ...changes,
  };
}

function add(window: SegmentWindow, msn: number, changes: Partial<SegmentHead> = {}, bytes = 100): void {
  window.startSegment(head(msn, changes));
  for (let i = 0; i < 2; i++) {
    window.addPart({
      bytes: new Uint8Array(bytes / 2).fill(msn),
      durationSeconds: 1,
      independent: i === 0,
      gap: false,
    });
  }
  window.endSegment(2);
}

const listed = (window: SegmentWindow) => window.segments.map(({ msn }) => msn);

describe('SegmentWindow', () => {
  it('lists what lies within the window, and counts on', () => {
    const window = new SegmentWindow(limits);
    for (let msn = 0; msn < 9; msn++) add(window, msn);
    expect(listed(window)).toEqual([4, 5, 6, 7, 8]);
    expect(window.lastCompleteMsn).toBe(8);
    expect(window.nextPart).toEqual({ msn: 9, part: 0 });
  });

  it('still answers for a while for what has left the playlist, then no more', () => {
    const window = new SegmentWindow(limits);
    for (let msn = 0; msn < 9; msn++) add(window, msn);
    expect(window.part(2, 1)?.bytes[0]).toBe(2);
    expect(window.segment(2)?.parts).toHaveLength(2);
    expect(window.segment(1)).toBeUndefined();
    expect(window.part(1, 0)).toBeUndefined();
    expect(window.byteLength).toBe(7 * 100);
  });

  it('has parts of the open segment before the segment is complete', () => {
    const window = new SegmentWindow(limits);
    window.startSegment(head(5));
    expect(window.nextPart).toEqual({ msn: 5, part: 0 });
    window.addPart({ bytes: Uint8Array.of(1), durationSeconds: 0.3, independent: true, gap: false });
    expect(window.part(5, 0)?.bytes).toEqual(Uint8Array.of(1));
    expect(window.part(5, 1)).toBeUndefined();
    expect(window.segment(5)).toBeUndefined();
    expect(window.nextPart).toEqual({ msn: 5, part: 1 });
    window.endSegment(0.3);
    expect(window.segment(5)?.byteLength).toBe(1);
    expect(window.nextPart).toEqual({ msn: 6, part: 0 });
  });

  it('expects the first part of the next segment behind the last one of the open segment, unless another comes', () => {
    const window = new SegmentWindow(limits);
    const part = { bytes: Uint8Array.of(1), durationSeconds: 0.3, independent: true, gap: false };
    window.startSegment(head(5));
    window.addPart(part);
    expect(window.expectedPart).toEqual({ msn: 5, part: 1 });
    window.expectNoPart();
    expect(window.expectedPart).toEqual({ msn: 6, part: 0 });
    expect(window.nextPart).toEqual({ msn: 5, part: 1 });
    window.addPart(part);
    expect(window.expectedPart).toEqual({ msn: 5, part: 2 });
    window.expectNoPart();
    window.endSegment(0.6);
    expect(window.expectedPart).toEqual({ msn: 6, part: 0 });
    window.startSegment(head(6));
    expect(window.expectedPart).toEqual({ msn: 6, part: 0 });
    window.endSegment(0);
    expect(() => window.expectNoPart()).toThrow('not open');
  });

  it('knows which parts may be next, whatever is to be expected', () => {
    const window = new SegmentWindow(limits);
    const mayCome = () =>
      ['5.0', '5.1', '5.2', '6.0', '6.1', '7.0'].filter((name) => {
        const [msn = 0, part = 0] = name.split('.').map(Number);
        return window.mayComeNext(msn, part);
      });
    window.startSegment(head(5));
    expect(mayCome()).toEqual(['5.0', '6.0']);
    window.addPart({ bytes: Uint8Array.of(1), durationSeconds: 0.3, independent: true, gap: false });
    expect(mayCome()).toEqual(['5.1', '6.0']);
    window.endSegment(0.3);
    expect(mayCome()).toEqual(['6.0']);
    window.addGap(head(6), 2);
    expect(mayCome()).toEqual(['7.0']);
  });

  it('counts the discontinuities that have left', () => {
    const window = new SegmentWindow(limits);
    for (let msn = 0; msn < 12; msn++) add(window, msn, { discontinuity: msn === 2 || msn === 5 || msn === 9 });
    expect(listed(window)[0]).toBe(7);
    expect(window.discontinuitySequence).toBe(2);
  });

  it('lets the oldest go early when there are too many bytes, but not before their parts may go', () => {
    const roomy = new SegmentWindow({ ...limits, windowSeconds: 20, maxBytes: 550 });
    for (let msn = 0; msn < 9; msn++) add(roomy, msn);
    expect(listed(roomy)).toEqual([4, 5, 6, 7, 8]);
    expect(roomy.byteLength).toBe(500);
    const crowded = new SegmentWindow({ ...limits, windowSeconds: 20, maxBytes: 10 });
    for (let msn = 0; msn < 9; msn++) add(crowded, msn);
    expect(listed(crowded)).toEqual([5, 6, 7, 8]);
    expect(crowded.byteLength).toBe(400);
    expect(crowded.part(5, 0)?.bytes[0]).toBe(5);
  });

  it('lists gaps, and has nothing to answer for them', () => {
    const window = new SegmentWindow(limits);
    add(window, 0);
    window.addGap(head(1), 2);
    add(window, 2);
    expect(window.segments.map(({ gap }) => gap)).toEqual([false, true, false]);
    expect(window.segment(1)).toBeUndefined();
  });

  it('knows the oldest initialisation segment that is still needed', () => {
    const window = new SegmentWindow(limits);
    for (let msn = 0; msn < 6; msn++) add(window, msn, { initIndex: msn < 3 ? 0 : 1 });
    expect(window.oldestInitIndex).toBe(0);
    for (let msn = 6; msn < 12; msn++) add(window, msn, { initIndex: 1 });
    expect(window.oldestInitIndex).toBe(1);
  });

  it('refuses numbers that do not follow each other, and parts without a segment', () => {
    const window = new SegmentWindow(limits);
    add(window, 0);
    expect(() => window.startSegment(head(2))).toThrow('media sequence number 2 follows 0');
    expect(() =>
      window.addPart({ bytes: new Uint8Array(1), durationSeconds: 1, independent: true, gap: false }),
    ).toThrow();
    expect(() => window.endSegment(1)).toThrow();
    window.startSegment(head(1));
    expect(() => window.startSegment(head(2))).toThrow('while 1 is open');
  });
});
