import { BitReader } from '../../base/bit-reader.ts';
import { ByteReader } from '../../base/byte-reader.ts';
import { ProtocolError } from '../../base/errors.ts';

export interface FrameSize {
  readonly width: number;
  readonly height: number;
}

const colorSpaceRgb = 7;

/**
 * The size in the uncompressed header of a VP9 keyframe (VP9 bitstream §6.2); `undefined` for another frame. Throws
 * `ProtocolError` for what is no VP9 frame and for what ends early.
 */
export function vp9KeyframeSize(frame: Uint8Array): FrameSize | undefined {
  const reader = new BitReader(frame, 'VP9 frame header');
  if (reader.bits(2) !== 2)
    throw new ProtocolError('VP9_FRAME', 'no frame marker', { byteOffset: 0, section: 'VP9 §7.2' });
  const profile = reader.bit() + reader.bit() * 2;
  if (profile === 3) reader.skip(1); // reserved_zero
  if (reader.flag()) return undefined; // show_existing_frame
  if (reader.flag()) return undefined; // frame_type: not a key frame
  reader.skip(2); // show_frame, error_resilient_mode
  if (reader.bits(24) !== 0x49_83_42) {
    throw new ProtocolError('VP9_FRAME', 'no sync code in a key frame', { byteOffset: 1, section: 'VP9 §7.2' });
  }
  if (profile >= 2) reader.skip(1); // ten_or_twelve_bit
  if (reader.bits(3) !== colorSpaceRgb) {
    reader.skip(1); // color_range
    if (profile === 1 || profile === 3) reader.skip(3); // subsampling_x, subsampling_y, reserved_zero
  } else if (profile === 1 || profile === 3) {
    reader.skip(1); // reserved_zero
  }
  return { width: reader.bits(16) + 1, height: reader.bits(16) + 1 };
}

/**
 * The size in the header of a VP8 keyframe (RFC 6386 §9.1); `undefined` for another frame. Throws `ProtocolError` for a
 * wrong start code, for a picture without pixels, and for what ends early.
 */
export function vp8KeyframeSize(frame: Uint8Array): FrameSize | undefined {
  const reader = new ByteReader(frame, 'VP8 frame header');
  if ((reader.uint8() & 1) !== 0) return undefined;
  reader.skip(2); // the rest of the length of the first partition
  if (reader.uint24() !== 0x9d_01_2a) {
    throw new ProtocolError('VP8_FRAME', 'no start code in a key frame', { byteOffset: 3, section: 'RFC 6386 §9.1' });
  }
  // Little-endian; the upper two bits scale the picture for display.
  const side = () => (reader.uint8() | (reader.uint8() << 8)) & 0x3f_ff;
  const size = { width: side(), height: side() };
  if (size.width === 0 || size.height === 0) {
    throw new ProtocolError('VP8_FRAME', `a picture of ${size.width}×${size.height}`, { byteOffset: 6 });
  }
  return size;
}
