import { ByteReader } from '../../base/byte-reader.ts';
import { ProtocolError } from '../../base/errors.ts';
import type { ContentLight, MasteringDisplay } from '../media/video-color.ts';
import { metadataType, obuType, openBitstreamUnits } from './open-bitstream-unit.ts';

/** What metadata units say of the colours (AV1 §5.8). */
export interface Av1HdrMetadata {
  contentLight?: ContentLight;
  masteringDisplay?: MasteringDisplay;
}

/** Of the units in `data`. A metadata unit that is broken says nothing. Throws `ProtocolError` when a unit ends early. */
export function parseAv1HdrMetadata(data: Uint8Array): Av1HdrMetadata {
  const found: Av1HdrMetadata = {};
  for (const { type, payload } of openBitstreamUnits(data)) {
    if (type !== obuType.metadata) continue;
    try {
      const reader = new ByteReader(payload, 'AV1 metadata');
      // leb128() of a small number.
      const kind = reader.uint8();
      if (kind === metadataType.hdrCll) found.contentLight = { maxCll: reader.uint16(), maxFall: reader.uint16() };
      if (kind === metadataType.hdrMdcv) found.masteringDisplay = masteringDisplay(reader);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
    }
  }
  return found;
}

/** §5.8.4 and §6.7.4: fixed-point numbers. */
function masteringDisplay(reader: ByteReader): MasteringDisplay {
  const chromaticity = () => reader.uint16() / 2 ** 16;
  return {
    redX: chromaticity(),
    redY: chromaticity(),
    greenX: chromaticity(),
    greenY: chromaticity(),
    blueX: chromaticity(),
    blueY: chromaticity(),
    whitePointX: chromaticity(),
    whitePointY: chromaticity(),
    maxLuminance: reader.uint32() / 2 ** 8,
    minLuminance: reader.uint32() / 2 ** 14,
  };
}
