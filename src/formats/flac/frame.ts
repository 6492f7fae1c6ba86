import { BitReader } from '../../base/bit-reader.ts';
import { crc } from '../../base/crc.ts';
import { ProtocolError } from '../../base/errors.ts';
import { flacStreamInfoBlock, parseFlacStreamInfo } from './stream-info.ts';

const syncCode = 0b111_1111_1111_1100;

/** Samples of each channel in a frame (RFC 9639 §9.1); `undefined` for what is no frame. */
export function flacFrameSamples(frame: Uint8Array): number | undefined {
  try {
    const reader = new BitReader(frame, 'FLAC frame header');
    if (reader.bits(15) !== syncCode) return undefined;
    reader.skip(1); // blocking strategy
    const code = reader.bits(4);
    if (code === 0) return undefined;
    if (code === 1) return 192;
    if (code < 6) return 144 << code;
    if (code > 7) return 1 << code;
    reader.skip(4 + 4 + 3 + 1); // sample rate, channels, bit depth, reserved
    skipCodedNumber(reader);
    return reader.bits(code === 6 ? 8 : 16) + 1;
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return undefined;
  }
}

/** §9.1.5: as UTF-8 would write it, up to 36 bits. */
function skipCodedNumber(reader: BitReader): void {
  let ones = 0;
  while (ones < 8 && reader.flag()) ones++;
  reader.skip(7 - Math.min(ones, 7));
  for (let i = 1; i < ones; i++) reader.skip(8);
}

/**
 * A frame of silence: one constant subframe of value 0 for each channel (§9.2.1). Sample rate and bit depth are those of
 * STREAMINFO, in the sequence header. Its number is 0: what it will stand between nobody knows here.
 */
export function silentFlacFrame(sequenceHeader: Uint8Array, samples: number): Uint8Array {
  const { channels, bitsPerSample } = parseFlacStreamInfo(flacStreamInfoBlock(sequenceHeader));
  const blockSize = samples - 1;
  const head = [0xff, 0xf8, 0x70, (channels - 1) << 4, 0, blockSize >> 8, blockSize & 0xff];
  head.push(crc(head, 8, 0x07));
  const subframeBits = channels * (8 + bitsPerSample);
  const frame = [...head, ...new Uint8Array(Math.ceil(subframeBits / 8))];
  const check = crc(frame, 16, 0x80_05);
  return Uint8Array.of(...frame, check >> 8, check & 0xff);
}
