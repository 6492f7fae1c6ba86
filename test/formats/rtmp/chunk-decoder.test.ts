import { describe, expect, it } from 'vitest';
import { LimitError, ProtocolError } from '../../../src/base/errors.ts';
import { ChunkDecoder, type ChunkDecoderLimits } from '../../../src/formats/rtmp/chunk-decoder.ts';
import { messageType, type RtmpMessage } from '../../../src/formats/rtmp/message.ts';
import { basicHeader, type0, type1, type2, type3, uint24, uint32 } from './chunk-writer.ts';
import { kept } from './kept-messages.ts';

const limits: ChunkDecoderLimits = { maxMessageBytes: 1_000_000, maxBufferedBytes: 2_000_000, maxChunkStreams: 64 };

const decode = (...parts: readonly number[][]): RtmpMessage[] =>
  new ChunkDecoder(limits).push(Uint8Array.from(parts.flat()));

function errorOf(decoder: ChunkDecoder, ...parts: readonly number[][]): ProtocolError | LimitError {
  try {
    decoder.push(Uint8Array.from(parts.flat()));
  } catch (error) {
    if (error instanceof ProtocolError || error instanceof LimitError) return error;
    throw error;
  }
  throw new Error('the decoder took it');
}

const protocolErrorOf = (...parts: readonly number[][]): ProtocolError => {
  const error = errorOf(new ChunkDecoder(limits), ...parts);
  if (error instanceof ProtocolError) return error;
  throw error;
};

/** Payload that is told from headers and timestamps at a glance. */
const body = (length: number, seed = 0): number[] => Array.from({ length }, (_, i) => 0x80 | ((i + seed) & 0x7f));

const timesOf = (messages: readonly RtmpMessage[]): number[] => messages.map((message) => message.timestampMs);

