import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LimitError, ProtocolError } from '../../../src/base/errors.ts';
import { ChunkDecoder, type ChunkDecoderLimits } from '../../../src/formats/rtmp/chunk-decoder.ts';
import { ChunkEncoder } from '../../../src/formats/rtmp/chunk-encoder.ts';
import { encodeControlMessage } from '../../../src/formats/rtmp/control-message.ts';
import type { RtmpMessage } from '../../../src/formats/rtmp/message.ts';
import { type0, type1, type2, type3 } from './chunk-writer.ts';
import { kept } from './kept-messages.ts';

const limits: ChunkDecoderLimits = { maxMessageBytes: 100_000, maxBufferedBytes: 1_000_000, maxChunkStreams: 64 };

const chunkStreamId = fc.constantFrom(2, 3, 63, 64, 65, 319, 320, 65_599);
const timestampMs = fc.oneof(
  fc.nat(1_000),
  fc.integer({ min: 0xff_ff_fc, max: 0x01_00_00_03 }),
  fc.integer({ min: 0xff_ff_ff_f0, max: 0xff_ff_ff_ff }),
  fc.nat(0xff_ff_ff_ff),
);
const mediaType = fc.constantFrom(8, 9, 18, 20, 22, 200);

/** Lengths around those where something changes. */
const lengthAround = (chunkSize: number): fc.Arbitrary<number> =>
  fc.oneof(
    fc.constantFrom(0, 1, chunkSize - 1, chunkSize, chunkSize + 1, 2 * chunkSize, 2 * chunkSize + 1),
    fc.nat(Math.min(3 * chunkSize, 1_000)),
  );

const payloadOf = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length });

/** Bytes in pieces of the given lengths, over and over. */
function decodeInPieces(bytes: Uint8Array, lengths: readonly number[]): RtmpMessage[] {
  const decoder = new ChunkDecoder(limits);
  const messages: RtmpMessage[] = [];
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const length = lengths[turn % lengths.length] ?? 1;
    // A buffer that is used again, as a socket's is: a `Buffer`, whose `slice` would be a view.
    const piece = Buffer.from(bytes.subarray(at, at + length));
    messages.push(...kept(decoder.push(piece)));
    piece.fill(0xaa);
    at += length;
  }
  return messages;
}

const concatenate = (parts: readonly Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]));

describe('ChunkEncoder and ChunkDecoder', () => {
  it('give back the messages, for all lengths around the chunk size, id forms, timestamps and pieces', () => {
    const sent = fc.constantFrom(1, 2, 128, 4_096).chain((chunkSize) =>
      fc.tuple(
        fc.constant(chunkSize),
        fc.array(
          fc
            .tuple(chunkStreamId, mediaType, fc.nat(0xff_ff_ff_ff), timestampMs, lengthAround(chunkSize))
            .chain(([id, typeId, messageStreamId, time, length]) =>
              fc.tuple(
                fc.constant(id),
                payloadOf(length).map((payload) => ({ typeId, messageStreamId, timestampMs: time, payload })),
              ),
            ),
          { maxLength: 4 },
        ),
        fc.array(fc.integer({ min: 1, max: 2_000 }), { minLength: 1, maxLength: 4 }),
      ),
    );
    fc.assert(
      fc.property(sent, ([chunkSize, messages, pieces]) => {
        const encoder = new ChunkEncoder();
        const setChunkSize = encodeControlMessage({ kind: 'set-chunk-size', chunkBytes: chunkSize });
        const parts = [encoder.encode(setChunkSize, 2)];
        encoder.setChunkSize(chunkSize);
        for (const [id, message] of messages) parts.push(encoder.encode(message, id));
        const expected = [setChunkSize, ...messages.map(([, message]) => message)];
        const bytes = concatenate(parts);
        expect(decodeInPieces(bytes, [bytes.length])).toStrictEqual(expected);
        expect(decodeInPieces(bytes, pieces)).toStrictEqual(expected);
      }),
      { numRuns: 150 },
    );
  });
});

/** One message as a peer might chunk it: with the shortest headers or not, with repeated timestamps or not. */
interface Step {
  readonly id: number;
  readonly format: 0 | 1 | 2 | 3;
  readonly time: number;
  readonly length: number;
  readonly typeId: number;
  readonly repeat: boolean;
}

const step: fc.Arbitrary<Step> = fc.record({
  id: fc.constantFrom(3, 64, 320),
  format: fc.constantFrom(0, 1, 2, 3),
  time: timestampMs,
  length: lengthAround(128),
  typeId: mediaType,
  repeat: fc.boolean(),
});

interface WriterState {
  timestampMs: number;
  delta: number;
  length: number;
  typeId: number;
}

/** What a peer sends for these messages, and what is to be read from it. The chunks of one message, one after another. */
function write(steps: readonly Step[]): { id: number; chunks: number[][]; message: RtmpMessage }[] {
  const states = new Map<number, WriterState>();
  return steps.map(({ id, time, repeat, ...step }, index) => {
    const before = states.get(id);
    const format = before === undefined ? 0 : step.format;
    const delta = format === 3 ? (before?.delta ?? 0) : time;
    const timestamp = format === 0 ? time : ((before?.timestampMs ?? 0) + delta) >>> 0;
    const length = format < 2 ? step.length : (before?.length ?? 0);
    const typeId = format < 2 ? step.typeId : (before?.typeId ?? 0);
    states.set(id, { timestampMs: timestamp, delta, length, typeId });
    const extended = delta >= 0xff_ff_ff && repeat ? delta : undefined;
    const header = { chunkStreamId: id, time, length, typeId };
    const first = format === 3 ? type3(id, extended) : [type0, type1, type2][format]?.(header);
    // Payload never begins like one of the timestamps here, which begin with 0 to 0x7f or 0xff: a writer that leaves
    // the field out and such a payload could not be told apart by anybody.
    const payload = Uint8Array.from({ length }, (_, i) => 0x80 | ((i + index * 31) % 0x7e));
    const chunks = [[...(first ?? []), ...payload.subarray(0, 128)]];
    for (let at = 128; at < length; at += 128) {
      chunks.push([...type3(id, extended), ...payload.subarray(at, at + 128)]);
    }
    return { id, chunks, message: { typeId, messageStreamId: 1, timestampMs: timestamp, payload } };
  });
}

