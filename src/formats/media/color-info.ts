/**
 * The colours of a video track (Enhanced RTMP v2, "Metadata Frame"): beyond what the bitstream itself says, that of HDR.
 * Whatever the encoder left out is `undefined`.
 */
export interface ColorInfo {
  readonly colorConfig:
    | {
        readonly bitDepth: number | undefined;
        /** These three as in ITU-T H.273 §8.1 to §8.3. */
        readonly colorPrimaries: number | undefined;
        readonly transferCharacteristics: number | undefined;
        readonly matrixCoefficients: number | undefined;
      }
    | undefined;
  /** Content light levels (CTA-861), in cd/m². */
  readonly hdrCll: { readonly maxFall: number | undefined; readonly maxCll: number | undefined } | undefined;
  /** The mastering display (SMPTE ST 2086): CIE 1931 chromaticities from 0 to 1, luminances in cd/m². */
  readonly hdrMdcv:
    | {
        readonly redX: number | undefined;
        readonly redY: number | undefined;
        readonly greenX: number | undefined;
        readonly greenY: number | undefined;
        readonly blueX: number | undefined;
        readonly blueY: number | undefined;
        readonly whitePointX: number | undefined;
        readonly whitePointY: number | undefined;
        readonly maxLuminance: number | undefined;
        readonly minLuminance: number | undefined;
      }
    | undefined;
}
