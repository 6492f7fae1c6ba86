import type { ColorInfo } from './color-info.ts';

/** Colours as a bitstream codes them (ITU-T H.273 §8.1 to §8.3). */
export interface ColorDescription {
  readonly primaries: number;
  readonly transfer: number;
  readonly matrix: number;
  /** Luma from 0 to the largest value, not from 16 to 235. */
  readonly fullRange: boolean;
}

/** All that is known of the colours of a video track. */
export interface VideoColor extends ColorDescription {
  readonly contentLight: ContentLight | undefined;
  readonly masteringDisplay: MasteringDisplay | undefined;
}

/** Content light levels (CTA-861), in cd/m². */
export interface ContentLight {
  readonly maxCll: number;
  readonly maxFall: number;
}

/** The mastering display (SMPTE ST 2086): CIE 1931 chromaticities from 0 to 1, luminances in cd/m². */
export interface MasteringDisplay {
  readonly redX: number;
  readonly redY: number;
  readonly greenX: number;
  readonly greenY: number;
  readonly blueX: number;
  readonly blueY: number;
  readonly whitePointX: number;
  readonly whitePointY: number;
  readonly maxLuminance: number;
  readonly minLuminance: number;
}

/** What H.273 calls unspecified: the bitstream does not say. */
export const unspecified = 2;

export const unspecifiedColors: ColorDescription = {
  primaries: unspecified,
  transfer: unspecified,
  matrix: unspecified,
  fullRange: false,
};

const bt709 = 1;

/** BT.709 with limited range, said or not: what codec strings leave out. */
export function isUsual({ primaries, transfer, matrix, fullRange }: ColorDescription): boolean {
  return !fullRange && [primaries, transfer, matrix].every((value) => value === bt709 || value === unspecified);
}

export const unknownColor: VideoColor = {
  ...unspecifiedColors,
  contentLight: undefined,
  masteringDisplay: undefined,
};

const perceptualQuantizer = 16;
const hybridLogGamma = 18;

/** The values of VIDEO-RANGE (rfc8216bis §4.4.6.2). */
export type VideoRange = 'SDR' | 'HLG' | 'PQ';

export function videoRange({ transfer }: ColorDescription): VideoRange {
  if (transfer === perceptualQuantizer) return 'PQ';
  return transfer === hybridLogGamma ? 'HLG' : 'SDR';
}

/**
 * The colours of a bitstream with what the publisher says beside it (Enhanced RTMP v2, "Metadata Frame"), which goes
 * before that. Of the mastering display and the light levels only whole statements count.
 */
export function withColorInfo(color: VideoColor, info: ColorInfo): VideoColor {
  const { colorConfig } = info;
  return {
    primaries: colorConfig?.colorPrimaries ?? color.primaries,
    transfer: colorConfig?.transferCharacteristics ?? color.transfer,
    matrix: colorConfig?.matrixCoefficients ?? color.matrix,
    fullRange: color.fullRange,
    contentLight: wholeContentLight(info.hdrCll) ?? color.contentLight,
    masteringDisplay: wholeMasteringDisplay(info.hdrMdcv) ?? color.masteringDisplay,
  };
}

function wholeContentLight(cll: ColorInfo['hdrCll']): ContentLight | undefined {
  if (cll?.maxCll === undefined || cll.maxFall === undefined) return undefined;
  return { maxCll: cll.maxCll, maxFall: cll.maxFall };
}

function wholeMasteringDisplay(mdcv: ColorInfo['hdrMdcv']): MasteringDisplay | undefined {
  return mdcv !== undefined && isWhole(mdcv) ? mdcv : undefined;
}

function isWhole(mdcv: NonNullable<ColorInfo['hdrMdcv']>): mdcv is MasteringDisplay {
  return Object.values(mdcv).every((value) => value !== undefined);
}

export function sameVideoColor(a: VideoColor, b: VideoColor): boolean {
  return (
    a.primaries === b.primaries &&
    a.transfer === b.transfer &&
    a.matrix === b.matrix &&
    a.fullRange === b.fullRange &&
    sameNumbers(a.contentLight, b.contentLight) &&
    sameNumbers(a.masteringDisplay, b.masteringDisplay)
  );
}

function sameNumbers<Numbers extends object>(a: Numbers | undefined, b: Numbers | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  const others = Object.values(b);
  return Object.values(a).every((value, index) => value === others[index]);
}
