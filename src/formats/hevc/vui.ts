import type { BitReader } from '../../base/bit-reader.ts';
import { parsePixelAspect } from '../avc/vui.ts';

/** What the video usability information says (ITU-T H.265 annex E) and somebody here asks for. */
export interface HevcVui {
  /** Width : height of one sample; 1 : 1 where nothing is said. */
  readonly pixelAspect: { readonly horizontal: number; readonly vertical: number };
  /** Pictures a second, if the stream states its timing. */
  readonly framesPerSecond: number | undefined;
}

/** Reads `vui_parameters` as far as its timing. The table of pixel aspects is that of AVC. */
export function parseHevcVui(reader: BitReader): HevcVui {
  const pixelAspect = parsePixelAspect(reader);
  if (reader.flag()) reader.skip(1); // overscan_appropriate_flag
  if (reader.flag()) {
    reader.skip(3 + 1); // video_format, video_full_range_flag
    if (reader.flag()) reader.skip(24); // colour_primaries, transfer_characteristics, matrix_coeffs
  }
  if (reader.flag()) {
    reader.unsignedExpGolomb(); // chroma_sample_loc_type_top_field
    reader.unsignedExpGolomb(); // chroma_sample_loc_type_bottom_field
  }
  reader.skip(3); // neutral_chroma_indication_flag, field_seq_flag, frame_field_info_present_flag
  if (reader.flag()) for (let i = 0; i < 4; i++) reader.unsignedExpGolomb(); // default display window
  if (!reader.flag()) return { pixelAspect, framesPerSecond: undefined };
  const unitsInTick = reader.bits(32);
  const timeScale = reader.bits(32);
  // Unlike in AVC a tick is a picture.
  return { pixelAspect, framesPerSecond: unitsInTick > 0 && timeScale > 0 ? timeScale / unitsInTick : undefined };
}
