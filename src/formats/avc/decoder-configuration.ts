import { ByteReader } from '../../base/byte-reader.ts';
import { ProtocolError } from '../../base/errors.ts';
import type { AvcTrackConfig } from '../media/track.ts';
import { unknownColor } from '../media/video-color.ts';
import { parseSps } from './sps.ts';

/** An AVCDecoderConfigurationRecord (ISO/IEC 14496-15 §5.3.3.1). */
export interface AvcDecoderConfiguration {
  readonly profileIdc: number;
  readonly constraintFlags: number;
  readonly levelIdc: number;
  /** Bytes of the length before each NAL unit of the stream. */
  readonly nalLengthBytes: 1 | 2 | 4;
  /** Sequence parameter set NAL units, without lengths. */
  readonly sps: readonly Uint8Array[];
  /** Picture parameter set NAL units, without lengths. */
  readonly pps: readonly Uint8Array[];
}

/**
 * Views on `bytes`, no copies. What high profiles add at the end repeats the parameter sets, is left out by many
 * writers, and is not read. Throws `ProtocolError` for another version, a length of three bytes and for what ends early.
 */
export function parseAvcDecoderConfiguration(bytes: Uint8Array): AvcDecoderConfiguration {
  const reader = new ByteReader(bytes, 'AVCDecoderConfigurationRecord');
  const version = reader.uint8();
  if (version !== 1) {
    const hint = version === 0 ? ', perhaps NAL units with start codes' : '';
    throw configurationError(`configurationVersion ${version} instead of 1${hint}`, 0);
  }
  const profileIdc = reader.uint8();
  const constraintFlags = reader.uint8();
  const levelIdc = reader.uint8();
  const nalLengthBytes = (reader.uint8() & 0x03) + 1;
  if (nalLengthBytes === 3) throw configurationError('NAL unit lengths of three bytes', 4);
  const sps = parameterSets(reader, reader.uint8() & 0x1f);
  const pps = parameterSets(reader, reader.uint8());
  return {
    profileIdc,
    constraintFlags,
    levelIdc,
    nalLengthBytes: nalLengthBytes === 1 || nalLengthBytes === 2 ? nalLengthBytes : 4,
    sps,
    pps,
  };
}

function parameterSets(reader: ByteReader, count: number): Uint8Array[] {
  const sets: Uint8Array[] = [];
  for (let i = 0; i < count; i++) sets.push(reader.bytes(reader.uint16()));
  return sets;
}

/** The record for given parameter set NAL units, with lengths of four bytes. Needs one sequence parameter set at least. */
export function encodeAvcDecoderConfiguration(sps: readonly Uint8Array[], pps: readonly Uint8Array[]): Uint8Array {
  const [first] = sps;
  if (first === undefined || sps.length > 31 || pps.length > 255) {
    throw configurationError(`${sps.length} sequence and ${pps.length} picture parameter sets`, 5);
  }
  const { profileIdc, constraintFlags, levelIdc, chromaFormatIdc, bitDepthLuma, bitDepthChroma } = parseSps(first);
  const bytes = [1, profileIdc, constraintFlags, levelIdc, 0xff, 0xe0 | sps.length];
  for (const set of sps) bytes.push(set.length >> 8, set.length & 0xff, ...set);
  bytes.push(pps.length);
  for (const set of pps) bytes.push(set.length >> 8, set.length & 0xff, ...set);
  if (profileIdc !== 66 && profileIdc !== 77 && profileIdc !== 88) {
    bytes.push(0xfc | chromaFormatIdc, 0xf8 | (bitDepthLuma - 8), 0xf8 | (bitDepthChroma - 8), 0);
  }
  return Uint8Array.from(bytes);
}

/**
 * The track of an AVC stream with this AVCDecoderConfigurationRecord, which is copied. Throws `ProtocolError` when it
 * cannot be read or holds no sequence or picture parameter set: nothing could be decoded.
 */
export function avcTrackConfig(description: Uint8Array, trackId = 0): AvcTrackConfig {
  const configuration = parseAvcDecoderConfiguration(description);
  const [firstSps] = configuration.sps;
  if (firstSps === undefined || configuration.pps.length === 0) {
    throw configurationError('no sequence parameter set or no picture parameter set', 5);
  }
  const sps = parseSps(firstSps);
  return {
    kind: 'video',
    codec: 'avc',
    trackId,
    codecString: `avc1.${hex(sps.profileIdc)}${hex(sps.constraintFlags)}${hex(sps.levelIdc)}`,
    description: description.slice(),
    width: sps.width,
    height: sps.height,
    pixelAspect: sps.pixelAspect,
    framesPerSecond: sps.framesPerSecond,
    color: { ...unknownColor, ...sps.colors },
  };
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}

function configurationError(sentence: string, byteOffset: number): ProtocolError {
  return new ProtocolError('AVC_CONFIGURATION', sentence, { byteOffset, section: 'ISO/IEC 14496-15 §5.3.3.1' });
}
