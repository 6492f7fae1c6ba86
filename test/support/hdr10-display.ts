import type { MasteringDisplay } from '../../src/formats/media/video-color.ts';

/** A display with the primaries of P3 and 1,000 cd/m², as most of HDR10 is mastered on. */
export const hdr10Display: MasteringDisplay = {
  redX: 0.68,
  redY: 0.32,
  greenX: 0.265,
  greenY: 0.69,
  blueX: 0.15,
  blueY: 0.06,
  whitePointX: 0.3127,
  whitePointY: 0.329,
  maxLuminance: 1_000,
  minLuminance: 0.0001,
};
