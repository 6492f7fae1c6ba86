import { ByteReader } from '../../base/byte-reader.ts';
import { ProtocolError } from '../../base/errors.ts';
import { rawByteSequencePayload } from '../avc/nal-unit.ts';
import { seiMessages } from '../avc/sei.ts';
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
    for (const { type, payload } of seiMessages(rawByteSequencePayload(nalUnit.subarray(1)))) {
      const reader = new ByteReader(payload, 'HEVC SEI message');
      if (type === payloadType.masteringDisplayColourVolume) found.masteringDisplay = masteringDisplay(reader);
      if (type === payloadType.contentLightLevelInfo) {
        found.contentLight = { maxCll: reader.uint16(), maxFall: reader.uint16() };
      }
    }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
  }
  return found;
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
