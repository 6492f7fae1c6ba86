import { BitReader } from '../../base/bit-reader.ts';
import { ProtocolError } from '../../base/errors.ts';
import { type ColorDescription, unspecifiedColors } from '../media/video-color.ts';

/** What a sequence header says about the pictures (AV1 §5.5.1). */
export interface Av1SequenceHeader {
  /** Pixels: the largest frame that may come. */
  readonly width: number;
  readonly height: number;
  /** If the stream states that all pictures last equally long. */
  readonly framesPerSecond: number | undefined;
  readonly monochrome: boolean;
  /** subsampling_x, subsampling_y and chroma_sample_position, as a codec string has them: 110 is 4:2:0. */
  readonly chroma: string;
  readonly colors: ColorDescription;
}

/** What holds where nothing is said. */
const plainColors = { monochrome: false, chroma: '110', colors: unspecifiedColors };

/**
 * Reads the payload of a sequence header unit. Throws `ProtocolError` when it ends before the size; what stands behind
 * that is treated as if it said nothing when it is broken.
 */
export function parseAv1SequenceHeader(payload: Uint8Array): Av1SequenceHeader {
  const reader = new BitReader(payload, 'AV1 sequence header');
  const profile = reader.bits(3);
  reader.skip(1); // still_picture
  const isReduced = reader.flag();
  const framesPerSecond = isReduced ? skipReducedHeader(reader) : parseOperatingPoints(reader);
  const widthBits = reader.bits(4) + 1;
  const heightBits = reader.bits(4) + 1;
  const size = { width: reader.bits(widthBits) + 1, height: reader.bits(heightBits) + 1 };
  return { ...size, framesPerSecond, ...parseRest(reader, profile, isReduced) };
}

type Colors = Pick<Av1SequenceHeader, 'monochrome' | 'chroma' | 'colors'>;

function parseRest(reader: BitReader, profile: number, isReduced: boolean): Colors {
  try {
    if (!isReduced && reader.flag()) reader.skip(4 + 3); // frame ids
    reader.skip(3); // use_128x128_superblock, enable_filter_intra, enable_intra_edge_filter
    if (!isReduced) skipTools(reader);
    reader.skip(3); // enable_superres, enable_cdef, enable_restoration
    return parseColorConfig(reader, profile);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return plainColors;
  }
}

function skipTools(reader: BitReader): void {
  reader.skip(4); // enable_interintra_compound, enable_masked_compound, enable_warped_motion, enable_dual_filter
  const hasOrderHint = reader.flag();
  if (hasOrderHint) reader.skip(2); // enable_jnt_comp, enable_ref_frame_mvs
  // Both are read where they are not left to each frame; the second only with screen content tools.
  const hasScreenContentTools = reader.flag() || reader.flag();
  if (hasScreenContentTools && !reader.flag()) reader.skip(1); // seq_force_integer_mv
  if (hasOrderHint) reader.skip(3); // order_hint_bits_minus_1
}

const bt709 = 1;
const srgb = 13;
const identityMatrix = 0;

/** §5.5.2. */
function parseColorConfig(reader: BitReader, profile: number): Colors {
  const highBitDepth = reader.flag();
  const twelveBit = profile === 2 && highBitDepth && reader.flag();
  const monochrome = profile !== 1 && reader.flag();
  const described = reader.flag()
    ? { primaries: reader.bits(8), transfer: reader.bits(8), matrix: reader.bits(8) }
    : unspecifiedColors;
  const { primaries, transfer, matrix } = described;
  if (primaries === bt709 && transfer === srgb && matrix === identityMatrix && !monochrome) {
    return { monochrome, chroma: '000', colors: { ...described, fullRange: true } };
  }
  const colors = { ...described, fullRange: reader.flag() };
  if (monochrome) return { monochrome, chroma: '110', colors };
  const [x, y] = parseSubsampling(reader, profile, twelveBit);
  const position = x && y ? reader.bits(2) : 0;
  return { monochrome, chroma: `${Number(x)}${Number(y)}${position}`, colors };
}

function parseSubsampling(reader: BitReader, profile: number, twelveBit: boolean): [x: boolean, y: boolean] {
  if (profile === 0) return [true, true];
  if (profile === 1) return [false, false];
  if (!twelveBit) return [true, false];
  const x = reader.flag();
  return [x, x && reader.flag()];
}

function skipReducedHeader(reader: BitReader): undefined {
  reader.skip(5); // seq_level_idx
}

function parseOperatingPoints(reader: BitReader): number | undefined {
  let framesPerSecond: number | undefined;
  let delayBits: number | undefined;
  if (reader.flag()) {
    framesPerSecond = parseTiming(reader);
    if (reader.flag()) {
      delayBits = reader.bits(5) + 1;
      reader.skip(32 + 5 + 5);
    }
  }
  const hasDisplayDelay = reader.flag();
  const operatingPoints = reader.bits(5) + 1;
  for (let i = 0; i < operatingPoints; i++) {
    reader.skip(12); // operating_point_idc
    if (reader.bits(5) > 7) reader.skip(1); // seq_level_idx, seq_tier
    if (delayBits !== undefined && reader.flag()) reader.skip(2 * delayBits + 1);
    if (hasDisplayDelay && reader.flag()) reader.skip(4);
  }
  return framesPerSecond;
}

/** §5.5.3. */
function parseTiming(reader: BitReader): number | undefined {
  const unitsInTick = reader.bits(32);
  const timeScale = reader.bits(32);
  if (!reader.flag()) return undefined;
  // uvlc() is the unsigned Exp-Golomb code of the other standards.
  const ticksPerPicture = reader.unsignedExpGolomb() + 1;
  return unitsInTick > 0 && timeScale > 0 ? timeScale / unitsInTick / ticksPerPicture : undefined;
}
