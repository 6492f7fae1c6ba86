import { ByteReader } from '../../base/byte-reader.ts';
import type { AudioCodec } from '../media/track.ts';
import {
  enhancedHeader,
  type EnhancedTrackBody,
  readMultitrack,
  readSingleTrack,
  skipModifiers,
} from './enhanced-packet.ts';
import { audioCodecOf, audioFourCcs } from './four-cc.ts';

/**
 * What the payload of an audio message, or of an FLV audio tag, says of one track (Adobe FLV 10.1 §E.4.2; Enhanced RTMP
 * v2, "Enhanced Audio").
 */
export type AudioTag =
  | WritableAudioTag
  /** Nothing in it for a decoder. */
  | { readonly kind: 'ignored'; readonly reason: string }
  /** A codec that we do not carry: its name or FourCC. */
  | { readonly kind: 'unsupported'; readonly codec: string; readonly trackId: number };

/** What `encodeAudioTag` writes. */
export type WritableAudioTag =
  /** `description`: an AudioSpecificConfig, an Opus or a FLAC header. Empty for codecs that have none. */
  | (OfTrack & { readonly kind: 'sequence-header'; readonly description: Uint8Array })
  | (OfTrack & { readonly kind: 'frame'; readonly data: Uint8Array })
  /** Silence until the next frame. */
  | (OfTrack & { readonly kind: 'end-of-sequence' });

interface OfTrack {
  readonly codec: AudioCodec;
  /** 0 is the default track. */
  readonly trackId: number;
}

const soundFormatNames: ReadonlyMap<number, string> = new Map([
  [0, 'PCM'],
  [1, 'ADPCM'],
  [3, 'PCM'],
  [4, 'Nellymoser'],
  [5, 'Nellymoser'],
  [6, 'Nellymoser'],
  [7, 'G.711 A-law'],
  [8, 'G.711 µ-law'],
  [11, 'Speex'],
  [13, 'Opus in the unofficial sound format 13'],
  [15, 'a device-specific sound format'],
]);

const soundFormat = { mp3: 2, extended: 9, aac: 10, mp3At8kHz: 14 } as const;
const aacPacketType = { sequenceHeader: 0, raw: 1 } as const;
const packetType = { sequenceStart: 0, codedFrames: 1, sequenceEnd: 2, multichannelConfig: 4, multitrack: 5 } as const;

/** In `MultichannelConfig`: what follows the number of channels. */
const channelOrder = { native: 1, custom: 2 } as const;

/** What §E.4.2.1 has always written beside AAC and MP3: 44 kHz, 16 bits, stereo. The frames tell the truth. */
const soundFlags = 0x0f;

/**
 * All that an audio message holds: nearly always one tag, one for each track in a multitrack message. Views on
 * `payload`, no copies. Throws `ProtocolError` when a header, or a track of a multitrack message, ends early.
 */
export function parseAudioTags(payload: Uint8Array): readonly AudioTag[] {
  const first = payload[0];
  if (first === undefined) return [ignored('empty audio message')];
  const format = first >> 4;
  switch (format) {
    case soundFormat.extended:
      return parseExtended(payload, first & 0x0f);
    case soundFormat.aac:
      return [parseAac(payload)];
    case soundFormat.mp3:
    case soundFormat.mp3At8kHz:
      return [frame('mp3', 0, payload.subarray(1))];
    default:
      return [{ kind: 'unsupported', codec: soundFormatNames.get(format) ?? `FLV sound format ${format}`, trackId: 0 }];
  }
}

function parseAac(payload: Uint8Array): AudioTag {
  const reader = new ByteReader(payload, 'AAC audio tag', 1);
  const type = reader.uint8();
  const data = reader.rest();
  switch (type) {
    case aacPacketType.sequenceHeader:
      if (data.length === 0) return ignored('AAC sequence header without a body');
      return { kind: 'sequence-header', codec: 'aac', trackId: 0, description: data };
    case aacPacketType.raw:
      return frame('aac', 0, data);
    default:
      return ignored(`AAC packet type ${type}`);
  }
}

