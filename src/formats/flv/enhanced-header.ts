import { ByteReader } from '../../base/byte-reader.ts';

/** Packet types of an extended header (Enhanced RTMP v2, "Enhanced Video" and "Enhanced Audio"). */
const packetType = { videoMetadata: 4, audioMultitrack: 5, videoMultitrack: 6, modEx: 7 } as const;

/** In the upper half of the byte that begins a multitrack packet. */
const manyTracksManyCodecs = 2;

const commandFrame = 5;

/**
 * The FourCC of an Enhanced RTMP packet (`hvc1`, `av01`, `Opus`, …), or what stands for it when there are several.
 * `undefined` for video packets that bring no media: commands, and metadata about colours. Throws `ProtocolError` when
 * the packet ends early.
 */
export function enhancedFourCc(payload: Uint8Array, kind: 'video' | 'audio'): string | undefined {
  const reader = new ByteReader(payload, `Enhanced RTMP ${kind} header`);
  const first = reader.uint8();
  let type = first & 0x0f;
  while (type === packetType.modEx) {
    // Modifiers stand before the packet: each its length, its data, and then the next type.
    let modifierBytes = reader.uint8() + 1;
    if (modifierBytes === 256) modifierBytes = reader.uint16() + 1;
    reader.skip(modifierBytes);
    type = reader.uint8() & 0x0f;
  }
  if (kind === 'video' && (type === packetType.videoMetadata || ((first >> 4) & 0x07) === commandFrame))
    return undefined;
  if (type === (kind === 'video' ? packetType.videoMultitrack : packetType.audioMultitrack)) {
    if (reader.uint8() >> 4 === manyTracksManyCodecs) return 'several codecs at once';
  }
  return fourCc(reader);
}

/** Printable, whatever the peer wrote. */
function fourCc(reader: ByteReader): string {
  const text = String.fromCharCode(...reader.bytes(4));
  return /^[\x21-\x7e][\x20-\x7e]{3}$/.test(text) ? text : 'with an unreadable FourCC';
}
