import type { ContentLight, MasteringDisplay, VideoColor } from '../media/video-color.ts';
import { unspecified } from '../media/video-color.ts';
import { box, text, uint16, uint32, uint8 } from './box.ts';

/** Of a mastering display, as SMPTE ST 2086 counts: 0.00002 and 0.0001 cd/m². */
const chromaticityUnits = 50_000;
const luminanceUnits = 10_000;

/** What is known of the colours, and nothing of what is not. */
export function colorBoxes(color: VideoColor): Uint8Array[] {
  const { primaries, transfer, matrix, fullRange, contentLight, masteringDisplay } = color;
  const isSaid = fullRange || [primaries, transfer, matrix].some((value) => value !== unspecified);
  return [
    ...(isSaid ? [colr(color)] : []),
    ...(masteringDisplay === undefined ? [] : [mdcv(masteringDisplay)]),
    ...(contentLight === undefined ? [] : [clli(contentLight)]),
  ];
}

/** ISO/IEC 14496-12 §12.1.5. */
function colr({ primaries, transfer, matrix, fullRange }: VideoColor): Uint8Array {
  return box('colr', text('nclx'), uint16(primaries, transfer, matrix), uint8(fullRange ? 0x80 : 0));
}

/** ISO/IEC 14496-12 §12.1.7: green, blue, red. */
function mdcv(display: MasteringDisplay): Uint8Array {
  const { greenX, greenY, blueX, blueY, redX, redY, whitePointX, whitePointY, maxLuminance, minLuminance } = display;
  const chromaticities = [greenX, greenY, blueX, blueY, redX, redY, whitePointX, whitePointY];
  return box(
    'mdcv',
    uint16(...chromaticities.map((value) => inUnits(value, chromaticityUnits, 0xffff))),
    uint32(...[maxLuminance, minLuminance].map((value) => inUnits(value, luminanceUnits, 0xffff_ffff))),
  );
}

/** ISO/IEC 14496-12 §12.1.6. */
function clli({ maxCll, maxFall }: ContentLight): Uint8Array {
  return box('clli', uint16(inUnits(maxCll, 1, 0xffff), inUnits(maxFall, 1, 0xffff)));
}

/** What a publisher says is any number. */
function inUnits(value: number, units: number, largest: number): number {
  return Math.min(Math.max(Math.round(value * units), 0), largest);
}
