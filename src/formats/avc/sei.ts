import { ByteReader } from '../../base/byte-reader.ts';

/** A message of supplemental enhancement information. */
export interface SeiMessage {
  readonly type: number;
  readonly payload: Uint8Array;
}

/** `user_data_registered_itu_t_t35` (ISO/IEC 14496-10 §D.1.6, ITU-T H.265 §D.2.6). */
export const registeredUserDataType = 4;

/**
 * The messages of a NAL unit of AVC or HEVC, of which `payload` is what `rawByteSequencePayload` gives (ISO/IEC 14496-10
 * §7.3.2.3, ITU-T H.265 §7.3.5). Throws `ProtocolError` when one ends early.
 */
export function* seiMessages(payload: Uint8Array): Generator<SeiMessage, void> {
  const reader = new ByteReader(payload, 'SEI');
  // What is left at the end are the trailing bits.
  while (reader.remaining > 2) {
    const type = extended(reader);
    yield { type, payload: reader.bytes(extended(reader)) };
  }
}

/** Bytes of 255 add up until another comes. */
function extended(reader: ByteReader): number {
  let value = 0;
  for (;;) {
    const byte = reader.uint8();
    value += byte;
    if (byte !== 255) return value;
  }
}
