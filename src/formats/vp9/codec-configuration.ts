import { ByteReader } from '../../base/byte-reader.ts';
import { ProtocolError } from '../../base/errors.ts';
import type { VpxTrackConfig } from '../media/track.ts';
import { type ColorDescription, isUsual, unknownColor } from '../media/video-color.ts';
import { type FrameSize, vp8KeyframeSize, vp9KeyframeSize } from './keyframe.ts';

/** A VPCodecConfigurationRecord ("VP Codec ISO Media File Format Binding"), the same for VP8 and VP9. */
export interface VpCodecConfiguration {
  readonly profile: number;
  /** Ten times the level; 0 where it is not known. */
  readonly level: number;
  readonly bitDepth: number;
  /** 0 and 1: 4:2:0 with its two chroma positions, 2: 4:2:2, 3: 4:4:4. */
  readonly chromaSubsampling: number;
  readonly colors: ColorDescription;
  /** The record without version and flags. */
  readonly record: Uint8Array;
}

/** What stands before the record in a `vpcC` box: ffmpeg leaves it out, others do not. */
const versionAndFlags = [1, 0, 0, 0];

/** A view on `bytes`, no copies. Throws `ProtocolError` for reserved values and for what ends early. */
export function parseVpCodecConfiguration(bytes: Uint8Array): VpCodecConfiguration {
  // A record that begins so would have a bit depth of 0.
  const isBox = versionAndFlags.every((byte, index) => bytes[index] === byte);
  const record = bytes.subarray(isBox ? versionAndFlags.length : 0);
  const reader = new ByteReader(record, 'VPCodecConfigurationRecord');
  const profile = reader.uint8();
  const level = reader.uint8();
  const format = reader.uint8();
  const bitDepth = format >> 4;
  const colors = {
    fullRange: (format & 1) === 1,
    primaries: reader.uint8(),
    transfer: reader.uint8(),
    matrix: reader.uint8(),
  };
  reader.skip(reader.uint16()); // codecInitializationData
  if (profile > 3 || ![8, 10, 12].includes(bitDepth)) {
    throw new ProtocolError('VP_CONFIGURATION', `profile ${profile} with ${bitDepth} bits`, {
      byteOffset: 0,
      section: 'VP Codec ISO Media File Format Binding',
    });
  }
  return { profile, level, bitDepth, chromaSubsampling: (format >> 1) & 7, colors, record };
}

/**
 * The track of a VP8 or VP9 stream with this record, of which a copy is kept without version and flags. The size is that
 * of `keyframe`; `undefined` when that is no keyframe. Throws `ProtocolError` when something cannot be read.
 */
export function vpxTrackConfig(
  codec: 'vp8' | 'vp9',
  description: Uint8Array,
  keyframe: Uint8Array,
  trackId = 0,
): VpxTrackConfig | undefined {
  const configuration = parseVpCodecConfiguration(description);
  const size = codec === 'vp9' ? vp9KeyframeSize(keyframe) : vp8KeyframeSize(keyframe);
  if (size === undefined) return undefined;
  return {
    kind: 'video',
    codec,
    trackId,
    codecString: codecString(codec, configuration, size),
    description: configuration.record.slice(),
    ...size,
    pixelAspect: { horizontal: 1, vertical: 1 },
    framesPerSecond: undefined,
    color: { ...unknownColor, ...configuration.colors },
  };
}

/** Of the binding, §"Codecs Parameter String". What follows the bit depth is left out where it says no more than that. */
function codecString(
  codec: 'vp9' | 'vp8',
  { profile, level, bitDepth, chromaSubsampling, colors }: VpCodecConfiguration,
  size: FrameSize,
): string {
  const { primaries, transfer, matrix, fullRange } = colors;
  const numbers = [profile, level === 0 ? leastLevel(size) : level, bitDepth];
  const isPlain = chromaSubsampling <= 1 && isUsual(colors);
  if (!isPlain) numbers.push(chromaSubsampling, primaries, transfer, matrix, Number(fullRange));
  return [codec === 'vp9' ? 'vp09' : 'vp08', ...numbers.map((value) => String(value).padStart(2, '0'))].join('.');
}

/** The largest picture of each level, in luma samples (VP9 annex A). */
const levelPictures: readonly (readonly [level: number, lumaSamples: number])[] = [
  [10, 36_864],
  [11, 73_728],
  [20, 122_880],
  [21, 245_760],
  [30, 552_960],
  [31, 983_040],
  [40, 2_228_224],
  [50, 8_912_896],
];

/** For a record that leaves it open: no browser takes a level of 0. */
function leastLevel({ width, height }: FrameSize): number {
  return levelPictures.find(([, lumaSamples]) => width * height <= lumaSamples)?.[0] ?? 60;
}
