import type { KeptSegment } from '../../../src/stores/kept/segment-file.ts';

/** Of one part, a second long. */
export function keptSegment(msn: number, bytes = 100): KeptSegment {
  const part = { bytes: new Uint8Array(bytes).fill(msn), durationSeconds: 1, independent: true, gap: false };
  return {
    segment: {
      msn,
      startSeconds: msn,
      programDateTime: '2026-01-01T00:00:00.000Z',
      independent: true,
      discontinuity: false,
      initIndex: 0,
      durationSeconds: 1,
      parts: [part],
      byteLength: bytes,
      gap: false,
    },
    discontinuities: 0,
    unitCount: 30,
    sequenceNumber: msn,
    iFrames: 0,
  };
}