describe('ChunkDecoder and message headers', () => {
  it('reads type, message stream (lowest byte first), timestamp and payload of a type-0 chunk', () => {
    expect(
      decode(type0({ chunkStreamId: 4, time: 1_234, length: 3, typeId: 8, messageStreamId: 0x01020304 }), body(3)),
    ).toStrictEqual([
      { typeId: 8, messageStreamId: 0x01020304, timestampMs: 1_234, payload: Uint8Array.from(body(3)) },
    ]);
  });

  it('takes every form of a chunk stream id, also a longer one than needed', () => {
    for (const [id, form] of [
      [2, 1],
      [63, 1],
      [64, 2],
      [319, 2],
      [64, 3],
      [320, 3],
      [65_599, 3],
    ] as const) {
      const decoder = new ChunkDecoder(limits);
      const header = [...basicHeader(0, id, form), ...uint24(7), ...uint24(200), 9, 1, 0, 0, 0];
      const messages = decoder.push(
        Uint8Array.from([...header, ...body(128), ...basicHeader(3, id, form), ...body(72, 128)]),
      );
      expect(messages).toHaveLength(1);
      expect(messages[0]?.payload).toStrictEqual(Uint8Array.from(body(200)));
    }
  });

  it('knows a chunk stream by its id, not by the form in which the id is written', () => {
    const messages = decode(
      [...basicHeader(0, 100, 2), ...uint24(0), ...uint24(129), 9, 1, 0, 0, 0, ...body(128)],
      [...basicHeader(3, 100, 3), ...body(1, 128)],
    );
    expect(messages[0]?.payload).toStrictEqual(Uint8Array.from(body(129)));
  });

  it('adds the deltas of types 1 and 2, and repeats the last delta for a type-3 chunk that begins a message', () => {
    const messages = decode(
      [...type0({ chunkStreamId: 5, time: 1_000, length: 1 }), ...body(1)],
      [...type1({ chunkStreamId: 5, time: 40, length: 2, typeId: 8 }), ...body(2)],
      [...type2({ chunkStreamId: 5, time: 23 }), ...body(2)],
      [...type3(5), ...body(2)],
      [...type3(5), ...body(2)],
    );
    expect(timesOf(messages)).toStrictEqual([1_000, 1_040, 1_063, 1_086, 1_109]);
    expect(messages.map((message) => message.typeId)).toStrictEqual([9, 8, 8, 8, 8]);
    expect(messages.map((message) => message.payload.length)).toStrictEqual([1, 2, 2, 2, 2]);
    expect(messages.every((message) => message.messageStreamId === 1)).toBe(true);
  });

  it('takes the timestamp of type 0 for the delta of a following type 3, as ffmpeg writes it', () => {
    const messages = decode([...type0({ chunkStreamId: 4, time: 23, length: 1 }), 1], [...type3(4), 2]);
    expect(timesOf(messages)).toStrictEqual([23, 46]);
  });

  it('does not add a delta for a type-3 chunk that goes on with a message', () => {
    const messages = decode(
      [...type0({ chunkStreamId: 5, time: 10, length: 0 })],
      [...type1({ chunkStreamId: 5, time: 5, length: 300 }), ...body(128), ...type3(5), ...body(128)],
      [...type3(5), ...body(44), ...type3(5), ...body(128), ...type3(5), ...body(128), ...type3(5), ...body(44)],
    );
    expect(timesOf(messages)).toStrictEqual([10, 15, 20]);
  });

  it('wraps timestamps at 2^32', () => {
    const messages = decode(
      [...type0({ chunkStreamId: 5, time: 0xffff_ffff, length: 1 }), 1],
      [...type2({ chunkStreamId: 5, time: 41 }), 2],
      [...type3(5), 3],
    );
    expect(timesOf(messages)).toStrictEqual([0xffff_ffff, 40, 81]);
  });

  it('hands out messages of length 0, of any type of header', () => {
    const messages = decode(
      type0({ chunkStreamId: 5, time: 1, length: 0 }),
      type3(5),
      type2({ chunkStreamId: 5, time: 2 }),
      type1({ chunkStreamId: 5, time: 3, length: 0, typeId: 18 }),
    );
    expect(timesOf(messages)).toStrictEqual([1, 2, 4, 7]);
    expect(messages.every((message) => message.payload.length === 0)).toBe(true);
  });

  it('begins chunk stream 2 with type 1, as librtmp does with an acknowledgement or a ping answer', () => {
    const messages = decode([0x42, 0, 0, 0, 0, 0, 6, 4, 0, 7, 0, 0, 0x0d, 0x0f]);
    expect(messages).toStrictEqual([
      { typeId: 4, messageStreamId: 0, timestampMs: 0, payload: Uint8Array.of(0, 7, 0, 0, 0x0d, 0x0f) },
    ]);
  });
});

