import { ByteReader } from '../../base/byte-reader.ts';
import { ProtocolError } from '../../base/errors.ts';
import { rawByteSequencePayload } from '../avc/nal-unit.ts';
import type { ContentLight, MasteringDisplay } from '../media/video-color.ts';

/** What supplemental enhancement information says of the colours (ITU-T H.265 annex D). */
export interface HevcHdrSei {
  contentLight?: ContentLight;
  masteringDisplay?: MasteringDisplay;
}

const payloadType = { masteringDisplayColourVolume: 137, contentLightLevelInfo: 144 } as const;
const chromaticityUnits = 50_000;
const luminanceUnits = 10_000;

/** The messages of a prefix SEI NAL unit. One that is broken says nothing; those before it count. */
export function parseHevcHdrSei(nalUnit: Uint8Array): HevcHdrSei {
  const found: HevcHdrSei = {};
  try {
    // The header of a NAL unit has two bytes here, not one as in AVC.
    const reader = new ByteReader(rawByteSequencePayload(nalUnit.subarray(1)), 'HEVC SEI');
    // What is left at the end are the trailing bits.
    while (reader.remaining > 2) {
      const type = extended(reader);
      const payload = new ByteReader(reader.bytes(extended(reader)), 'HEVC SEI message');
      if (type === payloadType.masteringDisplayColourVolume) found.masteringDisplay = masteringDisplay(payload);
      if (type === payloadType.contentLightLevelInfo) {
        found.contentLight = { maxCll: payload.uint16(), maxFall: payload.uint16() };
      }
    }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
  }
  return found;
}

/** §7.3.5: bytes of 255 add up until another comes. */
function extended(reader: ByteReader): number {
  let value = 0;
  for (;;) {
    const byte = reader.uint8();
    value += byte;
    if (byte !== 255) return value;
  }
}

/** §D.2.28: green, blue, red, as is usual; no decoder can tell them apart otherwise. */
function masteringDisplay(payload: ByteReader): MasteringDisplay {
  const chromaticity = () => payload.uint16() / chromaticityUnits;
  const luminance = () => payload.uint32() / luminanceUnits;
  return {
    greenX: chromaticity(),
    greenY: chromaticity(),
    blueX: chromaticity(),
    blueY: chromaticity(),
    redX: chromaticity(),
    redY: chromaticity(),
    whitePointX: chromaticity(),
    whitePointY: chromaticity(),
    maxLuminance: luminance(),
    minLuminance: luminance(),
  };
}
