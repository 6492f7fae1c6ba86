import { isMp3Frame } from './frame-header.ts';

/** What is needed to find one's way from frame to frame (ISO/IEC 11172-3 §2.4.1.3 and §2.4.3.1, ISO/IEC 13818-3). */
export interface Mp3FrameShape {
  /** Of the whole frame, its header included. */
  readonly frameBytes: number;
  readonly kilobitsPerSecond: number;
  readonly sampleRate: number;
  readonly samplesPerFrame: number;
  readonly channels: number;
  /** Two bytes of a check follow the header. */
  readonly hasCheck: boolean;
}

/** The longest frame that is not of a free bit rate: MPEG-2.5 at 160 kbit/s and 8 kHz. */
export const longestMp3FrameBytes = 1_441;
export const mp3FrameHeaderBytes = 4;

/** kbit/s by bitrate_index, of layer III in MPEG-1 and in MPEG-2 (ISO/IEC 11172-3 §2.4.2.3, ISO/IEC 13818-3 §2.4.2.3). */
const mpeg1Kilobits = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320] as const;
const mpeg2Kilobits = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160] as const;

const mpeg1Rates = [44_100, 48_000, 32_000] as const;
const versionId = { mpeg25: 0, reserved: 1, mpeg2: 2, mpeg1: 3 } as const;
const layerIii = 1;
const singleChannel = 3;
const reservedEmphasis = 2;
const freeFormat = 0;

/**
 * The shape of the frame that begins at `at`: `undefined` where no header of layer III stands, reserved values included,
 * `free` where its length is not in its header.
 */
export function mp3FrameShape(bytes: Uint8Array, at = 0): Mp3FrameShape | 'free' | undefined {
  const [, second = 0, third = 0, fourth = 0] = bytes.subarray(at, at + mp3FrameHeaderBytes);
  if (at + mp3FrameHeaderBytes > bytes.length || !isMp3Frame(bytes.subarray(at, at + 2))) return undefined;
  const version = (second >> 3) & 3;
  const mpeg1Rate = mpeg1Rates[(third >> 2) & 3];
  const isLayerIii = ((second >> 1) & 3) === layerIii;
  if (!isLayerIii || version === versionId.reserved || mpeg1Rate === undefined) return undefined;
  if ((fourth & 3) === reservedEmphasis) return undefined;
  const isMpeg1 = version === versionId.mpeg1;
  const kilobitsPerSecond = (isMpeg1 ? mpeg1Kilobits : mpeg2Kilobits)[third >> 4];
  if (kilobitsPerSecond === undefined) return undefined;
  if (kilobitsPerSecond === freeFormat) return 'free';
  const sampleRate = mpeg1Rate >> (isMpeg1 ? 0 : version === versionId.mpeg2 ? 1 : 2);
  const samplesPerFrame = isMpeg1 ? 1_152 : 576;
  const padding = (third >> 1) & 1;
  return {
    frameBytes: Math.floor((samplesPerFrame * kilobitsPerSecond * 125) / sampleRate) + padding,
    kilobitsPerSecond,
    sampleRate,
    samplesPerFrame,
    channels: fourth >> 6 === singleChannel ? 1 : 2,
    hasCheck: (second & 1) === 0,
  };
}
