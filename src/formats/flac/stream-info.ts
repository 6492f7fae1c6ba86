import { BitReader } from '../../base/bit-reader.ts';
import { ProtocolError } from '../../base/errors.ts';
import type { FlacTrackConfig } from '../media/track.ts';

/** A STREAMINFO metadata block (RFC 9639 §8.2). */
export interface FlacStreamInfo {
  readonly minBlockSamples: number;
  readonly maxBlockSamples: number;
  readonly sampleRate: number;
  readonly channels: number;
  readonly bitsPerSample: number;
}

const signature = [0x66, 0x4c, 0x61, 0x43];
const blockHeaderBytes = 4;
const streamInfoBytes = 34;

/** Throws `ProtocolError` for what is shorter than such a block and for a sample rate of 0. */
export function parseFlacStreamInfo(bytes: Uint8Array): FlacStreamInfo {
  if (bytes.length < streamInfoBytes) throw headerError(`STREAMINFO of ${bytes.length} bytes`);
  const reader = new BitReader(bytes, 'FLAC STREAMINFO');
  const minBlockSamples = reader.bits(16);
  const maxBlockSamples = reader.bits(16);
  reader.skip(24 + 24); // sizes of the frames
  const sampleRate = reader.bits(20);
  const channels = reader.bits(3) + 1;
  const bitsPerSample = reader.bits(5) + 1;
  if (sampleRate === 0) throw headerError('a sample rate of 0');
  return { minBlockSamples, maxBlockSamples, sampleRate, channels, bitsPerSample };
}

/**
 * The STREAMINFO block in a FLAC sequence header, in each of the forms that are about: `fLaC` and the metadata block
 * with its header, as the specification of Enhanced RTMP has it; the block alone, as ffmpeg writes it; `fLaC` and the
 * block without its header, as mpegts.js reads it. A view, not a copy. Throws `ProtocolError` for anything else.
 */
export function flacStreamInfoBlock(header: Uint8Array): Uint8Array {
  const isSigned = signature.every((byte, index) => header[index] === byte);
  if (!isSigned) return header.subarray(0, streamInfoBytes);
  const rest = header.subarray(signature.length);
  if (rest.length === streamInfoBytes) return rest;
  if (((rest[0] ?? 0xff) & 0x7f) !== 0) throw headerError('the first metadata block is not STREAMINFO');
  return rest.subarray(blockHeaderBytes, blockHeaderBytes + streamInfoBytes);
}

/** The form of the specification: `fLaC`, then the block as the last one. */
function encodeFlacHeader(streamInfo: Uint8Array): Uint8Array {
  return Uint8Array.of(...signature, 0x80, 0, 0, streamInfo.length, ...streamInfo);
}

/** The form that mpegts.js reads: without the header of the block. */
export function encodeFlacHeaderWithoutBlockHeader(streamInfo: Uint8Array): Uint8Array {
  return Uint8Array.of(...signature, ...streamInfo);
}

/** The track of a FLAC stream with this sequence header, in any of its forms. Throws `ProtocolError` when it cannot be read. */
export function flacTrackConfig(header: Uint8Array, trackId = 0): FlacTrackConfig {
  const block = flacStreamInfoBlock(header);
  const { minBlockSamples, maxBlockSamples, sampleRate, channels } = parseFlacStreamInfo(block);
  return {
    kind: 'audio',
    codec: 'flac',
    trackId,
    codecString: 'fLaC',
    description: encodeFlacHeader(block),
    sampleRate,
    channels,
    samplesPerFrame: minBlockSamples === maxBlockSamples && minBlockSamples > 0 ? minBlockSamples : undefined,
  };
}

function headerError(sentence: string): ProtocolError {
  return new ProtocolError('FLAC_HEADER', `FLAC sequence header: ${sentence}`, {
    byteOffset: 0,
    section: 'RFC 9639 §8.2',
  });
}
