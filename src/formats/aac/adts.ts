import { BitWriter } from '../../base/bit-writer.ts';
import { ByteReader } from '../../base/byte-reader.ts';
import { ProtocolError } from '../../base/errors.ts';
import { parseAudioSpecificConfig } from './audio-specific-config.ts';
import { samplingFrequencies } from './sampling-frequency.ts';

/** The header before each frame of an AAC file with the ending `.aac` (ISO/IEC 14496-3 §1.A.2.2). */
export interface AdtsHeader {
  /** 1 Main, 2 LC, 3 SSR, 4 LTP. */
  readonly objectType: number;
  /** In Hz, of the core. */
  readonly sampleRate: number;
  readonly channelConfiguration: number;
  /** 7, or 9 with a checksum. */
  readonly headerBytes: number;
  /** Header and frame together. */
  readonly frameBytes: number;
  /** Raw data blocks in the frame; nearly always 1. */
  readonly rawDataBlocks: number;
}

/** Reads the header at `offset`. Throws `ProtocolError` when there is none, or when it is cut off. */
export function parseAdtsHeader(bytes: Uint8Array, offset = 0): AdtsHeader {
  const reader = new ByteReader(bytes, 'ADTS header', offset);
  const sync = reader.uint16();
  // Twelve ones; the layer behind the next bit is 0 and tells AAC from MP3.
  if ((sync & 0xfff6) !== 0xfff0) throw adtsError('no ADTS syncword', offset);
  const headerBytes = (sync & 1) === 1 ? 7 : 9;
  const fields = reader.uint16();
  const samplingIndex = (fields >> 10) & 0x0f;
  const sampleRate = samplingFrequencies[samplingIndex];
  if (sampleRate === undefined) throw adtsError(`the reserved sampling frequency index ${samplingIndex}`, offset + 2);
  const lengthFields = reader.uint24();
  const frameBytes = ((fields & 0x03) << 11) | (lengthFields >> 13);
  if (frameBytes <= headerBytes) throw adtsError(`a frame of ${frameBytes} bytes with its header`, offset + 3);
  return {
    objectType: (fields >> 14) + 1,
    sampleRate,
    channelConfiguration: (fields >> 6) & 0x07,
    headerBytes,
    frameBytes,
    rawDataBlocks: (lengthFields & 0x03) + 1,
  };
}

/** The AudioSpecificConfig of a stream with such headers. */
export function adtsAudioSpecificConfig(header: AdtsHeader): Uint8Array {
  const samplingIndex = samplingFrequencies.indexOf(header.sampleRate);
  const bits = (header.objectType << 11) | (samplingIndex << 7) | (header.channelConfiguration << 3);
  return Uint8Array.of(bits >> 8, bits & 0xff);
}

/** What a header says of the stream, not of its frame. */
export type AdtsFields = Pick<AdtsHeader, 'objectType' | 'sampleRate' | 'channelConfiguration'>;

/** Thirteen bits hold the length, header included. */
export const largestAdtsFrame = 0x1fff - 7;

/**
 * The fields for a stream with this AudioSpecificConfig; SBR and PS are left for the decoder to find. `undefined` when
 * headers cannot say it: frames of 960 samples, a sampling frequency or a channel configuration of its own. Throws as
 * `parseAudioSpecificConfig`.
 */
export function adtsFieldsOf(description: Uint8Array): AdtsFields | undefined {
  const { objectType, sampleRate, channelConfiguration, samplesPerFrame } = parseAudioSpecificConfig(description);
  const isSaid =
    samplesPerFrame === 1_024 &&
    samplingFrequencies.includes(sampleRate) &&
    channelConfiguration > 0 &&
    channelConfiguration <= 7;
  return isSaid ? { objectType, sampleRate, channelConfiguration } : undefined;
}

/** The header, without a checksum, before a frame of `payloadBytes`: `largestAdtsFrame` at most. */
export function adtsHeader(
  { objectType, sampleRate, channelConfiguration }: AdtsFields,
  payloadBytes: number,
): Uint8Array {
  const frameBytes = 7 + payloadBytes;
  return new BitWriter()
    .write(16, 0xfff1) // MPEG-4, no checksum
    .write(2, objectType - 1)
    .write(4, samplingFrequencies.indexOf(sampleRate))
    .write(1, 0)
    .write(3, channelConfiguration)
    .write(4, 0)
    .write(13, frameBytes)
    .write(11, 0x7ff) // buffer fullness: of a variable rate
    .write(2, 0) // one raw data block
    .bytes();
}

function adtsError(sentence: string, byteOffset: number): ProtocolError {
  return new ProtocolError('AAC_ADTS', sentence, { byteOffset, section: 'ISO/IEC 14496-3 §1.A.2.2' });
}
