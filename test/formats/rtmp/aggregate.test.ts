import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LimitError, ProtocolError } from '../../../src/base/errors.ts';
import { encodeFlvTag, type FlvTag } from '../../../src/formats/flv/flv-file.ts';
import { splitAggregate } from '../../../src/formats/rtmp/aggregate.ts';

// A part of an aggregate message is laid out as a tag of an FLV file.
const aggregate = (timestampMs: number, ...tags: readonly FlvTag[]) => ({
  typeId: 22,
  messageStreamId: 7,
  timestampMs,
  payload: Uint8Array.from(tags.flatMap((tag) => [...encodeFlvTag(tag)])),
});

const tag = (typeId: number, timestampMs: number, ...payload: number[]): FlvTag => ({
  typeId,
  timestampMs,
  payload: Uint8Array.from(payload),
});

describe('splitAggregate', () => {
  it('gives the messages on the message stream of the aggregate, the first at its timestamp', () => {
    const messages = splitAggregate(aggregate(5_000, tag(9, 100, 1, 2), tag(8, 123, 3), tag(18, 90)));
    expect(messages).toStrictEqual([
      { typeId: 9, messageStreamId: 7, timestampMs: 5_000, payload: Uint8Array.of(1, 2) },
      { typeId: 8, messageStreamId: 7, timestampMs: 5_023, payload: Uint8Array.of(3) },
      { typeId: 18, messageStreamId: 7, timestampMs: 4_990, payload: new Uint8Array(0) },
    ]);
  });

  it('keeps the distances of timestamps that wrap at 2^32', () => {
    const messages = splitAggregate(aggregate(0xff_ff_ff_f0, tag(9, 0xff_ff_ff_ff), tag(9, 9), tag(9, 30)));
    expect(messages.map(({ timestampMs }) => timestampMs)).toStrictEqual([0xff_ff_ff_f0, 0xff_ff_ff_fa, 15]);
  });

  it('does without the last back pointer', () => {
    const whole = aggregate(0, tag(8, 0, 1), tag(8, 1, 2));
    for (const missing of [1, 2, 3, 4]) {
      expect(splitAggregate({ ...whole, payload: whole.payload.subarray(0, -missing) })).toHaveLength(2);
    }
    expect(() => splitAggregate({ ...whole, payload: whole.payload.subarray(0, -5) })).toThrow(ProtocolError);
  });

  it('has nothing in it when it is empty', () => {
    expect(splitAggregate(aggregate(0))).toStrictEqual([]);
  });

  it('refuses what may not stand in an aggregate, another aggregate first of all', () => {
    for (const typeId of [0, 1, 2, 20, 17, 22]) {
      expect(() => splitAggregate(aggregate(0, tag(9, 0), tag(typeId, 0)))).toThrow(/at byte 15 /);
    }
  });

  it('refuses more than 4,096 messages', () => {
    const empty = Array.from({ length: 4_097 }, () => tag(8, 0));
    expect(splitAggregate(aggregate(0, ...empty.slice(1)))).toHaveLength(4_096);
    expect(() => splitAggregate(aggregate(0, ...empty))).toThrow(LimitError);
  });

  it('throws nothing but ProtocolError for garbage', () => {
    const likely = fc.array(fc.oneof(fc.constantFrom(0, 0, 8, 9, 18), fc.nat(255)), { maxLength: 100 });
    fc.assert(
      fc.property(likely, (bytes) => {
        try {
          splitAggregate({ ...aggregate(0), payload: Uint8Array.from(bytes) });
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
