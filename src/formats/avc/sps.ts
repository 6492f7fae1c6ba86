import { BitReader } from '../../base/bit-reader.ts';
import { ProtocolError } from '../../base/errors.ts';
import { nalUnitType, rawByteSequencePayload, typeOfNalUnit } from './nal-unit.ts';
import { parseVui, type Vui } from './vui.ts';

/** What a sequence parameter set says about the pictures (ISO/IEC 14496-10 §7.3.2.1.1). */
export interface SequenceParameterSet extends Vui {
  readonly profileIdc: number;
  /** constraint_set0_flag to constraint_set5_flag and two reserved bits, as one byte. */
  readonly constraintFlags: number;
  /** Ten times the level: 31 is level 3.1. */
  readonly levelIdc: number;
  /** 0 monochrome, 1 4:2:0, 2 4:2:2, 3 4:4:4. */
  readonly chromaFormatIdc: number;
  readonly bitDepthLuma: number;
  readonly bitDepthChroma: number;
  /** Pixels, after cropping. */
  readonly width: number;
  readonly height: number;
  /** May hold pictures that are single fields. */
  readonly interlaced: boolean;
}

/** Profiles with chroma format, bit depths and scaling matrices in the parameter set (§7.3.2.1.1). */
const highProfiles: ReadonlySet<number> = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]);

/** Level 6.2 ends at 16,880; nothing that is played is larger. */
const largestSide = 16_384;

/**
 * Reads a sequence parameter set NAL unit. Throws `ProtocolError` for another NAL unit, for what ends early and for
 * values that the specification excludes; a broken VUI alone is treated as one that says nothing.
 */
export function parseSps(nalUnit: Uint8Array): SequenceParameterSet {
  if (typeOfNalUnit(nalUnit) !== nalUnitType.sps || nalUnit.length === 0) {
    throw spsError(`NAL unit type ${typeOfNalUnit(nalUnit)} where a sequence parameter set belongs`);
  }
  const reader = new BitReader(rawByteSequencePayload(nalUnit), 'AVC sequence parameter set');
  const profileIdc = reader.bits(8);
  const constraintFlags = reader.bits(8);
  const levelIdc = reader.bits(8);
  bounded(reader.unsignedExpGolomb(), 31, 'seq_parameter_set_id');
  const chroma = highProfiles.has(profileIdc) ? parseChroma(reader) : mainChroma;
  bounded(reader.unsignedExpGolomb(), 12, 'log2_max_frame_num_minus4');
  skipPictureOrder(reader);
  bounded(reader.unsignedExpGolomb(), 16, 'max_num_ref_frames');
  reader.skip(1); // gaps_in_frame_num_value_allowed_flag
  const size = parseSize(reader, chroma);
  return {
    profileIdc,
    constraintFlags,
    levelIdc,
    chromaFormatIdc: chroma.chromaFormatIdc,
    bitDepthLuma: chroma.bitDepthLuma,
    bitDepthChroma: chroma.bitDepthChroma,
    ...size,
    ...parseVui(reader),
  };
}

interface Chroma {
  readonly chromaFormatIdc: number;
  readonly separateColourPlanes: boolean;
  readonly bitDepthLuma: number;
  readonly bitDepthChroma: number;
}

/** What holds in the profiles that do not say it. */
const mainChroma: Chroma = { chromaFormatIdc: 1, separateColourPlanes: false, bitDepthLuma: 8, bitDepthChroma: 8 };

