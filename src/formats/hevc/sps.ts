import { BitReader } from '../../base/bit-reader.ts';
import { ProtocolError } from '../../base/errors.ts';
import { rawByteSequencePayload } from '../avc/nal-unit.ts';
import { unspecifiedColors } from '../media/video-color.ts';
import { skipShortTermReferencePictureSets } from './reference-picture-set.ts';
import { parseHevcVui, type HevcVui } from './vui.ts';

/** What a sequence parameter set says about the pictures (ITU-T H.265 §7.3.2.2). */
export interface HevcSequenceParameterSet extends HevcVui {
  /** Pixels, inside the conformance window. */
  readonly width: number;
  readonly height: number;
}

export const hevcNalUnitType = { vps: 32, sps: 33, pps: 34, accessUnitDelimiter: 35, prefixSei: 39 } as const;

/** Of the first byte of a NAL unit (§7.3.1.2). */
export function typeOfHevcNalUnit(nalUnit: Uint8Array): number {
  return ((nalUnit[0] ?? 0) >> 1) & 0x3f;
}

/** Level 6.2 ends at 16,888; nothing that is played is larger. */
const largestSide = 16_384;

/**
 * Reads a sequence parameter set NAL unit. Throws `ProtocolError` for another NAL unit, for what ends early and for
 * values that the specification excludes; what stands behind the size is treated as if it said nothing when it is broken.
 */
export function parseHevcSps(nalUnit: Uint8Array): HevcSequenceParameterSet {
  if (nalUnit.length === 0 || typeOfHevcNalUnit(nalUnit) !== hevcNalUnitType.sps) {
    throw spsError(`NAL unit type ${typeOfHevcNalUnit(nalUnit)} where a sequence parameter set belongs`);
  }
  // The header of a NAL unit has two bytes here, not one as in AVC.
  const reader = new BitReader(rawByteSequencePayload(nalUnit.subarray(1)), 'HEVC sequence parameter set');
  reader.skip(4); // sps_video_parameter_set_id
  const maxSubLayers = reader.bits(3) + 1;
  if (maxSubLayers > 7) throw spsError(`sps_max_sub_layers_minus1 is ${maxSubLayers - 1}, at most 6 is allowed`);
  reader.skip(1); // sps_temporal_id_nesting_flag
  skipProfileTierLevel(reader, maxSubLayers);
  bounded(reader.unsignedExpGolomb(), 15, 'sps_seq_parameter_set_id');
  const chromaFormatIdc = bounded(reader.unsignedExpGolomb(), 3, 'chroma_format_idc');
  const separatePlanes = chromaFormatIdc === 3 && reader.flag();
  const size = parseSize(reader, separatePlanes ? 0 : chromaFormatIdc);
  return { ...size, ...parseRest(reader, maxSubLayers) };
}

function parseSize(reader: BitReader, chromaArrayType: number): { width: number; height: number } {
  const codedWidth = bounded(reader.unsignedExpGolomb(), largestSide, 'pic_width_in_luma_samples');
  const codedHeight = bounded(reader.unsignedExpGolomb(), largestSide, 'pic_height_in_luma_samples');
  let cropX = 0;
  let cropY = 0;
  if (reader.flag()) {
    // The window is counted in chroma samples, where there are any (table 6-1).
    const unitX = chromaArrayType === 1 || chromaArrayType === 2 ? 2 : 1;
    const unitY = chromaArrayType === 1 ? 2 : 1;
    cropX = (reader.unsignedExpGolomb() + reader.unsignedExpGolomb()) * unitX;
    cropY = (reader.unsignedExpGolomb() + reader.unsignedExpGolomb()) * unitY;
  }
  if (cropX >= codedWidth || cropY >= codedHeight) {
    throw spsError(`a picture of ${codedWidth}×${codedHeight}, cropped by ${cropX} and ${cropY}`);
  }
  return { width: codedWidth - cropX, height: codedHeight - cropY };
}

/** §7.3.3, with general_profile_present. */
function skipProfileTierLevel(reader: BitReader, maxSubLayers: number): void {
  reader.skip(88 + 8);
  const present: [profile: boolean, level: boolean][] = [];
  for (let i = 1; i < maxSubLayers; i++) present.push([reader.flag(), reader.flag()]);
  if (maxSubLayers > 1) reader.skip(2 * (9 - maxSubLayers));
  for (const [profile, level] of present) reader.skip((profile ? 88 : 0) + (level ? 8 : 0));
}

/** From the bit depths to the end: all that stands before the VUI has to be read to find it. */
function parseRest(reader: BitReader, maxSubLayers: number): HevcVui {
  const nothing = {
    pixelAspect: { horizontal: 1, vertical: 1 },
    framesPerSecond: undefined,
    colors: unspecifiedColors,
  };
  try {
    reader.unsignedExpGolomb(); // bit_depth_luma_minus8
    reader.unsignedExpGolomb(); // bit_depth_chroma_minus8
    const pocBits = 4 + bounded(reader.unsignedExpGolomb(), 12, 'log2_max_pic_order_cnt_lsb_minus4');
    const orderings = reader.flag() ? maxSubLayers : 1;
    for (let i = 0; i < orderings * 3; i++) reader.unsignedExpGolomb();
    for (let i = 0; i < 6; i++) reader.unsignedExpGolomb(); // sizes of coding and transform blocks
    if (reader.flag() && reader.flag()) skipScalingLists(reader);
    reader.skip(2); // amp_enabled_flag, sample_adaptive_offset_enabled_flag
    if (reader.flag()) {
      reader.skip(8); // pcm_sample_bit_depth_*
      reader.unsignedExpGolomb(); // log2_min_pcm_luma_coding_block_size_minus3
      reader.unsignedExpGolomb(); // log2_diff_max_min_pcm_luma_coding_block_size
      reader.skip(1); // pcm_loop_filter_disabled_flag
    }
    skipShortTermReferencePictureSets(reader);
    if (reader.flag()) {
      const longTerm = bounded(reader.unsignedExpGolomb(), 32, 'num_long_term_ref_pics_sps');
      reader.skip(longTerm * (pocBits + 1));
    }
    reader.skip(2); // sps_temporal_mvp_enabled_flag, strong_intra_smoothing_enabled_flag
    return reader.flag() ? parseHevcVui(reader) : nothing;
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return nothing;
  }
}

/** §7.3.4. */
function skipScalingLists(reader: BitReader): void {
  for (let sizeId = 0; sizeId < 4; sizeId++) {
    for (let matrixId = 0; matrixId < 6; matrixId += sizeId === 3 ? 3 : 1) {
      if (!reader.flag()) {
        reader.unsignedExpGolomb(); // scaling_list_pred_matrix_id_delta
        continue;
      }
      const coefficients = Math.min(64, 1 << (4 + (sizeId << 1)));
      if (sizeId > 1) reader.signedExpGolomb(); // scaling_list_dc_coef_minus8
      for (let i = 0; i < coefficients; i++) reader.signedExpGolomb();
    }
  }
}

function bounded(value: number, max: number, name: string): number {
  if (value > max) throw spsError(`${name} is ${value}, at most ${max} is allowed`);
  return value;
}

function spsError(sentence: string): ProtocolError {
  return new ProtocolError('HEVC_SPS', sentence, { section: 'ITU-T H.265 §7.4.3.2' });
}
