import type { BitReader } from '../../base/bit-reader.ts';
import { parsePixelAspect, parseVideoSignal, skipChromaLocation } from '../avc/vui.ts';
import type { ColorDescription } from '../media/video-color.ts';

/** What the video usability information says (ITU-T H.265 annex E) and somebody here asks for. */
export interface HevcVui {
  /** Width : height of one sample; 1 : 1 where nothing is said. */
  readonly pixelAspect: { readonly horizontal: number; readonly vertical: number };
  /** Pictures a second, if the stream states its timing. */
  readonly framesPerSecond: number | undefined;
  readonly colors: ColorDescription;
}

/** Reads `vui_parameters` as far as its timing. The table of pixel aspects is that of AVC. */
export function parseHevcVui(reader: BitReader): HevcVui {
  const pixelAspect = parsePixelAspect(reader);
  const colors = parseVideoSignal(reader);
  skipChromaLocation(reader);
  reader.skip(3); // neutral_chroma_indication_flag, field_seq_flag, frame_field_info_present_flag
  if (reader.flag()) for (let i = 0; i < 4; i++) reader.unsignedExpGolomb(); // default display window
  if (!reader.flag()) return { pixelAspect, framesPerSecond: undefined, colors };
  const unitsInTick = reader.bits(32);
  const timeScale = reader.bits(32);
  // Unlike in AVC a tick is a picture.
  const framesPerSecond = unitsInTick > 0 && timeScale > 0 ? timeScale / unitsInTick : undefined;
  return { pixelAspect, framesPerSecond, colors };
}
