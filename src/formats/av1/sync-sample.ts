import { ProtocolError } from '../../base/errors.ts';
import { obuType, openBitstreamUnits } from './open-bitstream-unit.ts';

const keyFrame = 0;

/**
 * Whether a decoder can start at this temporal unit: its first frame is a key frame, and is shown (AV1-ISOBMFF §2.4).
 * What encoders flag as a keyframe may be one for later, or intra-only. What cannot be read is taken at its word.
 */
export function isAv1SyncSample(temporalUnit: Uint8Array): boolean {
  try {
    for (const { type, payload } of openBitstreamUnits(temporalUnit)) {
      if (type !== obuType.frame && type !== obuType.frameHeader) continue;
      // show_existing_frame, two bits of frame_type, show_frame (AV1 §5.9.2).
      const [first = 0] = payload;
      return first >> 7 === 0 && ((first >> 5) & 3) === keyFrame && ((first >> 4) & 1) === 1;
    }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
  }
  return true;
}

/** The same without the temporal delimiter, which samples leave out (AV1-ISOBMFF §2.4). A view, not a copy. */
export function withoutTemporalDelimiter(temporalUnit: Uint8Array): Uint8Array {
  const hasDelimiter = temporalUnit[0] === ((obuType.temporalDelimiter << 3) | 0x02) && temporalUnit[1] === 0;
  return hasDelimiter ? temporalUnit.subarray(2) : temporalUnit;
}
