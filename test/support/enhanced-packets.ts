import { Buffer } from 'node:buffer';

/**
 * Writes Enhanced RTMP packets of every kind, those among them that the program itself only reads. By the specification
 * and with none of the program's own code, so that one mistake cannot be in both.
 */
export interface EnhancedPacket {
  readonly media: 'video' | 'audio';
  readonly packetType: number;
  /** Of video: 1 key, 2 inter, 5 command. */
  readonly frameType?: number;
  /** `ModEx`: what stands before the packet. */
  readonly modifiers?: readonly { readonly type: number; readonly data: Uint8Array }[];
  /** Without it a plain packet of the first track. */
  readonly multitrack?: 'one-track' | 'many-tracks' | 'many-tracks-many-codecs';
  readonly tracks: readonly EnhancedTrack[];
}

export interface EnhancedTrack {
  readonly fourCc: string;
  readonly trackId?: number;
  readonly body: Uint8Array;
}

export const videoPacket = {
  sequenceStart: 0,
  codedFrames: 1,
  sequenceEnd: 2,
  codedFramesX: 3,
  metadata: 4,
  mpeg2TsSequenceStart: 5,
} as const;

export const audioPacket = { sequenceStart: 0, codedFrames: 1, sequenceEnd: 2, multichannelConfig: 4 } as const;

const modEx = 7;
const multitrackTypes = { 'one-track': 0, 'many-tracks': 1, 'many-tracks-many-codecs': 2 } as const;

export function enhancedPacket({
  media,
  packetType,
  frameType = 1,
  modifiers = [],
  multitrack,
  tracks,
}: EnhancedPacket): Uint8Array {
  const outerType = multitrack === undefined ? packetType : media === 'video' ? 6 : 5;
  const upper = media === 'video' ? 0x80 | (frameType << 4) : 0x90;
  const pieces: (Uint8Array | readonly number[])[] = [[upper | (modifiers.length > 0 ? modEx : outerType)]];
  for (const [index, { type, data }] of modifiers.entries()) {
    const next = index === modifiers.length - 1 ? outerType : modEx;
    const size = data.length - 1;
    pieces.push(size < 255 ? [size] : [255, size >> 8, size & 0xff], data, [(type << 4) | next]);
  }
  if (multitrack === undefined) {
    const [track] = tracks;
    if (track !== undefined) pieces.push(Buffer.from(track.fourCc, 'latin1'), track.body);
    return joined(pieces);
  }
  pieces.push([(multitrackTypes[multitrack] << 4) | packetType]);
  if (multitrack !== 'many-tracks-many-codecs') pieces.push(Buffer.from(tracks[0]?.fourCc ?? '', 'latin1'));
  for (const { fourCc, trackId = 0, body } of tracks) {
    if (multitrack === 'many-tracks-many-codecs') pieces.push(Buffer.from(fourCc, 'latin1'));
    pieces.push([trackId]);
    if (multitrack !== 'one-track') pieces.push([body.length >> 16, (body.length >> 8) & 0xff, body.length & 0xff]);
    pieces.push(body);
  }
  return joined(pieces);
}

function joined(pieces: readonly (Uint8Array | readonly number[])[]): Uint8Array {
  return Uint8Array.from(pieces.flatMap((piece) => [...piece]));
}

/** A frame of AVC or HEVC: its composition offset, signed 24 bits, and its data. */
export function withCompositionOffset(offsetMs: number, data: Uint8Array): Uint8Array {
  return Uint8Array.of((offsetMs >> 16) & 0xff, (offsetMs >> 8) & 0xff, offsetMs & 0xff, ...data);
}
