import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProtocolError } from '../../../src/base/errors.ts';
import {
  type ControlMessage,
  decodeControlMessage,
  encodeControlMessage,
  isControlMessage,
} from '../../../src/formats/rtmp/control-message.ts';

const message = (typeId: number, ...payload: number[]) => ({
  typeId,
  messageStreamId: 0,
  timestampMs: 0,
  payload: Uint8Array.from(payload),
});

const uint32 = fc.nat(0xff_ff_ff_ff);
const control: fc.Arbitrary<ControlMessage> = fc.oneof(
  fc.record({ kind: fc.constant('set-chunk-size'), chunkBytes: fc.integer({ min: 1, max: 0xff_ff_ff }) }),
  fc.record({ kind: fc.constant('abort'), chunkStreamId: uint32 }),
  fc.record({ kind: fc.constant('acknowledgement'), receivedBytes: uint32 }),
  fc.record({ kind: fc.constant('window-acknowledgement-size'), windowBytes: uint32 }),
  fc.record({
    kind: fc.constant('set-peer-bandwidth'),
    windowBytes: uint32,
    limitType: fc.constantFrom('hard', 'soft', 'dynamic'),
  }),
  fc.record({
    kind: fc.constant('user-control'),
    event: fc.oneof(
      fc.record({
        kind: fc.constantFrom('stream-begin', 'stream-eof', 'stream-dry', 'stream-is-recorded'),
        messageStreamId: uint32,
      }),
      fc.record({ kind: fc.constant('set-buffer-length'), messageStreamId: uint32, bufferMs: uint32 }),
      fc.record({ kind: fc.constantFrom('ping-request', 'ping-response'), timestampMs: uint32 }),
      fc.record({
        kind: fc.constant('other'),
        eventType: fc.integer({ min: 8, max: 0xffff }),
        data: fc.uint8Array({ maxLength: 20 }),
      }),
    ),
  }),
);

describe('encodeControlMessage and decodeControlMessage', () => {
  it('give back every control message', () => {
    fc.assert(
      fc.property(control, (value) => {
        const encoded = encodeControlMessage(value);
        expect(isControlMessage(encoded)).toBe(true);
        expect(encoded).toMatchObject({ messageStreamId: 0, timestampMs: 0 });
        expect(decodeControlMessage(encoded)).toEqual(value);
      }),
    );
  });

  it('write the bytes of the specification', () => {
    expect(encodeControlMessage({ kind: 'set-chunk-size', chunkBytes: 0x01_02_03 })).toStrictEqual(
      message(1, 0, 1, 2, 3),
    );
    expect(
      encodeControlMessage({ kind: 'set-peer-bandwidth', windowBytes: 2_500_000, limitType: 'dynamic' }),
    ).toStrictEqual(message(6, 0, 0x26, 0x25, 0xa0, 2));
    const bufferLength = { kind: 'set-buffer-length', messageStreamId: 1, bufferMs: 3_000 } as const;
    expect(encodeControlMessage({ kind: 'user-control', event: bufferLength })).toStrictEqual(
      message(4, 0, 3, 0, 0, 0, 1, 0, 0, 0x0b, 0xb8),
    );
    const ping = { kind: 'ping-request', timestampMs: 5 } as const;
    expect(encodeControlMessage({ kind: 'user-control', event: ping })).toStrictEqual(message(4, 0, 6, 0, 0, 0, 5));
  });
});

describe('decodeControlMessage', () => {
  it('takes a chunk size beyond 0xFFFFFF for 0xFFFFFF (§5.4.1)', () => {
    expect(decodeControlMessage(message(1, 0x7f, 0xff, 0xff, 0xff))).toStrictEqual({
      kind: 'set-chunk-size',
      chunkBytes: 0xff_ff_ff,
    });
  });

  it('refuses every wrong length', () => {
    const lengths = new Map([
      [1, 4],
      [2, 4],
      [3, 4],
      [5, 4],
      [6, 5],
    ]);
    for (const [typeId, right] of lengths) {
      for (let length = 0; length < 8; length++) {
        const payload = Array.from({ length }, () => 1);
        if (length === right) expect(decodeControlMessage(message(typeId, ...payload))).toBeDefined();
        else expect(() => decodeControlMessage(message(typeId, ...payload))).toThrow(ProtocolError);
      }
    }
  });

  it('refuses user control events of the wrong length', () => {
    for (const eventType of [0, 1, 2, 3, 4, 6, 7]) {
      const right = eventType === 3 ? 8 : 4;
      for (let length = 0; length < 10; length++) {
        const event = message(4, 0, eventType, ...Array.from({ length }, () => 1));
        if (length === right) expect(decodeControlMessage(event)).toMatchObject({ kind: 'user-control' });
        else expect(() => decodeControlMessage(event)).toThrow(ProtocolError);
      }
    }
    expect(() => decodeControlMessage(message(4))).toThrow(ProtocolError);
    expect(() => decodeControlMessage(message(4, 0))).toThrow(ProtocolError);
  });

  it('refuses an unknown limit type and a message of another type', () => {
    expect(() => decodeControlMessage(message(6, 0, 0, 0, 1, 3))).toThrow(/limit type 3/);
    expect(() => decodeControlMessage(message(8, 0, 0, 0, 1))).toThrow(ProtocolError);
    expect([0, 7, 8, 20].map((typeId) => isControlMessage(message(typeId)))).toStrictEqual([
      false,
      false,
      false,
      false,
    ]);
  });
});
