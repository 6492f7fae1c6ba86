import type { BitReader } from '../../base/bit-reader.ts';
import { ProtocolError } from '../../base/errors.ts';
import { type ColorDescription, unspecifiedColors } from '../media/video-color.ts';

/** What the video usability information says (ISO/IEC 14496-10 annex E) and somebody here asks for. */
export interface Vui {
  /** Width : height of one sample; 1 : 1 where nothing is said. */
  readonly pixelAspect: { readonly horizontal: number; readonly vertical: number };
  /** If the frame rate is fixed. */
  readonly framesPerSecond: number | undefined;
  readonly colors: ColorDescription;
}

/** Table E-1, from index 1 on. */
const pixelAspects: readonly (readonly [number, number])[] = [
  [1, 1],
  [12, 11],
  [10, 11],
  [16, 11],
  [40, 33],
  [24, 11],
  [20, 11],
  [32, 11],
  [80, 33],
  [18, 11],
  [15, 11],
  [64, 33],
  [160, 99],
  [4, 3],
  [3, 2],
  [2, 1],
];

const extendedSar = 255;
const squarePixels = { horizontal: 1, vertical: 1 };

/** Reads `vui_parameters_present_flag` and what follows. Encoders cut it short; then the rest of it says nothing. */
export function parseVui(reader: BitReader): Vui {
  let pixelAspect = squarePixels;
  let colors = unspecifiedColors;
  try {
    if (!reader.flag()) return { pixelAspect, framesPerSecond: undefined, colors };
    pixelAspect = parsePixelAspect(reader);
    colors = parseVideoSignal(reader);
    skipChromaLocation(reader);
    return { pixelAspect, framesPerSecond: parseFrameRate(reader), colors };
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return { pixelAspect, framesPerSecond: undefined, colors };
  }
}

/** `aspect_ratio_info_present_flag` and what follows it (§E.2.1); HEVC writes the same. */
export function parsePixelAspect(reader: BitReader): { horizontal: number; vertical: number } {
  if (!reader.flag()) return squarePixels;
  const index = reader.bits(8);
  if (index === extendedSar) {
    const horizontal = reader.bits(16);
    const vertical = reader.bits(16);
    return horizontal === 0 || vertical === 0 ? squarePixels : { horizontal, vertical };
  }
  const [horizontal, vertical] = pixelAspects[index - 1] ?? [1, 1];
  return { horizontal, vertical };
}

/** From `overscan_info_present_flag` to the colours (§E.2.1); HEVC writes the same. */
export function parseVideoSignal(reader: BitReader): ColorDescription {
  if (reader.flag()) reader.skip(1); // overscan_appropriate_flag
  if (!reader.flag()) return unspecifiedColors;
  reader.skip(3); // video_format
  const fullRange = reader.flag();
  if (!reader.flag()) return { ...unspecifiedColors, fullRange };
  return { fullRange, primaries: reader.bits(8), transfer: reader.bits(8), matrix: reader.bits(8) };
}

/** `chroma_loc_info_present_flag` and what follows it (§E.2.1); HEVC writes the same. */
export function skipChromaLocation(reader: BitReader): void {
  if (reader.flag()) {
    reader.unsignedExpGolomb(); // chroma_sample_loc_type_top_field
    reader.unsignedExpGolomb(); // chroma_sample_loc_type_bottom_field
  }
}

function parseFrameRate(reader: BitReader): number | undefined {
  if (!reader.flag()) return undefined;
  const unitsInTick = reader.bits(32);
  const timeScale = reader.bits(32);
  const fixed = reader.flag();
  // A tick is a field: two of them make a frame, also in a stream without fields (§E.2.1).
  return fixed && unitsInTick > 0 && timeScale > 0 ? timeScale / unitsInTick / 2 : undefined;
}