describe('ChunkDecoder and extended timestamps', () => {
  const times = [0xff_ff_fe, 0xff_ff_ff, 0x01_00_00_00, 0x12_34_56_78, 0xff_ff_ff_ff];

  it.each(times)('reads the timestamp %d', (time) => {
    const messages = decode([...type0({ chunkStreamId: 6, time, length: 2 }), ...body(2)]);
    expect(timesOf(messages)).toStrictEqual([time]);
  });

  it.each(times)('goes on with a message at %d whether type-3 chunks repeat the field or not', (time) => {
    const length = 300;
    const begin = [...type0({ chunkStreamId: 6, time, length }), ...body(128)];
    const repeated = time >= 0xff_ff_ff ? time : undefined;
    const fromFfmpeg = decode(
      [...begin, ...type3(6, repeated), ...body(128, 128)],
      [...type3(6, repeated), ...body(44, 256)],
    );
    // The top bytes of the timestamps are 0, 1, 18 and 255; here the payload begins with none of them.
    const fromLibrtmp = decode([...begin, ...type3(6), ...body(128, 128), ...type3(6), ...body(44, 256)]);
    for (const messages of [fromFfmpeg, fromLibrtmp]) {
      expect(timesOf(messages)).toStrictEqual([time]);
      expect(messages[0]?.payload).toStrictEqual(Uint8Array.from(body(length)));
    }
  });

  it('does not wait for four bytes when the last chunk holds fewer and they are no timestamp', () => {
    for (const last of [1, 2, 3]) {
      const messages = decode(
        [...type0({ chunkStreamId: 6, time: 0x01_02_03_04, length: 128 + last }), ...body(128)],
        [...type3(6), ...body(last, 128)],
      );
      expect(messages[0]?.payload).toStrictEqual(Uint8Array.from(body(128 + last)));
    }
  });

  it('takes back a field that turned out to be payload at its last byte, and the chunk behind it', () => {
    // Payload 01 02 03 looks like the timestamp until the next header's 05 stands where 04 would.
    const stream = [
      ...type0({ chunkStreamId: 6, time: 0x01_02_03_04, length: 131 }),
      ...body(128),
      ...type3(6, 0x01_02_03_04).slice(0, -1),
      ...type0({ chunkStreamId: 5, time: 5, length: 1, typeId: 8 }),
      0x55,
    ];
    const decoder = new ChunkDecoder(limits);
    const messages = stream.flatMap((byte) => kept(decoder.push(Uint8Array.of(byte))));
    expect(messages.map((message) => [...message.payload.subarray(-3)])).toStrictEqual([[1, 2, 3], [0x55]]);
    expect(messages).toStrictEqual(decode(stream));
  });

  it('reads the delta of types 1 and 2 from the field too, and repeats it', () => {
    const delta = 0x01_00_00_01;
    const messages = decode(
      [...type0({ chunkStreamId: 6, time: 10, length: 1 }), 1],
      [...type1({ chunkStreamId: 6, time: delta, length: 1 }), 2],
      [...type2({ chunkStreamId: 6, time: delta }), 3],
      [...type3(6, delta), 4],
      [...type3(6), 5],
    );
    expect(timesOf(messages)).toStrictEqual([0, 1, 2, 3, 4].map((n) => 10 + n * delta));
    expect(messages.map((message) => [...message.payload])).toStrictEqual([[1], [2], [3], [4], [5]]);
  });

  it('knows the timestamp of the message for what is repeated, after a delta in the field', () => {
    const delta = 0x01_00_00_01;
    const messages = decode(
      [...type0({ chunkStreamId: 6, time: 0x10, length: 1 }), 1],
      [...type1({ chunkStreamId: 6, time: delta, length: 130 }), ...body(128)],
      [...type3(6, 0x10 + delta), ...body(2, 128)],
    );
    expect(messages[1]?.payload).toStrictEqual(Uint8Array.from(body(130)));
  });

  it('expects no field any more after a header without one', () => {
    const messages = decode(
      [...type0({ chunkStreamId: 6, time: 0x01_00_00_00, length: 1 }), 1],
      [...type1({ chunkStreamId: 6, time: 5, length: 132 }), ...body(128)],
      [...type3(6), 1, 0, 0, 0],
    );
    expect(messages[1]?.payload.subarray(128)).toStrictEqual(Uint8Array.of(1, 0, 0, 0));
  });
});

