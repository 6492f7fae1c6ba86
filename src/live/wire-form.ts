import { totalLength } from '../base/byte-pieces.ts';
import type { FlvClientCapabilities } from '../formats/flv/client-capabilities.ts';
import { encodeFlvHeader, encodeFlvTagHeader, encodePreviousTagSize } from '../formats/flv/flv-file.ts';
import { ChunkEncoder, chunkStreamId } from '../formats/rtmp/chunk-encoder.ts';
import { messageType } from '../formats/rtmp/message.ts';

/** How access units are written for a kind of player. Players of one form share every byte of a stream. */
export interface WireForm {
  /** The same for forms that write the same bytes. */
  readonly name: string;
  /** What its players can make of the codecs and tracks of a stream. */
  readonly client: FlvClientCapabilities;
  /** What comes before everything else. May be empty. */
  opening(tracks: { readonly audio: boolean; readonly video: boolean }): Uint8Array;
  /**
   * One message or tag, whole: one piece behind the other, views of `payload` among them, which is given in pieces too.
   * `typeId` is that of an RTMP message: 8 audio, 9 video, 18 data.
   */
  frame(typeId: number, timestampMs: number, payload: readonly Uint8Array[]): readonly Uint8Array[];
}

const nothing = new Uint8Array(0);

/** For RTMP connections with this chunk size, on message streams with this id. */
export function rtmpWireForm(chunkBytes: number, messageStreamId: number, client: FlvClientCapabilities): WireForm {
  const encoder = new ChunkEncoder();
  encoder.setChunkSize(chunkBytes);
  return {
    name: `rtmp ${chunkBytes} ${messageStreamId} ${clientName(client)}`,
    client,
    opening: () => nothing,
    frame: (typeId, timestampMs, payload) =>
      encoder.pieces({ typeId, messageStreamId, timestampMs }, chunkStreamOf(typeId), payload),
  };
}

/** FLV over HTTP or WebSocket. */
export function flvWireForm(client: FlvClientCapabilities): WireForm {
  return {
    name: `flv ${clientName(client)}`,
    client,
    opening: encodeFlvHeader,
    frame: (typeId, timestampMs, payload) => {
      const bodyBytes = totalLength(payload);
      return [encodeFlvTagHeader({ typeId, timestampMs, bodyBytes }), ...payload, encodePreviousTagSize(bodyBytes)];
    },
  };
}

/** Where messages of a type travel: 8 audio, 9 video, 18 data. */
export function chunkStreamOf(typeId: number): number {
  if (typeId === messageType.audio) return chunkStreamId.audio;
  return typeId === messageType.video ? chunkStreamId.video : chunkStreamId.data;
}

/** The same for clients that take the same tags. */
function clientName({ legacyCodecs, enhancedCodecs, multitrack, colorInfo, dialect }: FlvClientCapabilities): string {
  return `${[...legacyCodecs].sort().join()} ${[...enhancedCodecs].sort().join()} ${multitrack ? 'multitrack' : ''} ${colorInfo ? 'colors' : ''} ${dialect}`;
}
