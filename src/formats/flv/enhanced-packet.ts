import type { ByteReader } from '../../base/byte-reader.ts';
import { ProtocolError } from '../../base/errors.ts';
import { fourCcBytes } from './four-cc.ts';

/** The part of an Enhanced RTMP message that belongs to one track. */
export interface EnhancedTrackBody {
  /** Printable, whatever the peer wrote. */
  readonly fourCc: string;
  /** 0 where the message is not a multitrack one. */
  readonly trackId: number;
  /** A view on the message. */
  readonly body: Uint8Array;
  /** Where the body begins in the message. */
  readonly byteOffset: number;
}

/** Track ids are one byte: more than this in one message is no honest one. */
const maxTracksInMessage = 256;

const multitrackType = { oneTrack: 0, manyTracks: 1, manyTracksManyCodecs: 2 } as const;

const modExPacketType = 7;

/**
 * Takes off the modifiers that stand before a packet (`ModEx`), each its length, its data, then its own type and the
 * type of what follows it, and returns the type of the packet itself. None of them changes what is read here:
 * nanoseconds beside a timestamp (`TimestampOffsetNano`) are not kept, and others are not known.
 */
export function skipModifiers(reader: ByteReader, packetType: number): number {
  let type = packetType;
  while (type === modExPacketType) {
    let dataBytes = reader.uint8() + 1;
    if (dataBytes === 256) dataBytes = reader.uint16() + 1;
    reader.skip(dataBytes);
    type = reader.uint8() & 0x0f;
  }
  return type;
}

/** A packet of one track: its FourCC, and all that follows. */
export function readSingleTrack(reader: ByteReader): EnhancedTrackBody {
  const fourCc = readFourCc(reader);
  return { fourCc, trackId: 0, byteOffset: reader.offset, body: reader.rest() };
}

/**
 * A multitrack packet, after the byte that named it one. `tracks` is `undefined` for a kind of multitrack that the
 * specification does not know yet. Throws `ProtocolError` when it ends early, holds another multitrack packet, or more
 * than 256 tracks.
 */
export function readMultitrack(
  reader: ByteReader,
  multitrackPacketType: number,
): { readonly packetType: number; readonly tracks: readonly EnhancedTrackBody[] | undefined } {
  const at = reader.offset;
  const types = reader.uint8();
  const packetType = types & 0x0f;
  if (packetType === multitrackPacketType) {
    throw new ProtocolError('FLV_MULTITRACK', 'a multitrack packet within a multitrack packet', {
      byteOffset: at,
      section: 'Enhanced RTMP v2, Enhanced Video and Enhanced Audio',
    });
  }
  switch (types >> 4) {
    case multitrackType.oneTrack: {
      const fourCc = readFourCc(reader);
      const trackId = reader.uint8();
      return { packetType, tracks: [{ fourCc, trackId, byteOffset: reader.offset, body: reader.rest() }] };
    }
    case multitrackType.manyTracks: {
      const fourCc = readFourCc(reader);
      return { packetType, tracks: readTracks(reader, () => fourCc) };
    }
    case multitrackType.manyTracksManyCodecs:
      return { packetType, tracks: readTracks(reader, () => readFourCc(reader)) };
    default:
      return { packetType, tracks: undefined };
  }
}

function readTracks(reader: ByteReader, nextFourCc: () => string): EnhancedTrackBody[] {
  const tracks: EnhancedTrackBody[] = [];
  do {
    if (tracks.length === maxTracksInMessage) {
      throw new ProtocolError('FLV_MULTITRACK', `more than ${maxTracksInMessage} tracks in one message`, {
        byteOffset: reader.offset,
      });
    }
    const fourCc = nextFourCc();
    const trackId = reader.uint8();
    const bodyBytes = reader.uint24();
    tracks.push({ fourCc, trackId, byteOffset: reader.offset, body: reader.bytes(bodyBytes) });
  } while (reader.remaining > 0);
  return tracks;
}

function readFourCc(reader: ByteReader): string {
  const text = String.fromCharCode(...reader.bytes(4));
  return /^[\x21-\x7e][\x20-\x7e]{3}$/.test(text) ? text : 'with an unreadable FourCC';
}

/** The header of a packet that is written: for the default track plain, for others a multitrack packet of one track. */
export function enhancedHeader(
  upperBits: number,
  packetType: number,
  multitrackPacketType: number,
  fourCc: string,
  trackId: number,
): number[] {
  const letters = fourCcBytes(fourCc);
  return trackId === 0
    ? [upperBits | packetType, ...letters]
    : [upperBits | multitrackPacketType, (multitrackType.oneTrack << 4) | packetType, ...letters, trackId];
}