describe('ChunkDecoder and control messages', () => {
  const control = (typeId: number, payload: number[]): number[] => [
    ...type0({ chunkStreamId: 2, time: 0, length: payload.length, typeId, messageStreamId: 0 }),
    ...payload,
  ];

  it('follows Set Chunk Size at once, also between the chunks of another message', () => {
    const messages = decode(
      [...type0({ chunkStreamId: 6, time: 0, length: 400 }), ...body(128)],
      control(messageType.setChunkSize, uint32(200)),
      [...type3(6), ...body(200, 128), ...type3(6), ...body(72, 328)],
    );
    expect(messages.map((message) => message.typeId)).toStrictEqual([messageType.setChunkSize, 9]);
    expect(messages[1]?.payload).toStrictEqual(Uint8Array.from(body(400)));
  });

  it('takes a chunk size of 1', () => {
    const messages = decode(control(messageType.setChunkSize, uint32(1)), [
      ...type0({ chunkStreamId: 6, time: 0, length: 3 }),
      1,
      ...type3(6),
      2,
      ...type3(6),
      3,
    ]);
    expect(messages[1]?.payload).toStrictEqual(Uint8Array.of(1, 2, 3));
  });

  it('takes a chunk size beyond 0xFFFFFF for one that no message reaches (§5.4.1)', () => {
    const messages = decode(control(messageType.setChunkSize, uint32(0x7fff_ffff)), [
      ...type0({ chunkStreamId: 6, time: 0, length: 70_000 }),
      ...body(70_000),
    ]);
    expect(messages[1]?.payload).toHaveLength(70_000);
  });

  it.each([
    ['0', uint32(0), 'RTMP_CHUNK_SIZE'],
    ['with the first bit set', uint32(0x8000_0080), 'RTMP_CHUNK_SIZE'],
    ['without a payload', [], 'RTMP_CONTROL_LENGTH'],
    ['of three bytes', [0, 1, 0], 'RTMP_CONTROL_LENGTH'],
    ['of five bytes', [0, 0, 1, 0, 0], 'RTMP_CONTROL_LENGTH'],
  ])('refuses a Set Chunk Size %s', (_, payload, code) => {
    expect(protocolErrorOf(control(messageType.setChunkSize, payload)).code).toBe(code);
  });

  it('drops the unfinished message that Abort names, and its memory', () => {
    const decoder = new ChunkDecoder(limits);
    decoder.push(Uint8Array.from([...type0({ chunkStreamId: 6, time: 50, length: 300 }), ...body(128)]));
    expect(decoder.bufferedBytes).toBeGreaterThan(0);
    const aborted = decoder.push(Uint8Array.from(control(messageType.abort, uint32(6))));
    expect(aborted.map((message) => message.typeId)).toStrictEqual([messageType.abort]);
    expect(decoder.bufferedBytes).toBe(0);
    const next = decoder.push(Uint8Array.from([...type1({ chunkStreamId: 6, time: 7, length: 2 }), ...body(2)]));
    expect(next[0]).toMatchObject({ timestampMs: 57, payload: Uint8Array.from(body(2)) });
  });

  it('takes an Abort for a chunk stream that is idle or unknown as done', () => {
    expect(decode(control(messageType.abort, uint32(6)), control(messageType.abort, uint32(2)))).toHaveLength(2);
  });

  it('refuses an Abort of the wrong length', () => {
    expect(protocolErrorOf(control(messageType.abort, [])).code).toBe('RTMP_CONTROL_LENGTH');
  });
});

