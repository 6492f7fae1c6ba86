import { ByteReader } from '../../base/byte-reader.ts';
import type { ColorInfo } from '../media/color-info.ts';
import type { VideoCodec } from '../media/track.ts';
import { encodeVideoMetadata, parseVideoMetadata } from './color-info.ts';
import {
  enhancedHeader,
  type EnhancedTrackBody,
  readMultitrack,
  readSingleTrack,
  skipModifiers,
} from './enhanced-packet.ts';
import { videoCodecOf, videoFourCcs } from './four-cc.ts';

/**
 * What the payload of a video message, or of an FLV video tag, says of one track (Adobe FLV 10.1 §E.4.3; Enhanced RTMP
 * v2, "Enhanced Video").
 */
export type VideoTag =
  | WritableVideoTag
  /** Nothing in it for a decoder. */
  | { readonly kind: 'ignored'; readonly reason: string }
  /** A codec that we do not carry: its name or FourCC. */
  | { readonly kind: 'unsupported'; readonly codec: string; readonly trackId: number };

/** What `encodeVideoTag` writes. */
export type WritableVideoTag =
  /** `description`: the decoder configuration record of the codec. */
  | (OfTrack & { readonly kind: 'sequence-header'; readonly description: Uint8Array })
  | (OfTrack & {
      readonly kind: 'frame';
      /** As the sender flags it. */
      readonly keyframe: boolean;
      /** Presentation time − decode time, signed 24 bits. Written for AVC and HEVC; others have none. */
      readonly compositionOffsetMs: number;
      readonly data: Uint8Array;
    })
  /** No frames follow until the next sequence header. */
  | (OfTrack & { readonly kind: 'end-of-sequence' })
  /** The colours of what follows, which may be the sequence header; `undefined` takes them back. */
  | (OfTrack & { readonly kind: 'color-info'; readonly colorInfo: ColorInfo | undefined });

interface OfTrack {
  readonly codec: VideoCodec;
  /** 0 is the default track. */
  readonly trackId: number;
}

const codecNames: ReadonlyMap<number, string> = new Map([
  [2, 'Sorenson H.263'],
  [3, 'Screen Video'],
  [4, 'VP6'],
  [5, 'VP6 with alpha'],
  [6, 'Screen Video 2'],
]);

/** 12 is not official: Chinese encoders have written HEVC so since before there was Enhanced RTMP. */
const legacyCodecs: ReadonlyMap<number, 'avc' | 'hevc'> = new Map([
  [7, 'avc'],
  [12, 'hevc'],
]);
const avcCodecId = 7;
const frameType = { key: 1, inter: 2, generatedKey: 4, command: 5 } as const;
const avcPacketType = { sequenceHeader: 0, nalUnits: 1, endOfSequence: 2 } as const;

/** `isExVideoHeader`, the upper bit of the first byte. */
const extendedHeader = 0x80;
const packetType = {
  sequenceStart: 0,
  codedFrames: 1,
  sequenceEnd: 2,
  codedFramesX: 3,
  metadata: 4,
  mpeg2TsSequenceStart: 5,
  multitrack: 6,
} as const;

/**
 * All that a video message holds: nearly always one tag, one for each track in a multitrack message. Views on
 * `payload`, no copies. Throws `ProtocolError` when a header, or a track of a multitrack message, ends early.
 */
export function parseVideoTags(payload: Uint8Array): readonly VideoTag[] {
  const first = payload[0];
  if (first === undefined) return [ignored('empty video message')];
  if ((first & extendedHeader) !== 0) return parseExtended(payload, first);
  if (first >> 4 === frameType.command) return [ignored('video information or command frame')];
  const codecId = first & 0x0f;
  const codec = legacyCodecs.get(codecId);
  if (codec !== undefined) return [parseLegacy(payload, codec, isKey(first >> 4))];
  return [{ kind: 'unsupported', codec: codecNames.get(codecId) ?? `FLV video codec id ${codecId}`, trackId: 0 }];
}

function parseLegacy(payload: Uint8Array, codec: 'avc' | 'hevc', keyframe: boolean): VideoTag {
  const reader = new ByteReader(payload, 'video tag', 1);
  const type = reader.uint8();
  const compositionOffsetMs = reader.int24();
  const data = reader.rest();
  switch (type) {
    case avcPacketType.sequenceHeader:
      if (data.length === 0) return ignored('sequence header without a body');
      return { kind: 'sequence-header', codec, trackId: 0, description: data };
    case avcPacketType.nalUnits:
      if (data.length === 0) return ignored('frame without a body');
      return { kind: 'frame', codec, trackId: 0, keyframe, compositionOffsetMs, data };
    case avcPacketType.endOfSequence:
      return { kind: 'end-of-sequence', codec, trackId: 0 };
    default:
      return ignored(`AVC packet type ${type}`);
  }
}

