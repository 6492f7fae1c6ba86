import { ProtocolError } from '../../base/errors.ts';
import { adtsFieldsOf, adtsHeader, largestAdtsFrame } from '../aac/adts.ts';
import { parseAvcDecoderConfiguration } from '../avc/decoder-configuration.ts';
import { lengthPrefixedNalUnits, nalUnitType, typeOfNalUnit } from '../avc/nal-unit.ts';
import { parseHevcDecoderConfiguration } from '../hevc/decoder-configuration.ts';
import { hevcNalUnitType, typeOfHevcNalUnit } from '../hevc/sps.ts';
import type { TrackConfig } from '../media/track.ts';
import { largestPesPayload } from './pes-packet.ts';
import { type StreamType, streamTypes } from './stream-type.ts';

/** How the access units of a track are written as an elementary stream. */
export interface ElementaryStream {
  readonly kind: TrackConfig['kind'];
  readonly type: StreamType;
  /**
   * An access unit as MP4 carries it, in pieces that are it one after the other; none for what cannot be written. With
   * `keyframe` what a decoder must know stands before it. Throws `ProtocolError` when it cannot be read.
   */
  readonly write: (data: Uint8Array, keyframe: boolean) => readonly Uint8Array[];
}

const startCode = Uint8Array.of(0, 0, 0, 1);
/** Any slices may follow (ISO/IEC 14496-10 table 7-5, ITU-T H.265 table 7-2). */
const avcDelimiter = Uint8Array.of(nalUnitType.accessUnitDelimiter, 0xf0);
const hevcDelimiter = Uint8Array.of(hevcNalUnitType.accessUnitDelimiter << 1, 1, 0x50);

/**
 * `undefined` for what transport streams of HLS do not hold: AV1, VP9, VP8, Opus, FLAC, and AAC that has no ADTS form;
 * and for a configuration that cannot be read.
 */
export function elementaryStream(config: TrackConfig): ElementaryStream | undefined {
  try {
    return streamOf(config);
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}

function streamOf(config: TrackConfig): ElementaryStream | undefined {
  switch (config.codec) {
    case 'avc': {
      const { nalLengthBytes, sps, pps } = parseAvcDecoderConfiguration(config.description);
      const isDelimiter = (unit: Uint8Array) => typeOfNalUnit(unit) === nalUnitType.accessUnitDelimiter;
      const write = annexB(avcDelimiter, isDelimiter, [...sps, ...pps], nalLengthBytes);
      return { kind: 'video', type: streamTypes.avc, write };
    }
    case 'hevc': {
      const { nalLengthBytes, nalUnits } = parseHevcDecoderConfiguration(config.description);
      const isDelimiter = (unit: Uint8Array) => typeOfHevcNalUnit(unit) === hevcNalUnitType.accessUnitDelimiter;
      const write = annexB(hevcDelimiter, isDelimiter, nalUnits, nalLengthBytes);
      return { kind: 'video', type: streamTypes.hevc, write };
    }
    case 'aac': {
      const fields = adtsFieldsOf(config.description);
      if (fields === undefined) return undefined;
      const write = (frame: Uint8Array) =>
        frame.length === 0 || frame.length > largestAdtsFrame ? [] : [adtsHeader(fields, frame.length), frame];
      return { kind: 'audio', type: streamTypes.aac, write };
    }
    case 'mp3':
      return framed(config.sampleRate < 32_000 ? streamTypes.mp3OfMpeg2 : streamTypes.mp3);
    case 'ac3':
      return framed(streamTypes.ac3);
    case 'eac3':
      return framed(streamTypes.eac3);
    default:
      return undefined;
  }
}

/** Sound whose frames have a header of their own. */
function framed(type: StreamType): ElementaryStream {
  return {
    kind: 'audio',
    type,
    write: (frame) => (frame.length === 0 || frame.length > largestPesPayload ? [] : [frame]),
  };
}

/** A delimiter first (ISO/IEC 13818-1 §2.14.1), start codes in the place of lengths. */
function annexB(
  delimiter: Uint8Array,
  isDelimiter: (nalUnit: Uint8Array) => boolean,
  parameterSets: readonly Uint8Array[],
  nalLengthBytes: 1 | 2 | 4,
): ElementaryStream['write'] {
  const plainHead = [startCode, delimiter];
  const keyframeHead = [...plainHead, ...parameterSets.flatMap((set) => [startCode, set])];
  return (data, keyframe) => {
    const pieces: Uint8Array[] = [];
    for (const nalUnit of lengthPrefixedNalUnits(data, nalLengthBytes)) {
      if (!isDelimiter(nalUnit)) pieces.push(startCode, nalUnit);
    }
    return pieces.length === 0 ? [] : [...(keyframe ? keyframeHead : plainHead), ...pieces];
  };
}