function parseExtended(payload: Uint8Array, firstType: number): readonly AudioTag[] {
  const reader = new ByteReader(payload, 'Enhanced RTMP audio packet', 1);
  const type = skipModifiers(reader, firstType);
  if (type !== packetType.multitrack) return [parseBody(type, readSingleTrack(reader))];
  const multitrack = readMultitrack(reader, packetType.multitrack);
  if (multitrack.tracks === undefined) return [ignored('multitrack of an unknown kind')];
  return multitrack.tracks.map((track) => parseBody(multitrack.packetType, track));
}

function parseBody(type: number, { fourCc, trackId, body, byteOffset }: EnhancedTrackBody): AudioTag {
  const codec = audioCodecOf(fourCc);
  if (codec === undefined) return { kind: 'unsupported', codec: fourCc, trackId };
  switch (type) {
    case packetType.sequenceStart:
      return { kind: 'sequence-header', codec, trackId, description: body };
    case packetType.codedFrames:
      return frame(codec, trackId, body);
    case packetType.sequenceEnd:
      return { kind: 'end-of-sequence', codec, trackId };
    case packetType.multichannelConfig:
      return parseMultichannelConfig(
        new ByteReader(body, `Enhanced RTMP MultichannelConfig at byte ${byteOffset} of its message`),
      );
    default:
      return ignored(`Enhanced RTMP audio packet type ${type}`);
  }
}

/** Which speaker each channel is for. The codecs that are carried say that themselves. */
function parseMultichannelConfig(reader: ByteReader): AudioTag {
  const order = reader.uint8();
  const channels = reader.uint8();
  if (order === channelOrder.native) reader.skip(4);
  else if (order === channelOrder.custom) reader.skip(channels);
  return ignored(`the speakers of ${channels} channels`);
}

function frame(codec: AudioCodec, trackId: number, data: Uint8Array): AudioTag {
  return data.length === 0 ? ignored('frame without a body') : { kind: 'frame', codec, trackId, data };
}

function ignored(reason: string): AudioTag {
  return { kind: 'ignored', reason };
}

/**
 * The payload of an audio message or FLV tag: AAC and MP3 of the default track as they have always been written, all
 * else in the form of Enhanced RTMP.
 */
export function encodeAudioTag(tag: WritableAudioTag): Uint8Array {
  const header = legacyHeader(tag) ?? extendedHeaderOf(tag);
  const body = bodyOf(tag);
  const bytes = new Uint8Array(header.length + body.length);
  bytes.set(header);
  bytes.set(body, header.length);
  return bytes;
}

/** `undefined` for what has no form of old. */
function legacyHeader({ kind, codec, trackId }: WritableAudioTag): number[] | undefined {
  if (trackId !== 0 || kind === 'end-of-sequence') return undefined;
  if (codec === 'aac') {
    return [(soundFormat.aac << 4) | soundFlags, kind === 'frame' ? aacPacketType.raw : aacPacketType.sequenceHeader];
  }
  return codec === 'mp3' && kind === 'frame' ? [(soundFormat.mp3 << 4) | soundFlags] : undefined;
}

const packetTypes = {
  'sequence-header': packetType.sequenceStart,
  frame: packetType.codedFrames,
  'end-of-sequence': packetType.sequenceEnd,
} as const;

function extendedHeaderOf({ kind, codec, trackId }: WritableAudioTag): number[] {
  return enhancedHeader(
    soundFormat.extended << 4,
    packetTypes[kind],
    packetType.multitrack,
    audioFourCcs[codec],
    trackId,
  );
}

function bodyOf(tag: WritableAudioTag): Uint8Array {
  switch (tag.kind) {
    case 'sequence-header':
      return tag.description;
    case 'frame':
      return tag.data;
    case 'end-of-sequence':
      return new Uint8Array(0);
  }
}