function parseExtended(payload: Uint8Array, first: number): readonly VideoTag[] {
  const reader = new ByteReader(payload, 'Enhanced RTMP video packet', 1);
  const type = skipModifiers(reader, first & 0x0f);
  const flags = (first >> 4) & 0x07;
  // Of metadata the frame type says nothing.
  if (flags === frameType.command && type !== packetType.metadata) return [ignored('command frame')];
  if (type !== packetType.multitrack) return [parseBody(type, flags, readSingleTrack(reader))];
  const multitrack = readMultitrack(reader, packetType.multitrack);
  if (multitrack.tracks === undefined) return [ignored('multitrack of an unknown kind')];
  return multitrack.tracks.map((track) => parseBody(multitrack.packetType, flags, track));
}

function parseBody(type: number, flags: number, { fourCc, trackId, body, byteOffset }: EnhancedTrackBody): VideoTag {
  const codec = videoCodecOf(fourCc);
  if (codec === undefined) return { kind: 'unsupported', codec: fourCc, trackId };
  switch (type) {
    case packetType.sequenceStart:
      if (body.length === 0) return ignored('sequence header without a body');
      return { kind: 'sequence-header', codec, trackId, description: body };
    case packetType.codedFrames:
    case packetType.codedFramesX: {
      const hasOffset = type === packetType.codedFrames && writesCompositionOffset(codec);
      const reader = new ByteReader(body, `Enhanced RTMP ${fourCc} frame at byte ${byteOffset} of its message`);
      const compositionOffsetMs = hasOffset ? reader.int24() : 0;
      const data = reader.rest();
      if (data.length === 0) return ignored('frame without a body');
      return { kind: 'frame', codec, trackId, keyframe: isKey(flags), compositionOffsetMs, data };
    }
    case packetType.sequenceEnd:
      return { kind: 'end-of-sequence', codec, trackId };
    case packetType.metadata: {
      const { found, colorInfo } = parseVideoMetadata(body);
      return found ? { kind: 'color-info', codec, trackId, colorInfo } : ignored('video metadata without colours');
    }
    case packetType.mpeg2TsSequenceStart:
      return ignored('a sequence header in the form of MPEG-2 TS, which no sender is known to write');
    default:
      return ignored(`Enhanced RTMP video packet type ${type}`);
  }
}

function isKey(type: number): boolean {
  return type === frameType.key || type === frameType.generatedKey;
}

function writesCompositionOffset(codec: VideoCodec): boolean {
  return codec === 'avc' || codec === 'hevc';
}

function ignored(reason: string): VideoTag {
  return { kind: 'ignored', reason };
}

/**
 * The payload of a video message or FLV tag: AVC of the default track as it has always been written, all else in the
 * form of Enhanced RTMP.
 */
export function encodeVideoTag(tag: WritableVideoTag): Uint8Array {
  const header =
    tag.codec === 'avc' && tag.trackId === 0 && tag.kind !== 'color-info' ? legacyHeader(tag) : extendedHeaderOf(tag);
  const body = bodyOf(tag);
  const bytes = new Uint8Array(header.length + body.length);
  bytes.set(header);
  bytes.set(body, header.length);
  return bytes;
}

function legacyHeader(tag: WritableVideoTag): number[] {
  const first = (frameTypeOf(tag) << 4) | avcCodecId;
  switch (tag.kind) {
    case 'sequence-header':
      return [first, avcPacketType.sequenceHeader, 0, 0, 0];
    case 'frame':
      return [first, avcPacketType.nalUnits, ...int24(tag.compositionOffsetMs)];
    default:
      return [first, avcPacketType.endOfSequence, 0, 0, 0];
  }
}

function extendedHeaderOf(tag: WritableVideoTag): number[] {
  const upperBits = extendedHeader | (frameTypeOf(tag) << 4);
  const header = (type: number) =>
    enhancedHeader(upperBits, type, packetType.multitrack, videoFourCcs[tag.codec], tag.trackId);
  switch (tag.kind) {
    case 'sequence-header':
      return header(packetType.sequenceStart);
    case 'frame':
      // Not `CodedFramesX`, which would save three bytes: players read this one for every codec.
      return writesCompositionOffset(tag.codec)
        ? [...header(packetType.codedFrames), ...int24(tag.compositionOffsetMs)]
        : header(packetType.codedFrames);
    case 'end-of-sequence':
      return header(packetType.sequenceEnd);
    case 'color-info':
      return header(packetType.metadata);
  }
}

function frameTypeOf(tag: WritableVideoTag): number {
  // ffmpeg reads colours in a command frame only; a multitrack packet flagged so would be a command and no more.
  if (tag.kind === 'color-info' && tag.trackId === 0) return frameType.command;
  return tag.kind === 'frame' && !tag.keyframe ? frameType.inter : frameType.key;
}

function bodyOf(tag: WritableVideoTag): Uint8Array {
  switch (tag.kind) {
    case 'sequence-header':
      return tag.description;
    case 'frame':
      return tag.data;
    case 'end-of-sequence':
      return new Uint8Array(0);
    case 'color-info':
      return encodeVideoMetadata(tag.colorInfo);
  }
}

function int24(value: number): number[] {
  return [(value >> 16) & 0xff, (value >> 8) & 0xff, value & 0xff];
}