function parseChroma(reader: BitReader): Chroma {
  const chromaFormatIdc = bounded(reader.unsignedExpGolomb(), 3, 'chroma_format_idc');
  const separateColourPlanes = chromaFormatIdc === 3 && reader.flag();
  const bitDepthLuma = 8 + bounded(reader.unsignedExpGolomb(), 6, 'bit_depth_luma_minus8');
  const bitDepthChroma = 8 + bounded(reader.unsignedExpGolomb(), 6, 'bit_depth_chroma_minus8');
  reader.skip(1); // qpprime_y_zero_transform_bypass_flag
  if (reader.flag()) {
    const lists = chromaFormatIdc === 3 ? 12 : 8;
    for (let list = 0; list < lists; list++) {
      if (reader.flag()) skipScalingList(reader, list < 6 ? 16 : 64);
    }
  }
  return { chromaFormatIdc, separateColourPlanes, bitDepthLuma, bitDepthChroma };
}

/** §7.3.2.1.1.1. Its length depends on its values. */
function skipScalingList(reader: BitReader, size: number): void {
  let lastScale = 8;
  for (let i = 0; i < size; i++) {
    const nextScale = (lastScale + reader.signedExpGolomb() + 256) % 256;
    if (nextScale === 0) return;
    lastScale = nextScale;
  }
}

function skipPictureOrder(reader: BitReader): void {
  const type = bounded(reader.unsignedExpGolomb(), 2, 'pic_order_cnt_type');
  if (type === 0) {
    bounded(reader.unsignedExpGolomb(), 12, 'log2_max_pic_order_cnt_lsb_minus4');
  } else if (type === 1) {
    reader.skip(1); // delta_pic_order_always_zero_flag
    reader.signedExpGolomb(); // offset_for_non_ref_pic
    reader.signedExpGolomb(); // offset_for_top_to_bottom_field
    const cycle = bounded(reader.unsignedExpGolomb(), 255, 'num_ref_frames_in_pic_order_cnt_cycle');
    for (let i = 0; i < cycle; i++) reader.signedExpGolomb();
  }
}

function parseSize(reader: BitReader, chroma: Chroma): { width: number; height: number; interlaced: boolean } {
  const widthInMacroblocks = 1 + bounded(reader.unsignedExpGolomb(), largestSide / 16 - 1, 'pic_width_in_mbs_minus1');
  const heightInMapUnits =
    1 + bounded(reader.unsignedExpGolomb(), largestSide / 16 - 1, 'pic_height_in_map_units_minus1');
  const interlaced = !reader.flag(); // frame_mbs_only_flag
  if (interlaced) reader.skip(1); // mb_adaptive_frame_field_flag
  reader.skip(1); // direct_8x8_inference_flag
  // A map unit of a stream with fields is two macroblocks high (equation 7-18).
  const fieldFactor = interlaced ? 2 : 1;
  const codedWidth = widthInMacroblocks * 16;
  const codedHeight = heightInMapUnits * 16 * fieldFactor;
  let cropX = 0;
  let cropY = 0;
  if (reader.flag()) {
    // Equations 7-19 to 7-22: cropping is counted in chroma samples, where there are any.
    const { chromaFormatIdc, separateColourPlanes } = chroma;
    const subsampledX = !separateColourPlanes && (chromaFormatIdc === 1 || chromaFormatIdc === 2);
    const subsampledY = !separateColourPlanes && chromaFormatIdc === 1;
    cropX = (reader.unsignedExpGolomb() + reader.unsignedExpGolomb()) * (subsampledX ? 2 : 1);
    cropY = (reader.unsignedExpGolomb() + reader.unsignedExpGolomb()) * (subsampledY ? 2 : 1) * fieldFactor;
  }
  if (cropX >= codedWidth || cropY >= codedHeight || codedHeight > largestSide) {
    throw spsError(`a picture of ${codedWidth}×${codedHeight}, cropped by ${cropX} and ${cropY}`);
  }
  return { width: codedWidth - cropX, height: codedHeight - cropY, interlaced };
}

function bounded(value: number, max: number, name: string): number {
  if (value > max) throw spsError(`${name} is ${value}, at most ${max} is allowed`);
  return value;
}

function spsError(sentence: string): ProtocolError {
  return new ProtocolError('AVC_SPS', sentence, { section: 'ISO/IEC 14496-10 §7.4.2.1.1' });
}
