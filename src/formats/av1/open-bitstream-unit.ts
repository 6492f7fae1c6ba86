import { ByteReader } from '../../base/byte-reader.ts';
import { ProtocolError } from '../../base/errors.ts';

/** An open bitstream unit (AV1 §5.3). */
export interface OpenBitstreamUnit {
  readonly type: number;
  /** Header, length and payload. */
  readonly bytes: Uint8Array;
  readonly payload: Uint8Array;
}

export const obuType = { sequenceHeader: 1, temporalDelimiter: 2, frameHeader: 3, metadata: 5, frame: 6 } as const;

/** How the payload of a metadata unit begins (AV1 §6.7.1): `leb128()` of a small number. */
export const metadataType = { hdrCll: 1, hdrMdcv: 2, registeredUserData: 4 } as const;

/**
 * The units in the bytes of a temporal unit, or of the configuration in an `av1C` box. Views, no copies. The last one
 * may leave out its length. Throws `ProtocolError` when one ends early.
 */
export function* openBitstreamUnits(data: Uint8Array): Generator<OpenBitstreamUnit, void> {
  const reader = new ByteReader(data, 'AV1 open bitstream unit');
  while (reader.remaining > 0) {
    const start = reader.offset;
    const header = reader.uint8();
    if ((header & 0x80) !== 0) throw obuError('obu_forbidden_bit is set', start);
    if ((header & 0x04) !== 0) reader.skip(1); // obu_extension_header
    const hasSize = (header & 0x02) !== 0;
    const payload = reader.bytes(hasSize ? leb128(reader) : reader.remaining);
    yield { type: (header >> 3) & 0x0f, bytes: data.subarray(start, reader.offset), payload };
  }
}

/** §4.10.5. What is beyond 32 bits is not allowed, and longer than any message. */
function leb128(reader: ByteReader): number {
  let value = 0;
  for (let i = 0; i < 8; i++) {
    const byte = reader.uint8();
    value += (byte & 0x7f) * 2 ** (i * 7);
    if ((byte & 0x80) === 0) return value;
  }
  throw obuError('a length of more than eight bytes', reader.offset);
}

function obuError(sentence: string, byteOffset: number): ProtocolError {
  return new ProtocolError('AV1_OBU', sentence, { byteOffset, section: 'AV1 §5.3' });
}
