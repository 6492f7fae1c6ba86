import type { BitReader } from '../../base/bit-reader.ts';
import { ProtocolError } from '../../base/errors.ts';

const maxSets = 64;
const maxPictures = 16;

/**
 * Reads over the short-term reference picture sets of a sequence parameter set (ITU-T H.265 §7.3.7). Nobody here needs
 * them; but what follows them can only be found by counting their pictures. Throws `ProtocolError` for numbers that the
 * specification excludes.
 */
export function skipShortTermReferencePictureSets(reader: BitReader): void {
  const sets = reader.unsignedExpGolomb();
  if (sets > maxSets) throw setError(`${sets} reference picture sets`);
  /** The pictures of the set before. */
  let pictures = 0;
  for (let index = 0; index < sets; index++) {
    pictures = index > 0 && reader.flag() ? predictedPictures(reader, pictures) : explicitPictures(reader);
    if (pictures > maxPictures) throw setError(`${pictures} pictures in a reference picture set`);
  }
}

/** inter_ref_pic_set_prediction_flag: the set is that before it, moved, with some pictures left out (7-61, 7-62). */
function predictedPictures(reader: BitReader, referencePictures: number): number {
  reader.skip(1); // delta_rps_sign
  reader.unsignedExpGolomb(); // abs_delta_rps_minus1
  let pictures = 0;
  for (let j = 0; j <= referencePictures; j++) {
    const usedByCurrentPicture = reader.flag();
    // use_delta_flag is 1 where it is not written.
    if (usedByCurrentPicture || reader.flag()) pictures++;
  }
  return pictures;
}

function explicitPictures(reader: BitReader): number {
  const pictures = reader.unsignedExpGolomb() + reader.unsignedExpGolomb(); // before, and after, in output order
  if (pictures > maxPictures) throw setError(`${pictures} pictures in a reference picture set`);
  for (let i = 0; i < pictures; i++) {
    reader.unsignedExpGolomb(); // delta_poc_minus1
    reader.skip(1); // used_by_curr_pic_flag
  }
  return pictures;
}

function setError(sentence: string): ProtocolError {
  return new ProtocolError('HEVC_SPS', sentence, { section: 'ITU-T H.265 §7.4.8' });
}