describe('ChunkDecoder and hostile input', () => {
  it.each([1, 2, 3])('refuses a chunk of type %d before any of type 0, and says where', (format) => {
    const first = [...type0({ chunkStreamId: 4, time: 0, length: 1 }), 1];
    const error = protocolErrorOf(first, [...basicHeader(format, 6), ...uint24(0), ...uint24(1), 9, 0, 0]);
    expect(error.code).toBe('RTMP_CHUNK_HEADER');
    expect(error.byteOffset).toBe(first.length);
    expect(error.section).toBe('RTMP 1.0 §5.3.1.2.1');
  });

  it('says the same offset however the bytes came', () => {
    const stream = [...type0({ chunkStreamId: 400, time: 0, length: 1 }), 1, ...basicHeader(2, 500), 0, 0, 0];
    const decoder = new ChunkDecoder(limits);
    const bytewise = (): void => stream.forEach((byte) => decoder.push(Uint8Array.of(byte)));
    expect(bytewise).toThrow(/at byte 15 /);
    expect(protocolErrorOf(stream).byteOffset).toBe(15);
  });

  it('refuses types 2 and 3 on a fresh chunk stream 2 as well', () => {
    expect(protocolErrorOf(type2({ chunkStreamId: 2, time: 0 })).code).toBe('RTMP_CHUNK_HEADER');
    expect(protocolErrorOf(type3(2)).code).toBe('RTMP_CHUNK_HEADER');
  });

  it('refuses a new header in the middle of a message', () => {
    for (const header of [type0, type1, type2]) {
      const error = protocolErrorOf(
        [...type0({ chunkStreamId: 6, time: 0, length: 300 }), ...body(128)],
        header({ chunkStreamId: 6, time: 0, length: 300 }),
      );
      expect(error.message).toContain('128 of 300 bytes');
    }
  });

  it('refuses a message longer than the limit when it is announced, and names the setting', () => {
    const decoder = new ChunkDecoder({ ...limits, maxMessageSetting: 'origin.rtmp.maxMessage' });
    const error = errorOf(decoder, type0({ chunkStreamId: 6, time: 0, length: 1_000_001 }));
    expect(error).toBeInstanceOf(LimitError);
    expect(error.message).toBe(
      'RTMP_MESSAGE_TOO_LARGE: the peer announced a message on chunk stream 6: 1000001, limit 1000000 (setting origin.rtmp.maxMessage)',
    );
    expect(decode(type0({ chunkStreamId: 6, time: 0, length: 1_000_000 }))).toStrictEqual([]);
  });

  it('holds little for messages of 0xFFFFFF announced on 60 chunk streams', () => {
    const decoder = new ChunkDecoder({ ...limits, maxMessageBytes: 0xff_ff_ff, maxBufferedBytes: 0x1_ff_ff_ff });
    for (let id = 3; id < 63; id++) {
      decoder.push(Uint8Array.from([...type0({ chunkStreamId: id, time: 0, length: 0xff_ff_ff }), ...body(128)]));
    }
    expect(decoder.bufferedBytes).toBeLessThanOrEqual(60 * 16_384);
  });

  it('ends in a LimitError when unfinished messages exceed the budget, however they are spread', () => {
    const decoder = new ChunkDecoder({ ...limits, maxBufferedBytes: 1_000_000 });
    const chunks = (id: number): Uint8Array => Uint8Array.from([...type3(id), ...body(128)]);
    const fill = (): void => {
      for (let id = 3; id < 23; id++) {
        decoder.push(Uint8Array.from([...type0({ chunkStreamId: id, time: 0, length: 900_000 }), ...body(128)]));
      }
      for (let round = 0; round < 1_000; round++) for (let id = 3; id < 23; id++) decoder.push(chunks(id));
    };
    expect(fill).toThrow(LimitError);
    expect(fill).toThrow(/RTMP_BUFFER_FULL/);
  });

  it('gives the budget back with each message that is finished', () => {
    const decoder = new ChunkDecoder({ ...limits, maxMessageBytes: 1_000, maxBufferedBytes: 1_000 });
    for (let i = 0; i < 50; i++) {
      const whole = [...type0({ chunkStreamId: 6, time: i, length: 200 }), ...body(128), ...type3(6), ...body(72)];
      expect(decoder.push(Uint8Array.from(whole))).toHaveLength(1);
      expect(decoder.bufferedBytes).toBe(0);
    }
  });

  it('refuses one chunk stream more than allowed', () => {
    const decoder = new ChunkDecoder({ ...limits, maxChunkStreams: 3 });
    for (const id of [3, 4, 500]) decoder.push(Uint8Array.from(type0({ chunkStreamId: id, time: 0, length: 0 })));
    const error = errorOf(decoder, type0({ chunkStreamId: 5, time: 0, length: 0 }));
    expect(error.code).toBe('RTMP_CHUNK_STREAMS');
  });

  it('throws the same error at every call after the first', () => {
    const decoder = new ChunkDecoder(limits);
    const error = errorOf(decoder, type3(9));
    expect(errorOf(decoder, type0({ chunkStreamId: 3, time: 0, length: 0 }))).toBe(error);
    expect(errorOf(decoder, [])).toBe(error);
  });

  it('hands out payloads that the next piece in the same buffer does not change', () => {
    const decoder = new ChunkDecoder(limits);
    const buffer = Uint8Array.from([...type0({ chunkStreamId: 6, time: 0, length: 5 }), 1, 2, 3, 4, 5]);
    const [message] = decoder.push(buffer);
    buffer.fill(0xee);
    expect(message?.payload).toStrictEqual(Uint8Array.of(1, 2, 3, 4, 5));
    expect(message?.payload.buffer.byteLength).toBe(5);
  });
});
