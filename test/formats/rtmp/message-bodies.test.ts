import { describe, expect, it } from 'vitest';
import { ChunkDecoder } from '../../../src/formats/rtmp/chunk-decoder.ts';
import { MessageBodies } from '../../../src/formats/rtmp/message-bodies.ts';
import { type0, type3 } from './chunk-writer.ts';

const body = (length: number): number[] => Array.from({ length }, (_, i) => 0x80 | (i & 0x7f));
const mebibyte = 1_048_576;
const limits = { maxMessageBytes: 8 * mebibyte, maxBufferedBytes: 16 * mebibyte, maxChunkStreams: 64 };

/** One message in chunks of 128 bytes. */
function message(chunkStreamId: number, length: number): Uint8Array {
  const bytes = [...type0({ chunkStreamId, time: 0, length }), ...body(Math.min(128, length))];
  for (let at = 128; at < length; at += 128) bytes.push(...type3(chunkStreamId), ...body(Math.min(128, length - at)));
  return Uint8Array.from(bytes);
}

describe('MessageBodies', () => {
  it('gives what comes back for messages of about that length', () => {
    const bodies = new MessageBodies(limits.maxBufferedBytes);
    const first = bodies.take(5_000, 5_000);
    expect(first).toHaveLength(8_192);
    bodies.give(first);
    expect(bodies.take(7_000, 7_000)).toBe(first);
    expect(bodies.take(7_000, 7_000)).not.toBe(first);
  });

  it('gives memory for all of a message only where it is there, and else for what has come of it', () => {
    const bodies = new MessageBodies(limits.maxBufferedBytes);
    expect(bodies.take(16_384, 500_000)).toHaveLength(16_384);
    bodies.give(bodies.take(500_000, 500_000));
    expect(bodies.take(16_384, 500_000)).toHaveLength(524_288);
  });

  it('keeps 2 MiB at most, and what is large only beside what is small', () => {
    const bodies = new MessageBodies(limits.maxBufferedBytes);
    const small = bodies.take(300, 300);
    const large = [1, 2, 3].map(() => bodies.take(mebibyte, mebibyte));
    for (const taken of [...large, small]) bodies.give(taken);
    expect(bodies.spareBytes).toBe(mebibyte + 512);
    expect(bodies.take(300, 300)).toBe(small);
  });

  it('keeps nothing of more than a mebibyte, and nothing that lies in the heap', () => {
    const bodies = new MessageBodies(limits.maxBufferedBytes);
    for (const length of [mebibyte + 1, 8 * mebibyte, 64, 1]) bodies.give(bodies.take(length, length));
    expect(bodies.spareBytes).toBe(0);
  });
});

describe('ChunkDecoder and the memory of its messages', () => {
  it('has the same memory for one message after the other', () => {
    const decoder = new ChunkDecoder(limits);
    const buffers = new Set<ArrayBufferLike>();
    for (let n = 0; n < 200; n++) {
      for (const { payload } of decoder.push(message(6, 20_000 + (n % 50)))) buffers.add(payload.buffer);
      for (const { payload } of decoder.push(message(4, 300 + (n % 50)))) buffers.add(payload.buffer);
    }
    expect(buffers.size).toBe(2);
  });

  it('hands out bodies that are there until the next call, however many end in one piece', () => {
    const decoder = new ChunkDecoder(limits);
    for (let round = 0; round < 3; round++) {
      const messages = decoder.push(Uint8Array.from([100, 200, 3_000, 100].flatMap((n) => [...message(6, n)])));
      expect(messages.map(({ payload }) => [...payload])).toEqual([100, 200, 3_000, 100].map((n) => bodyOf(n)));
    }
  });

  it('keeps little after thousands of tiny messages, and after one of 8 MiB nothing of it', () => {
    const decoder = new ChunkDecoder(limits);
    const tiny = message(6, 130);
    decoder.push(Uint8Array.from(Array.from({ length: 5_000 }, () => [...tiny]).flat()));
    decoder.push(message(6, 8 * mebibyte));
    decoder.push(new Uint8Array(0));
    expect(decoder.bufferedBytes).toBe(0);
    expect(decoder.spareBytes).toBeLessThanOrEqual(2 * mebibyte);
  });
});

/** What `message` carries: each chunk begins anew. */
function bodyOf(length: number): number[] {
  const bytes: number[] = [];
  for (let at = 0; at < length; at += 128) bytes.push(...body(Math.min(128, length - at)));
  return bytes;
}
