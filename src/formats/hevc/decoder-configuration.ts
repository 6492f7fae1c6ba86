import { ByteReader } from '../../base/byte-reader.ts';
import { ProtocolError } from '../../base/errors.ts';
import type { HevcTrackConfig } from '../media/track.ts';
import { unknownColor, type VideoColor } from '../media/video-color.ts';
import { parseHevcHdrSei } from './hdr-sei.ts';
import { hevcNalUnitType, parseHevcSps, typeOfHevcNalUnit } from './sps.ts';

/** An HEVCDecoderConfigurationRecord (ISO/IEC 14496-15 §8.3.3.1). */
export interface HevcDecoderConfiguration {
  /** 0, or 1 to 3 for A to C. */
  readonly profileSpace: number;
  readonly highTier: boolean;
  readonly profileIdc: number;
  /** 32 flags, flag 0 in the highest bit. */
  readonly profileCompatibility: number;
  /** Six bytes. */
  readonly constraintFlags: Uint8Array;
  /** Thirty times the level: 93 is level 3.1. */
  readonly levelIdc: number;
  /** Bytes of the length before each NAL unit of the stream. */
  readonly nalLengthBytes: 1 | 2 | 4;
  /** The parameter sets and whatever else precedes the pictures, without lengths. */
  readonly nalUnits: readonly Uint8Array[];
}

/** Views on `bytes`, no copies. Throws `ProtocolError` for another version, a length of three bytes and for what ends early. */
export function parseHevcDecoderConfiguration(bytes: Uint8Array): HevcDecoderConfiguration {
  const reader = new ByteReader(bytes, 'HEVCDecoderConfigurationRecord');
  const version = reader.uint8();
  // Encoders from before the standard was final write 0; nothing else is different.
  if (version > 1) throw configurationError(`configurationVersion ${version} instead of 1`, 0);
  const profile = reader.uint8();
  const profileCompatibility = reader.uint32();
  const constraintFlags = reader.bytes(6);
  const levelIdc = reader.uint8();
  reader.skip(8); // min_spatial_segmentation_idc to avgFrameRate
  const nalLengthBytes = (reader.uint8() & 0x03) + 1;
  if (nalLengthBytes === 3) throw configurationError('NAL unit lengths of three bytes', 21);
  const arrays = [...nalUnitArrays(reader)];
  return {
    profileSpace: profile >> 6,
    highTier: (profile & 0x20) !== 0,
    profileIdc: profile & 0x1f,
    profileCompatibility,
    constraintFlags,
    levelIdc,
    nalLengthBytes: nalLengthBytes === 1 || nalLengthBytes === 2 ? nalLengthBytes : 4,
    nalUnits: arrays.flatMap(({ nalUnits }) => nalUnits),
  };
}

/** From `numOfArrays` on. `offset` is that of the byte with array_completeness and NAL_unit_type. */
function* nalUnitArrays(reader: ByteReader): Generator<{ offset: number; type: number; nalUnits: Uint8Array[] }, void> {
  for (let left = reader.uint8(); left > 0; left--) {
    const { offset } = reader;
    const type = reader.uint8() & 0x3f;
    const nalUnits: Uint8Array[] = [];
    for (let units = reader.uint16(); units > 0; units--) nalUnits.push(reader.bytes(reader.uint16()));
    yield { offset, type, nalUnits };
  }
}

const arrayCompleteness = 0x80;
const beforeArrays = 22;

/**
 * A copy of the record that says that all parameter sets are in it, as a sample entry `hvc1` demands (§8.4.1); encoders
 * leave it open. Throws `ProtocolError` for what ends early.
 */
export function withCompleteParameterSets(description: Uint8Array): Uint8Array {
  const record = description.slice();
  const reader = new ByteReader(description, 'HEVCDecoderConfigurationRecord');
  reader.skip(beforeArrays);
  const { vps, sps, pps } = hevcNalUnitType;
  for (const { offset, type } of nalUnitArrays(reader)) {
    if (type === vps || type === sps || type === pps) record[offset] = arrayCompleteness | type;
  }
  return record;
}

/** Of the stream that belongs to this record. Throws `ProtocolError` when it cannot be read. */
export function hevcNalLengthBytes(description: Uint8Array): 1 | 2 | 4 {
  return parseHevcDecoderConfiguration(description).nalLengthBytes;
}

/**
 * The track of an HEVC stream with this HEVCDecoderConfigurationRecord, which is copied. Throws `ProtocolError` when it
 * cannot be read or holds no sequence parameter set.
 */
export function hevcTrackConfig(description: Uint8Array, trackId = 0): HevcTrackConfig {
  const configuration = parseHevcDecoderConfiguration(description);
  const spsUnit = configuration.nalUnits.find((unit) => typeOfHevcNalUnit(unit) === hevcNalUnitType.sps);
  if (spsUnit === undefined) throw configurationError('no sequence parameter set', 22);
  const { width, height, pixelAspect, framesPerSecond, colors } = parseHevcSps(spsUnit);
  return {
    kind: 'video',
    codec: 'hevc',
    trackId,
    codecString: codecString(configuration),
    description: description.slice(),
    width,
    height,
    pixelAspect,
    framesPerSecond,
    color: { ...unknownColor, ...colors, ...hdrOf(configuration) },
  };
}

/** Encoders that are asked to put the HDR messages beside the parameter sets; others send them with each keyframe. */
function hdrOf({ nalUnits }: HevcDecoderConfiguration): Partial<VideoColor> {
  let found: Partial<VideoColor> = {};
  for (const unit of nalUnits) {
    if (typeOfHevcNalUnit(unit) === hevcNalUnitType.prefixSei) found = { ...found, ...parseHevcHdrSei(unit) };
  }
  return found;
}

/** ISO/IEC 14496-15 §E.3: profile, its compatibility flags from the lowest bit on, tier and level, constraints. */
function codecString(configuration: HevcDecoderConfiguration): string {
  const { profileSpace, profileIdc, profileCompatibility, highTier, levelIdc, constraintFlags } = configuration;
  const constraints = [...constraintFlags];
  while (constraints.at(-1) === 0) constraints.pop();
  return [
    'hvc1',
    `${['', 'A', 'B', 'C'][profileSpace] ?? ''}${profileIdc}`,
    hex(bitsReversed(profileCompatibility)),
    `${highTier ? 'H' : 'L'}${levelIdc}`,
    ...constraints.map(hex),
  ].join('.');
}

function hex(value: number): string {
  return value.toString(16).toUpperCase();
}

function bitsReversed(value: number): number {
  let reversed = 0;
  for (let bit = 0; bit < 32; bit++) reversed = reversed * 2 + ((value >>> bit) & 1);
  return reversed;
}

function configurationError(sentence: string, byteOffset: number): ProtocolError {
  return new ProtocolError('HEVC_CONFIGURATION', sentence, { byteOffset, section: 'ISO/IEC 14496-15 §8.3.3.1' });
}
