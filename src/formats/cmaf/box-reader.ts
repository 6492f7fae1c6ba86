import { ByteReader } from '../../base/byte-reader.ts';
import { ProtocolError } from '../../base/errors.ts';

/** The boxes that follow each other in `bytes` (ISO/IEC 14496-12 §4.2), of 32-bit sizes. Views. Throws `ProtocolError`. */
export function* boxesIn(bytes: Uint8Array, what: string): Generator<{ fourcc: string; body: Uint8Array }, void> {
  const reader = new ByteReader(bytes, what);
  while (reader.remaining > 0) {
    const size = reader.uint32();
    const fourcc = String.fromCharCode(...reader.bytes(4));
    if (size < 8) {
      throw new ProtocolError('CMAF_BOX', `a box of ${size} bytes`, { section: 'ISO/IEC 14496-12 §4.2' });
    }
    yield { fourcc, body: reader.bytes(size - 8) };
  }
}
