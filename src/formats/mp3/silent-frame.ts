import { parseMp3FrameHeader } from './frame-header.ts';

/** kbit/s by bitrate_index, of layer III in MPEG-1 and in MPEG-2 (ISO/IEC 11172-3 §2.4.2.3, ISO/IEC 13818-3 §2.4.2.3). */
const mpeg1Kilobits = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320] as const;
const mpeg2Kilobits = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160] as const;

/**
 * A frame of silence in the format of `like`: its header, without padding and check, and side information of zeros, which
 * says that there are no spectral values. `undefined` where the bit rate is free. Throws as `parseMp3FrameHeader`.
 */
export function silentMp3Frame(like: Uint8Array): Uint8Array | undefined {
  const { sampleRate, samplesPerFrame } = parseMp3FrameHeader(like);
  const [sync = 0, version = 0, rates = 0, mode = 0] = like;
  const kilobits = (samplesPerFrame === 1_152 ? mpeg1Kilobits : mpeg2Kilobits)[rates >> 4];
  if (kilobits === undefined || kilobits === 0) return undefined;
  const frame = new Uint8Array(Math.floor((samplesPerFrame * kilobits * 125) / sampleRate));
  frame.set([sync, version | 0x01, rates & ~0x02, mode]);
  return frame;
}
