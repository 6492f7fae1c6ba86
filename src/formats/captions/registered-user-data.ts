import { metadataType, obuType, openBitstreamUnits } from '../av1/open-bitstream-unit.ts';
import { parseAvcDecoderConfiguration } from '../avc/decoder-configuration.ts';
import { lengthPrefixedNalUnits, nalUnitType, rawByteSequencePayload, typeOfNalUnit } from '../avc/nal-unit.ts';
import { registeredUserDataType, seiMessages } from '../avc/sei.ts';
import { hevcNalLengthBytes } from '../hevc/decoder-configuration.ts';
import { hevcNalUnitType, typeOfHevcNalUnit } from '../hevc/sps.ts';
import type { VideoTrackConfig } from '../media/track.ts';

/** Gives the user data registered by ITU-T T.35 of a picture. Throws `ProtocolError` for one that cannot be read. */
export type UserDataReader = (picture: Uint8Array) => Iterable<Uint8Array>;

/** `undefined` for codecs in which there is none: VP8 and VP9. Throws `ProtocolError` for a broken configuration. */
export function userDataReader(config: VideoTrackConfig): UserDataReader | undefined {
  switch (config.codec) {
    case 'avc': {
      const { nalLengthBytes } = parseAvcDecoderConfiguration(config.description);
      return (picture) => ofNalUnits(lengthPrefixedNalUnits(picture, nalLengthBytes), avcNalUnits);
    }
    case 'hevc': {
      const nalLengthBytes = hevcNalLengthBytes(config.description);
      return (picture) => ofNalUnits(lengthPrefixedNalUnits(picture, nalLengthBytes), hevcNalUnits);
    }
    case 'av1':
      return ofOpenBitstreamUnits;
    default:
      return undefined;
  }
}

interface NalUnitKinds {
  readonly isSei: (nalUnit: Uint8Array) => boolean;
  /** Of the picture itself: what is said of it stands before. */
  readonly isSlice: (nalUnit: Uint8Array) => boolean;
  readonly headBytes: number;
}

const avcNalUnits: NalUnitKinds = {
  isSei: (nalUnit) => typeOfNalUnit(nalUnit) === nalUnitType.sei,
  isSlice: (nalUnit) => typeOfNalUnit(nalUnit) <= nalUnitType.idrSlice,
  headBytes: 1,
};

const hevcNalUnits: NalUnitKinds = {
  isSei: (nalUnit) => typeOfHevcNalUnit(nalUnit) === hevcNalUnitType.prefixSei,
  isSlice: (nalUnit) => typeOfHevcNalUnit(nalUnit) < hevcNalUnitType.vps,
  headBytes: 2,
};

function* ofNalUnits(nalUnits: Iterable<Uint8Array>, { isSei, isSlice, headBytes }: NalUnitKinds) {
  for (const nalUnit of nalUnits) {
    if (isSlice(nalUnit)) return;
    if (!isSei(nalUnit)) continue;
    for (const { type, payload } of seiMessages(rawByteSequencePayload(nalUnit.subarray(headBytes - 1)))) {
      if (type === registeredUserDataType) yield payload;
    }
  }
}

function* ofOpenBitstreamUnits(picture: Uint8Array) {
  for (const { type, payload } of openBitstreamUnits(picture)) {
    if (type === obuType.metadata && payload[0] === metadataType.registeredUserData) yield payload.subarray(1);
  }
}
