/** How ID3 is announced in transport streams of HLS (Apple, "Timed Metadata for HTTP Live Streaming" §2). */
const id3 = [...new TextEncoder().encode('ID3 ')];
/** Applications and formats are named by the identifiers that follow. */
const application = [0xff, 0xff, ...id3];
const format = [0xff, ...id3];
const serviceId = 0;
const descriptorTag = { metadataPointer: 0x25, metadata: 0x26 } as const;

/** Of the program that has the metadata in itself (ISO/IEC 13818-1 §2.6.58). */
export function metadataPointerDescriptor(programNumber: number): number[] {
  // No locator, carried in the same stream, reserved bits.
  const flags = 0x1f;
  const body = [...application, ...format, serviceId, flags, programNumber >> 8, programNumber & 0xff];
  return [descriptorTag.metadataPointer, body.length, ...body];
}

/** Of the stream of metadata (§2.6.60). */
export function metadataDescriptor(): number[] {
  // No decoder configuration, no DSM-CC, reserved bits.
  const body = [...application, ...format, serviceId, 0x0f];
  return [descriptorTag.metadata, body.length, ...body];
}
