import { metadataType, obuType, openBitstreamUnits } from '../av1/open-bitstream-unit.ts';
import { parseAvcDecoderConfiguration } from '../avc/decoder-configuration.ts';
import { lengthPrefixedNalUnits, nalUnitType, rawByteSequencePayload } from '../avc/nal-unit.ts';
import { registeredUserDataType, seiMessages } from '../avc/sei.ts';
import { hevcNalLengthBytes } from '../hevc/decoder-configuration.ts';
import { hevcNalUnitType } from '../hevc/sps.ts';
import type { VideoTrackConfig } from '../media/track.ts';

/**
 * Gives the user data registered by ITU-T T.35 of a picture, as far as it may be of the United States, which captions are.
 * Throws `ProtocolError` for one that cannot be read.
 */
export type UserDataReader = (picture: Uint8Array) => Iterable<Uint8Array>;

/** `undefined` for codecs in which there is none: VP8 and VP9. Throws `ProtocolError` for a broken configuration. */
export function userDataReader(config: VideoTrackConfig): UserDataReader | undefined {
  switch (config.codec) {
    case 'avc': {
      const { nalLengthBytes } = parseAvcDecoderConfiguration(config.description);
      return (picture) => ofNalUnits(picture, nalLengthBytes, avcNalUnits);
    }
    case 'hevc': {
      const nalLengthBytes = hevcNalLengthBytes(config.description);
      return (picture) => ofNalUnits(picture, nalLengthBytes, hevcNalUnits);
    }
    case 'av1':
      return ofOpenBitstreamUnits;
    default:
      return undefined;
  }
}

/** The country code of the United States (ITU-T T.35 annex A). */
const unitedStates = 0xb5;

interface NalUnitKinds {
  /** Of its first byte. */
  readonly typeOf: (head: number) => number;
  readonly seiType: number;
  /** Those of the picture itself are up to this: what is said of it stands before. */
  readonly lastSliceType: number;
  readonly headBytes: number;
}

const avcNalUnits: NalUnitKinds = {
  typeOf: (head) => head & 0x1f,
  seiType: nalUnitType.sei,
  lastSliceType: nalUnitType.idrSlice,
  headBytes: 1,
};

const hevcNalUnits: NalUnitKinds = {
  typeOf: (head) => (head >> 1) & 0x3f,
  seiType: hevcNalUnitType.prefixSei,
  lastSliceType: hevcNalUnitType.vps - 1,
  headBytes: 2,
};

function ofNalUnits(picture: Uint8Array, lengthBytes: 1 | 2 | 4, kinds: NalUnitKinds): readonly Uint8Array[] {
  return mayHoldUserData(picture, lengthBytes, kinds) ? userDataOf(picture, lengthBytes, kinds) : [];
}

/** By a glance, and without a view of anything: this is asked of every picture, and nearly always not so. */
function mayHoldUserData(
  picture: Uint8Array,
  lengthBytes: 1 | 2 | 4,
  { typeOf, seiType, lastSliceType }: NalUnitKinds,
): boolean {
  let at = 0;
  while (at < picture.length) {
    let length = 0;
    for (let i = 0; i < lengthBytes; i++) length = length * 256 + (picture[at + i] ?? 0);
    const begin = at + lengthBytes;
    at = begin + length;
    // Who reads it says what is wrong.
    if (at > picture.length) return true;
    if (length === 0) continue;
    const type = typeOf(picture[begin] ?? 0);
    if (type <= lastSliceType) return false;
    if (type !== seiType) continue;
    const country = picture.indexOf(unitedStates, begin);
    if (country >= 0 && country < at) return true;
  }
  return false;
}

function userDataOf(
  picture: Uint8Array,
  lengthBytes: 1 | 2 | 4,
  { typeOf, seiType, lastSliceType, headBytes }: NalUnitKinds,
): Uint8Array[] {
  const found: Uint8Array[] = [];
  for (const nalUnit of lengthPrefixedNalUnits(picture, lengthBytes)) {
    const type = typeOf(nalUnit[0] ?? 0);
    if (type <= lastSliceType) break;
    if (type !== seiType) continue;
    for (const message of seiMessages(rawByteSequencePayload(nalUnit.subarray(headBytes - 1)))) {
      if (message.type === registeredUserDataType) found.push(message.payload);
    }
  }
  return found;
}

function* ofOpenBitstreamUnits(picture: Uint8Array) {
  for (const { type, payload } of openBitstreamUnits(picture)) {
    if (type === obuType.metadata && payload[0] === metadataType.registeredUserData) yield payload.subarray(1);
  }
}
