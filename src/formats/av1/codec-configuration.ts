import { ProtocolError } from '../../base/errors.ts';
import type { Av1TrackConfig } from '../media/track.ts';
import { isUsual, unknownColor } from '../media/video-color.ts';
import { parseAv1HdrMetadata } from './hdr-metadata.ts';
import { obuType, openBitstreamUnits } from './open-bitstream-unit.ts';
import { type Av1SequenceHeader, parseAv1SequenceHeader } from './sequence-header.ts';

/** An AV1CodecConfigurationRecord (AV1-ISOBMFF §2.3.3). */
export interface Av1CodecConfiguration {
  readonly profile: number;
  /** 8 is level 4.0; 31 means that there is none. */
  readonly levelIndex: number;
  readonly highTier: boolean;
  readonly bitDepth: 8 | 10 | 12;
  /** The open bitstream units that precede the pictures: the sequence header, or nothing. */
  readonly units: Uint8Array;
}

const recordBytes = 4;

/** A view on `bytes`, no copies. Throws `ProtocolError` for another version and for what ends early. */
function parseAv1CodecConfiguration(bytes: Uint8Array): Av1CodecConfiguration {
  const [version = 0, profileAndLevel = 0, flags = 0] = bytes;
  if (bytes.length < recordBytes) throw configurationError('it ends early', bytes.length);
  if (version !== 0x81) throw configurationError(`marker and version 0x${version.toString(16)} instead of 0x81`, 0);
  const highBitDepth = (flags & 0x40) !== 0;
  return {
    profile: profileAndLevel >> 5,
    levelIndex: profileAndLevel & 0x1f,
    highTier: (flags & 0x80) !== 0,
    bitDepth: highBitDepth ? ((flags & 0x20) === 0 ? 10 : 12) : 8,
    units: bytes.subarray(recordBytes),
  };
}

/**
 * The track of an AV1 stream with this AV1CodecConfigurationRecord, which is copied. A record without a sequence header
 * gets that of `keyframe`, a temporal unit that begins with one: players want it there. `undefined` when neither has
 * one. Throws `ProtocolError` when something cannot be read.
 */
export function av1TrackConfig(
  record: Uint8Array,
  keyframe: Uint8Array | undefined,
  trackId = 0,
): Av1TrackConfig | undefined {
  const configuration = parseAv1CodecConfiguration(record);
  const { units } = configuration;
  const described = sequenceHeaderUnit(units);
  const unit = described ?? (keyframe && sequenceHeaderUnit(keyframe));
  if (unit === undefined) return undefined;
  const header = parseAv1SequenceHeader(unit.payload);
  const { width, height, framesPerSecond, colors } = header;
  return {
    kind: 'video',
    codec: 'av1',
    trackId,
    codecString: codecString(configuration, header),
    description: described === undefined ? Uint8Array.of(...record, ...unit.bytes) : record.slice(),
    width,
    height,
    // The render size, which could say another shape, stands in the frames and is not used by encoders.
    pixelAspect: { horizontal: 1, vertical: 1 },
    framesPerSecond,
    color: { ...unknownColor, ...colors, ...parseAv1HdrMetadata(units) },
  };
}

/** AV1-ISOBMFF §5. What follows the bit depth is left out where it says no more than that. */
function codecString(
  { profile, levelIndex, highTier, bitDepth }: Av1CodecConfiguration,
  { monochrome, chroma, colors }: Av1SequenceHeader,
): string {
  const short = `av01.${profile}.${twoDigits(levelIndex)}${highTier ? 'H' : 'M'}.${twoDigits(bitDepth)}`;
  const { primaries, transfer, matrix, fullRange } = colors;
  const isPlain = !monochrome && chroma.startsWith('11') && isUsual(colors);
  if (isPlain) return short;
  const numbers = [primaries, transfer, matrix].map(twoDigits);
  return [short, Number(monochrome), chroma, ...numbers, Number(fullRange)].join('.');
}

function sequenceHeaderUnit(data: Uint8Array) {
  for (const unit of openBitstreamUnits(data)) if (unit.type === obuType.sequenceHeader) return unit;
  return undefined;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}

function configurationError(sentence: string, byteOffset: number): ProtocolError {
  return new ProtocolError('AV1_CONFIGURATION', `AV1CodecConfigurationRecord: ${sentence}`, {
    byteOffset,
    section: 'AV1-ISOBMFF §2.3.3',
  });
}
