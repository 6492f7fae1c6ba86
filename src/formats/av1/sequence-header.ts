import { BitReader } from '../../base/bit-reader.ts';

/** What a sequence header says about the pictures (AV1 §5.5.1). */
export interface Av1SequenceHeader {
  /** Pixels: the largest frame that may come. */
  readonly width: number;
  readonly height: number;
  /** If the stream states that all pictures last equally long. */
  readonly framesPerSecond: number | undefined;
}

/** Reads the payload of a sequence header unit up to the size. Throws `ProtocolError` when it ends early. */
export function parseAv1SequenceHeader(payload: Uint8Array): Av1SequenceHeader {
  const reader = new BitReader(payload, 'AV1 sequence header');
  reader.skip(3 + 1); // seq_profile, still_picture
  const framesPerSecond = reader.flag() ? skipReducedHeader(reader) : parseOperatingPoints(reader);
  const widthBits = reader.bits(4) + 1;
  const heightBits = reader.bits(4) + 1;
  return { width: reader.bits(widthBits) + 1, height: reader.bits(heightBits) + 1, framesPerSecond };
}

function skipReducedHeader(reader: BitReader): undefined {
  reader.skip(5); // seq_level_idx
}

function parseOperatingPoints(reader: BitReader): number | undefined {
  let framesPerSecond: number | undefined;
  let delayBits: number | undefined;
  if (reader.flag()) {
    framesPerSecond = parseTiming(reader);
    if (reader.flag()) {
      delayBits = reader.bits(5) + 1;
      reader.skip(32 + 5 + 5);
    }
  }
  const hasDisplayDelay = reader.flag();
  const operatingPoints = reader.bits(5) + 1;
  for (let i = 0; i < operatingPoints; i++) {
    reader.skip(12); // operating_point_idc
    if (reader.bits(5) > 7) reader.skip(1); // seq_level_idx, seq_tier
    if (delayBits !== undefined && reader.flag()) reader.skip(2 * delayBits + 1);
    if (hasDisplayDelay && reader.flag()) reader.skip(4);
  }
  return framesPerSecond;
}

/** §5.5.3. */
function parseTiming(reader: BitReader): number | undefined {
  const unitsInTick = reader.bits(32);
  const timeScale = reader.bits(32);
  if (!reader.flag()) return undefined;
  // uvlc() is the unsigned Exp-Golomb code of the other standards.
  const ticksPerPicture = reader.unsignedExpGolomb() + 1;
  return unitsInTick > 0 && timeScale > 0 ? timeScale / unitsInTick / ticksPerPicture : undefined;
}
