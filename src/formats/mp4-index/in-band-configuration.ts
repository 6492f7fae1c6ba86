import { ProtocolError } from '../../base/errors.ts';
import {
  avcTrackConfig,
  encodeAvcDecoderConfiguration,
  parseAvcDecoderConfiguration,
} from '../avc/decoder-configuration.ts';
import { lengthPrefixedNalUnits, nalUnitType, rawByteSequencePayload, typeOfNalUnit } from '../avc/nal-unit.ts';
import { hevcTrackConfig, parseHevcDecoderConfiguration } from '../hevc/decoder-configuration.ts';
import { hevcNalUnitType, typeOfHevcNalUnit } from '../hevc/sps.ts';
import { sameTrackConfig, type TrackConfig, type VideoTrackConfig } from '../media/track.ts';
import { vpxTrackConfig } from '../vp9/codec-configuration.ts';

/**
 * The configuration that a keyframe brings itself, for tracks whose sample entry allows that (`avc3`, `hev1`: ISO/IEC
 * 14496-15 §5.4.2 and §8.4.1; the size of VP8 and VP9): `config` where it is the one in force, or where the keyframe
 * cannot be read, which is for the decoder to find out.
 */
export function configOfKeyframe(config: TrackConfig, keyframe: Uint8Array): TrackConfig {
  try {
    const brought = broughtConfig(config, keyframe);
    if (brought === undefined || sameTrackConfig(brought, { ...config, color: brought.color } as TrackConfig))
      return config;
    return brought;
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return config;
  }
}

function broughtConfig(config: TrackConfig, keyframe: Uint8Array): VideoTrackConfig | undefined {
  switch (config.codec) {
    case 'avc':
      return avcConfigOfSample(config.description, keyframe, config.trackId);
    case 'hevc':
      return hevcConfigOfSample(config.description, keyframe, config.trackId);
    case 'vp8':
    case 'vp9':
      return vpxTrackConfig(config.codec, config.description, keyframe, config.trackId);
    default:
      return undefined;
  }
}

/**
 * The track of an AVC stream with this record and the parameter sets of `sample`, which go before those of the record.
 * `undefined` without a sample where the record has none. Throws `ProtocolError` when nobody has them.
 */
export function avcConfigOfSample(
  record: Uint8Array,
  sample: Uint8Array | undefined,
  trackId: number,
): VideoTrackConfig | undefined {
  const { nalLengthBytes, sps, pps } = parseAvcDecoderConfiguration(record);
  const units = sample === undefined ? [] : leadingNalUnits(sample, nalLengthBytes);
  const ofType = (type: number) => units.filter((unit) => typeOfNalUnit(unit) === type);
  const sampleSps = ofType(nalUnitType.sps);
  const samplePps = ofType(nalUnitType.pps);
  if (sampleSps.length === 0) {
    return sample === undefined && (sps.length === 0 || pps.length === 0) ? undefined : avcTrackConfig(record, trackId);
  }
  const brought = encodeAvcDecoderConfiguration(sampleSps, samplePps.length === 0 ? pps : samplePps);
  brought[4] = 0xfc | (nalLengthBytes - 1);
  return avcTrackConfig(sameSets(record, { sps: sampleSps, pps: samplePps }) ? record : brought, trackId);
}

/** Encoders repeat with each keyframe what stands in the record. */
function sameSets(record: Uint8Array, sets: Record<'sps' | 'pps', readonly Uint8Array[]>): boolean {
  const known = parseAvcDecoderConfiguration(record);
  return (
    sets.sps.every((set) => known.sps.some((one) => sameBytes(one, set))) &&
    sets.pps.every((set) => known.pps.some((one) => sameBytes(one, set)))
  );
}

const hevcParameterSets = [hevcNalUnitType.vps, hevcNalUnitType.sps, hevcNalUnitType.pps];
/** Of an HEVCDecoderConfigurationRecord, before its arrays. */
const hevcFieldBytes = 22;
/** profile_tier_level in the payload of a sequence parameter set (ITU-T H.265 §7.3.2.2), of which one byte is its header's. */
const profileTierLevel = { from: 2, to: 14 } as const;

/** The same for HEVC. */
export function hevcConfigOfSample(
  record: Uint8Array,
  sample: Uint8Array | undefined,
  trackId: number,
): VideoTrackConfig | undefined {
  const { nalLengthBytes, nalUnits } = parseHevcDecoderConfiguration(record);
  const isWhole = nalUnits.some((unit) => typeOfHevcNalUnit(unit) === hevcNalUnitType.sps);
  const units = sample === undefined ? [] : leadingNalUnits(sample, nalLengthBytes);
  const sets = units.filter((unit) => hevcParameterSets.some((type) => type === typeOfHevcNalUnit(unit)));
  const sps = sets.find((unit) => typeOfHevcNalUnit(unit) === hevcNalUnitType.sps);
  if (sps === undefined) return sample === undefined && !isWhole ? undefined : hevcTrackConfig(record, trackId);
  if (sets.every((set) => nalUnits.some((unit) => sameBytes(unit, set)))) return hevcTrackConfig(record, trackId);
  const bytes = [...record.subarray(0, hevcFieldBytes), hevcParameterSets.length];
  bytes.splice(1, 12, ...rawByteSequencePayload(sps).subarray(profileTierLevel.from, profileTierLevel.to));
  for (const type of hevcParameterSets) {
    const ofType = sets.filter((unit) => typeOfHevcNalUnit(unit) === type);
    bytes.push(type, ofType.length >> 8, ofType.length & 0xff);
    for (const unit of ofType) bytes.push(unit.length >> 8, unit.length & 0xff, ...unit);
  }
  return hevcTrackConfig(Uint8Array.from(bytes), trackId);
}

/** As many as are whole: of a sample only the beginning may be there. */
function leadingNalUnits(sample: Uint8Array, nalLengthBytes: 1 | 2 | 4): Uint8Array[] {
  const units: Uint8Array[] = [];
  try {
    for (const unit of lengthPrefixedNalUnits(sample, nalLengthBytes)) units.push(unit);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
  }
  return units;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
