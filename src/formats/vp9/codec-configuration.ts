import { ByteReader } from '../../base/byte-reader.ts';
import { ProtocolError } from '../../base/errors.ts';
import type { VpxTrackConfig } from '../media/track.ts';
import { vp8KeyframeSize, vp9KeyframeSize } from './keyframe.ts';

/** A VPCodecConfigurationRecord ("VP Codec ISO Media File Format Binding"), the same for VP8 and VP9. */
export interface VpCodecConfiguration {
  readonly profile: number;
  /** Ten times the level; 0 where it is not known. */
  readonly level: number;
  readonly bitDepth: number;
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
  const bitDepth = reader.uint8() >> 4;
  reader.skip(3); // colourPrimaries, transferCharacteristics, matrixCoefficients
  reader.skip(reader.uint16()); // codecInitializationData
  if (profile > 3 || ![8, 10, 12].includes(bitDepth)) {
    throw new ProtocolError('VP_CONFIGURATION', `profile ${profile} with ${bitDepth} bits`, {
      byteOffset: 0,
      section: 'VP Codec ISO Media File Format Binding',
    });
  }
  return { profile, level, bitDepth, record };
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
  const { profile, level, bitDepth, record } = parseVpCodecConfiguration(description);
  const size = codec === 'vp9' ? vp9KeyframeSize(keyframe) : vp8KeyframeSize(keyframe);
  if (size === undefined) return undefined;
  const numbers = [profile, level, bitDepth].map((value) => String(value).padStart(2, '0'));
  return {
    kind: 'video',
    codec,
    trackId,
    codecString: `${codec === 'vp9' ? 'vp09' : 'vp08'}.${numbers.join('.')}`,
    description: record.slice(),
    ...size,
    pixelAspect: { horizontal: 1, vertical: 1 },
    framesPerSecond: undefined,
  };
}
