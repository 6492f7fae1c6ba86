import { ProtocolError } from '../../base/errors.ts';
import { lengthPrefixedNalUnits } from '../avc/nal-unit.ts';
import { typeOfHevcNalUnit } from './sps.ts';

/** NAL unit types (ITU-T H.265 table 7-1). */
const raslN = 8;
const raslR = 9;
const firstNonVcl = 32;

/**
 * Whether an access unit is a picture that is shown before the random access picture it follows and refers to pictures
 * before that (RASL, ITU-T H.265 §3.114): a decoder that begins at the random access picture cannot decode it.
 */
export function isSkippedLeadingPicture(data: Uint8Array, nalLengthBytes: 1 | 2 | 4): boolean {
  try {
    for (const nalUnit of lengthPrefixedNalUnits(data, nalLengthBytes)) {
      const type = typeOfHevcNalUnit(nalUnit);
      if (type < firstNonVcl) return type === raslN || type === raslR;
    }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
  }
  return false;
}
