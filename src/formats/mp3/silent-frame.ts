import { mp3FrameShape } from './frame-shape.ts';
import { parseMp3FrameHeader } from './frame-header.ts';

/**
 * A frame of silence in the format of `like`: its header, without padding and check, and side information of zeros, which
 * says that there are no spectral values. `undefined` where the bit rate is free. Throws as `parseMp3FrameHeader`.
 */
export function silentMp3Frame(like: Uint8Array): Uint8Array | undefined {
  parseMp3FrameHeader(like);
  const [sync = 0, version = 0, rates = 0, mode = 0] = like;
  const header = [sync, version | 0x01, rates & ~0x02, mode];
  const shape = mp3FrameShape(Uint8Array.from(header));
  if (shape === undefined || shape === 'free') return undefined;
  const frame = new Uint8Array(shape.frameBytes);
  frame.set(header);
  return frame;
}