/** Lets chunk streams take turns, as `turns` says; each keeps its own order. */
function interleave(
  written: ReturnType<typeof write>,
  turns: readonly number[],
): { bytes: Uint8Array; messages: RtmpMessage[] } {
  const queues = [...Map.groupBy(written, ({ id }) => id).values()].map((messages) =>
    messages.flatMap(({ chunks, message }) =>
      chunks.map((chunk, index) => ({ chunk, ends: index === chunks.length - 1 ? message : undefined })),
    ),
  );
  const bytes: number[] = [];
  const messages: RtmpMessage[] = [];
  for (let turn = 0; queues.some((queue) => queue.length > 0); turn++) {
    const waiting = queues.filter((queue) => queue.length > 0);
    const next = waiting[(turns[turn % turns.length] ?? 0) % waiting.length]?.shift();
    if (next === undefined) continue;
    bytes.push(...next.chunk);
    if (next.ends !== undefined) messages.push(next.ends);
  }
  // A last message without anything in it might still turn out to repeat its timestamp; what follows makes it plain.
  bytes.push(...type0({ chunkStreamId: 62, time: 1, length: 0, typeId: 8 }));
  messages.push({ typeId: 8, messageStreamId: 1, timestampMs: 1, payload: new Uint8Array(0) });
  return { bytes: Uint8Array.from(bytes), messages };
}

const topByteBelow0x80 = (steps: readonly Step[]): Step[] =>
  steps.map((step) => ({ ...step, time: step.time >= 0x8000_0000 ? (step.time | 0xff00_0000) >>> 0 : step.time }));

describe('ChunkDecoder', () => {
  const streams = fc.tuple(
    fc.array(step, { minLength: 1, maxLength: 8 }).map(topByteBelow0x80).map(write),
    fc.array(fc.nat(2), { minLength: 1, maxLength: 10 }),
  );

  it('puts interleaved messages together in all header types, with and without repeated timestamps', () => {
    fc.assert(
      fc.property(streams, ([written, turns]) => {
        const { bytes, messages } = interleave(written, turns);
        expect(decodeInPieces(bytes, [bytes.length])).toStrictEqual(messages);
      }),
      { numRuns: 500 },
    );
  });

  it('gives the same messages for every split in two, and byte by byte', () => {
    fc.assert(
      fc.property(streams, ([written, turns]) => {
        const { bytes, messages } = interleave(written, turns);
        for (let at = 1; at < bytes.length; at++) {
          const decoder = new ChunkDecoder(limits);
          const got = [...kept(decoder.push(bytes.subarray(0, at))), ...kept(decoder.push(bytes.subarray(at)))];
          // Deep comparison of all splits would take minutes; a difference shows in these.
          expect(got.length).toBe(messages.length);
          for (const [index, message] of got.entries()) {
            const expected = messages[index];
            const same =
              expected?.timestampMs === message.timestampMs &&
              expected.typeId === message.typeId &&
              expected.payload.length === message.payload.length &&
              expected.payload.every((byte, i) => byte === message.payload[i]);
            if (!same) expect({ at, message }).toStrictEqual({ at, message: expected });
          }
        }
        expect(decodeInPieces(bytes, [1])).toStrictEqual(messages);
      }),
      { numRuns: 25 },
    );
  });

  it('gives the same messages for any pieces', () => {
    const pieces = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 10 });
    fc.assert(
      fc.property(streams, pieces, ([written, turns], lengths) => {
        const { bytes, messages } = interleave(written, turns);
        expect(decodeInPieces(bytes, lengths)).toStrictEqual(messages);
      }),
      { numRuns: 300 },
    );
  });

  it('throws nothing but ProtocolError and LimitError for garbage, and the same for every way it comes', () => {
    const likely = fc.oneof(fc.nat(255), fc.constantFrom(0, 0, 0, 1, 2, 3, 0x43, 0x83, 0xc3, 0xff));
    const garbage = fc.array(likely, { maxLength: 400 }).map((bytes) => Uint8Array.from(bytes));
    const outcome = (bytes: Uint8Array, length: number): string => {
      const small = { maxMessageBytes: 5_000, maxBufferedBytes: 5_000, maxChunkStreams: 5 };
      const decoder = new ChunkDecoder(small);
      try {
        for (let at = 0; at < bytes.length; at += length) decoder.push(bytes.subarray(at, at + length));
        return 'taken';
      } catch (error) {
        if (error instanceof ProtocolError || error instanceof LimitError) return error.message;
        throw error;
      }
    };
    fc.assert(
      fc.property(garbage, fc.integer({ min: 1, max: 50 }), (bytes, length) => {
        // Value and moment of LimitErrors about memory depend on how much came at once.
        const whole = outcome(bytes, 1_000).replace(/full.*/i, '');
        expect(outcome(bytes, length).replace(/full.*/i, '')).toBe(whole);
      }),
      { numRuns: 3_000 },
    );
  });
});
