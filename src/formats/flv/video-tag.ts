import { ByteReader } from '../../base/byte-reader.ts';
import { enhancedFourCc } from './enhanced-header.ts';

/** The payload of a video message or of an FLV video tag (Adobe FLV 10.1 §E.4.3). */
export type VideoTag =
  /** `description`: the AVCDecoderConfigurationRecord. */
  | { readonly kind: 'sequence-header'; readonly codec: 'avc'; readonly description: Uint8Array }
  | {
      readonly kind: 'frame';
      readonly codec: 'avc';
      /** As the sender flags it. */
      readonly keyframe: boolean;
      /** Presentation time − decode time, signed 24 bits. */
      readonly compositionOffsetMs: number;
      /** NAL units with their length prefixes. */
      readonly data: Uint8Array;
    }
  /** No frames follow until the next sequence header. */
  | { readonly kind: 'end-of-sequence'; readonly codec: 'avc' }
  /** Nothing in it for a decoder. */
  | { readonly kind: 'ignored'; readonly reason: string }
  /** A codec that we do not carry: its name or FourCC. */
  | { readonly kind: 'unsupported'; readonly codec: string };

/** What `encodeVideoTag` writes. */
export type WritableVideoTag = Extract<VideoTag, { kind: 'sequence-header' | 'frame' | 'end-of-sequence' }>;

const codecNames: ReadonlyMap<number, string> = new Map([
  [2, 'Sorenson H.263'],
  [3, 'Screen Video'],
  [4, 'VP6'],
  [5, 'VP6 with alpha'],
  [6, 'Screen Video 2'],
  [12, 'HEVC in the unofficial codec id 12'],
]);

const avcCodecId = 7;
const frameType = { key: 1, inter: 2, generatedKey: 4, command: 5 } as const;
const avcPacketType = { sequenceHeader: 0, nalUnits: 1, endOfSequence: 2 } as const;

/** Views on `payload`, no copies. Throws `ProtocolError` when an AVC header ends early. */
export function parseVideoTag(payload: Uint8Array): VideoTag {
  const first = payload[0];
  if (first === undefined) return { kind: 'ignored', reason: 'empty video message' };
  if ((first & 0x80) !== 0) {
    const codec = enhancedFourCc(payload, 'video');
    return codec === undefined
      ? { kind: 'ignored', reason: 'Enhanced RTMP command or metadata' }
      : { kind: 'unsupported', codec };
  }
  const type = first >> 4;
  if (type === frameType.command) return { kind: 'ignored', reason: 'video information or command frame' };
  const codecId = first & 0x0f;
  if (codecId !== avcCodecId) {
    return { kind: 'unsupported', codec: codecNames.get(codecId) ?? `FLV video codec id ${codecId}` };
  }

  const reader = new ByteReader(payload, 'AVC video tag', 1);
  const packetType = reader.uint8();
  const compositionOffsetMs = reader.int24();
  const data = reader.rest();
  switch (packetType) {
    case avcPacketType.sequenceHeader:
      if (data.length === 0) return { kind: 'ignored', reason: 'AVC sequence header without a body' };
      return { kind: 'sequence-header', codec: 'avc', description: data };
    case avcPacketType.nalUnits: {
      if (data.length === 0) return { kind: 'ignored', reason: 'AVC frame without a body' };
      const keyframe = type === frameType.key || type === frameType.generatedKey;
      return { kind: 'frame', codec: 'avc', keyframe, compositionOffsetMs, data };
    }
    case avcPacketType.endOfSequence:
      return { kind: 'end-of-sequence', codec: 'avc' };
    default:
      return { kind: 'ignored', reason: `AVC packet type ${packetType}` };
  }
}

/** The payload of a video message or FLV tag. */
export function encodeVideoTag(tag: WritableVideoTag): Uint8Array {
  switch (tag.kind) {
    case 'sequence-header':
      return avcTag(frameType.key, avcPacketType.sequenceHeader, 0, tag.description);
    case 'frame':
      return avcTag(
        tag.keyframe ? frameType.key : frameType.inter,
        avcPacketType.nalUnits,
        tag.compositionOffsetMs,
        tag.data,
      );
    case 'end-of-sequence':
      return avcTag(frameType.key, avcPacketType.endOfSequence, 0, new Uint8Array(0));
  }
}

function avcTag(type: number, packetType: number, compositionOffsetMs: number, data: Uint8Array): Uint8Array {
  const tag = new Uint8Array(5 + data.length);
  tag[0] = (type << 4) | avcCodecId;
  tag[1] = packetType;
  tag[2] = compositionOffsetMs >> 16;
  tag[3] = compositionOffsetMs >> 8;
  tag[4] = compositionOffsetMs;
  tag.set(data, 5);
  return tag;
}
