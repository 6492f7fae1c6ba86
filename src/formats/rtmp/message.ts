/** One message of an RTMP connection (RTMP 1.0 §6), whole: its chunks have been put together. */
export interface RtmpMessage {
  /** One of `messageType`, or what else the peer sent. */
  readonly typeId: number;
  /** 0 for the connection itself, else a stream that `createStream` made. */
  readonly messageStreamId: number;
  /** Unsigned, 32 bits, wraps after 49.7 days. */
  readonly timestampMs: number;
  /** May be empty. Of a message that has come, lent by its decoder: see `ChunkDecoder.push`. Must not be written to. */
  readonly payload: Uint8Array;
}

/** Message types (RTMP 1.0 §5.4 and §7.1). */
export const messageType = {
  setChunkSize: 1,
  abort: 2,
  acknowledgement: 3,
  userControl: 4,
  windowAcknowledgementSize: 5,
  setPeerBandwidth: 6,
  audio: 8,
  video: 9,
  dataAmf3: 15,
  sharedObjectAmf3: 16,
  commandAmf3: 17,
  dataAmf0: 18,
  sharedObjectAmf0: 19,
  commandAmf0: 20,
  aggregate: 22,
} as const;

/** The largest length that a message header can say: three bytes. */
export const largestMessageBytes = 0xff_ff_ff;
