import { ByteReader } from '../../base/byte-reader.ts';

/** What an `esds` box says of a decoder (ISO/IEC 14496-1 §7.2.6). */
export interface DecoderConfigDescriptor {
  /** Table 5: 0x40 is MPEG-4 audio, 0x69 and 0x6B are MPEG-2 and MPEG-1 audio. */
  readonly objectType: number;
  /** A view; `undefined` where there is none. */
  readonly decoderSpecificInfo: Uint8Array | undefined;
}

const descriptorTag = { elementaryStream: 3, decoderConfig: 4, decoderSpecificInfo: 5 } as const;

/** Reads the body of an `esds` box. `undefined` where it holds none; throws `ProtocolError` for what ends early. */
export function parseElementaryStreamDescriptor(body: Uint8Array): DecoderConfigDescriptor | undefined {
  const reader = new ByteReader(body, 'esds', 4);
  const stream = descriptor(reader, descriptorTag.elementaryStream);
  if (stream === undefined) return undefined;
  const fields = new ByteReader(stream, 'ES_Descriptor', 2);
  const flags = fields.uint8();
  if ((flags & 0x80) !== 0) fields.skip(2); // dependsOn_ES_ID
  if ((flags & 0x40) !== 0) fields.skip(fields.uint8()); // URL
  if ((flags & 0x20) !== 0) fields.skip(2); // OCR_ES_Id
  const decoder = descriptor(fields, descriptorTag.decoderConfig);
  if (decoder === undefined) return undefined;
  const config = new ByteReader(decoder, 'DecoderConfigDescriptor');
  const objectType = config.uint8();
  config.skip(12); // stream type, buffer size, bit rates
  return { objectType, decoderSpecificInfo: descriptor(config, descriptorTag.decoderSpecificInfo) };
}

/** The body of the next descriptor with this tag; others before it are passed over. */
function descriptor(reader: ByteReader, wanted: number): Uint8Array | undefined {
  while (reader.remaining > 0) {
    const tag = reader.uint8();
    // A length in up to four bytes of seven bits (ISO/IEC 14496-1 §8.3.3); one that is too long is cut by writers of old.
    let length = 0;
    for (let place = 0; place < 4; place++) {
      const byte = reader.uint8();
      length = length * 128 + (byte & 0x7f);
      if ((byte & 0x80) === 0) break;
    }
    const body = reader.bytes(Math.min(length, reader.remaining));
    if (tag === wanted) return body;
  }
  return undefined;
}
