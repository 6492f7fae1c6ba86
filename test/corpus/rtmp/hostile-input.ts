/** Bytes that a server must survive. */
export interface HostileInput {
  /** What it is: completes "the server survives …". */
  readonly name: string;
  /** How far the peer was when it sent them. `publishing` is on message stream 1. */
  readonly stage: 'fresh' | 'handshaken' | 'connected' | 'streaming' | 'publishing';
  readonly bytes: () => Uint8Array;
  /** The code of the error that ends the connection, or `survives`: the connection goes on and is understood. */
  readonly ends: string;
}

export function concatenated(...pieces: (Uint8Array | readonly number[])[]): Uint8Array {
  return Buffer.concat(pieces.map((piece) => Uint8Array.from(piece)));
}

export function latin1(text: string): Uint8Array {
  return Buffer.from(text, 'latin1');
}

export interface RawHeader {
  readonly timestamp?: number;
  readonly length: number;
  readonly typeId: number;
  readonly messageStreamId?: number;
}

/** A chunk of type 0 on a chunk stream from 2 to 63, its header as given, whether or not `payload` agrees with it. */
export function type0Chunk(chunkStreamId: number, header: RawHeader, payload: Uint8Array | readonly number[]): Uint8Array {
  const { timestamp = 0, length, typeId, messageStreamId = 0 } = header;
  const bytes = Buffer.alloc(12);
  bytes.writeUInt8(chunkStreamId, 0);
  bytes.writeUIntBE(timestamp, 1, 3);
  bytes.writeUIntBE(length, 4, 3);
  bytes.writeUInt8(typeId, 7);
  bytes.writeUInt32LE(messageStreamId, 8);
  return concatenated(bytes, payload);
}

/** A whole message in one chunk of type 0: up to 128 bytes of payload. */
export function shortMessage(typeId: number, payload: Uint8Array | readonly number[], messageStreamId = 0): Uint8Array {
  return type0Chunk(4, { length: payload.length, typeId, messageStreamId }, payload);
}

/** A message cut into chunks of 128 bytes. */
export function longMessage(typeId: number, payload: Uint8Array, messageStreamId = 0): Uint8Array {
  const pieces = [type0Chunk(4, { length: payload.length, typeId, messageStreamId }, payload.subarray(0, 128))];
  for (let at = 128; at < payload.length; at += 128) {
    pieces.push(concatenated([0xc4], payload.subarray(at, at + 128)));
  }
  return concatenated(...pieces);
}
