import { ByteReader } from '../../base/byte-reader.ts';
import { enhancedFourCc } from './enhanced-header.ts';

/** The payload of an audio message or of an FLV audio tag (Adobe FLV 10.1 §E.4.2). */
export type AudioTag =
  /** `description`: the AudioSpecificConfig. */
  | { readonly kind: 'sequence-header'; readonly codec: 'aac'; readonly description: Uint8Array }
  /** One raw AAC frame. */
  | { readonly kind: 'frame'; readonly codec: 'aac'; readonly data: Uint8Array }
  /** Nothing in it for a decoder. */
  | { readonly kind: 'ignored'; readonly reason: string }
  /** A codec that we do not carry: its name or FourCC. */
  | { readonly kind: 'unsupported'; readonly codec: string };

/** What `encodeAudioTag` writes. */
export type WritableAudioTag = Extract<AudioTag, { kind: 'sequence-header' | 'frame' }>;

const soundFormatNames: ReadonlyMap<number, string> = new Map([
  [0, 'PCM'],
  [1, 'ADPCM'],
  [2, 'MP3'],
  [3, 'PCM'],
  [4, 'Nellymoser'],
  [5, 'Nellymoser'],
  [6, 'Nellymoser'],
  [7, 'G.711 A-law'],
  [8, 'G.711 µ-law'],
  [11, 'Speex'],
  [13, 'Opus in the unofficial sound format 13'],
  [14, 'MP3'],
  [15, 'a device-specific sound format'],
]);

const enhancedSoundFormat = 9;
const aacSoundFormat = 10;
const aacPacketType = { sequenceHeader: 0, raw: 1 } as const;

/** AAC, and what §E.4.2.1 has always written beside it: 44 kHz, 16 bits, stereo. The description tells the truth. */
const aacFirstByte = 0xaf;

/** Views on `payload`, no copies. Throws `ProtocolError` when an AAC header ends early. */
export function parseAudioTag(payload: Uint8Array): AudioTag {
  const first = payload[0];
  if (first === undefined) return { kind: 'ignored', reason: 'empty audio message' };
  const soundFormat = first >> 4;
  if (soundFormat === enhancedSoundFormat) {
    const codec = enhancedFourCc(payload, 'audio');
    return codec === undefined
      ? { kind: 'ignored', reason: 'Enhanced RTMP audio without media' }
      : { kind: 'unsupported', codec };
  }
  if (soundFormat !== aacSoundFormat) {
    return { kind: 'unsupported', codec: soundFormatNames.get(soundFormat) ?? `FLV sound format ${soundFormat}` };
  }

  const reader = new ByteReader(payload, 'AAC audio tag', 1);
  const packetType = reader.uint8();
  const data = reader.rest();
  switch (packetType) {
    case aacPacketType.sequenceHeader:
      if (data.length === 0) return { kind: 'ignored', reason: 'AAC sequence header without a body' };
      return { kind: 'sequence-header', codec: 'aac', description: data };
    case aacPacketType.raw:
      if (data.length === 0) return { kind: 'ignored', reason: 'AAC frame without a body' };
      return { kind: 'frame', codec: 'aac', data };
    default:
      return { kind: 'ignored', reason: `AAC packet type ${packetType}` };
  }
}

/** The payload of an audio message or FLV tag. */
export function encodeAudioTag(tag: WritableAudioTag): Uint8Array {
  const body = tag.kind === 'frame' ? tag.data : tag.description;
  const bytes = new Uint8Array(2 + body.length);
  bytes[0] = aacFirstByte;
  bytes[1] = tag.kind === 'frame' ? aacPacketType.raw : aacPacketType.sequenceHeader;
  bytes.set(body, 2);
  return bytes;
}
