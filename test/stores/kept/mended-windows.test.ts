import { describe, expect, it } from 'vitest';
import { mendWindows } from '../../../src/stores/kept/mended-windows.ts';
import type { KeptSegment } from '../../../src/stores/kept/segment-file.ts';

const options = {
  progress: { nextMsn: 3, begun: undefined },
  nowSeconds: 4,
  segmentSeconds: 2,
  longestSegmentSeconds: 2.5,
  initIndexOf: () => 0,
  programDateTimeAt: (seconds: number) => `at ${seconds}`,
};

function kept(msn: number, startSeconds: number, durationSeconds: number): KeptSegment {
  return {
    segment: {
      msn,
      startSeconds,
      durationSeconds,
      programDateTime: '',
      independent: true,
      discontinuity: false,
      initIndex: 0,
      parts: [],
      byteLength: 0,
      gap: false,
    },
    discontinuities: 0,
    unitCount: 0,
    sequenceNumber: 0,
    iFrames: 0,
  };
}

describe('mendWindows', () => {
  it('gives a gap a length behind a segment that ended later than the next one of the others', () => {
    const windows = new Map([
      ['video', [kept(1, 0, 2), kept(2, 2, 0.02)]],
      ['audio', [kept(1, 0, 2.021)]],
    ]);
    const mended = mendWindows(windows, options)
      ?.windows.get('audio')
      ?.map(({ segment }) => segment);
    expect(mended?.map(({ msn, gap }) => [msn, gap])).toEqual([
      [1, false],
      [2, true],
    ]);
    expect(mended?.[1]?.startSeconds).toBe(2.021);
    expect(mended?.[1]?.durationSeconds).toBeCloseTo(0.01, 6);
  });
});
