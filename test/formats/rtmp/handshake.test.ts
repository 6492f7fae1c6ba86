import { describe, expect, it } from 'vitest';
import { ProtocolError } from '../../../src/base/errors.ts';
import { ClientHandshake, handshakeRandomBytes, ServerHandshake } from '../../../src/formats/rtmp/handshake.ts';

const random = (seed: number) => (): Uint8Array =>
  Uint8Array.from({ length: handshakeRandomBytes }, (_, i) => (i * seed) & 0xff);

const c2 = new Uint8Array(1_536).fill(0x22);

/** What a handshake replied in all and what it left over, fed in pieces of at most `length` bytes. */
function run(handshake: ServerHandshake | ClientHandshake, bytes: Uint8Array, length: number) {
  const replies: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += length) {
    const { reply, rest } = handshake.push(bytes.subarray(at, at + length));
    if (reply !== undefined) replies.push(reply);
    if (rest !== undefined) return { replies, rest, fedBytes: Math.min(at + length, bytes.length) };
  }
  return { replies, rest: undefined, fedBytes: bytes.length };
}

const join = (...parts: readonly Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]));

describe('ServerHandshake', () => {
  const client = new ClientHandshake(random(3), 77);

  it('answers C0 and C1 with S0, S1 and an exact echo, and is done with C2', () => {
    const server = new ServerHandshake(random(5), 0x01020304);
    const first = server.push(client.start());
    expect(first.rest).toBeUndefined();
    const reply = first.reply ?? new Uint8Array(0);
    expect(reply).toHaveLength(1 + 1_536 + 1_536);
    // The version, the time, four zeros that say "no digest", the randomness, then C1 again.
    expect([...reply.subarray(0, 9)]).toStrictEqual([3, 1, 2, 3, 4, 0, 0, 0, 0]);
    expect(reply.subarray(9, 1_537)).toStrictEqual(random(5)());
    expect(reply.subarray(1_537)).toStrictEqual(client.start().subarray(1));
    expect(server.push(c2)).toStrictEqual({ reply: undefined, rest: new Uint8Array(0) });
  });

  it('gives the same for every split in two, and byte by byte', () => {
    const after = Uint8Array.of(1, 2, 3);
    const bytes = join(client.start(), c2, after);
    const doneAt = 1 + 2 * 1_536;
    const whole = run(new ServerHandshake(random(5)), bytes, bytes.length);
    expect(whole.rest).toStrictEqual(after);
    expect(whole.replies).toHaveLength(1);
    for (let at = 1; at < bytes.length; at++) {
      const server = new ServerHandshake(random(5));
      const steps = [server.push(bytes.subarray(0, at))];
      if (steps[0]?.rest === undefined) steps.push(server.push(bytes.subarray(at)));
      const replies = steps.flatMap(({ reply }) => (reply === undefined ? [] : [reply]));
      expect(replies).toHaveLength(1);
      expect(replies[0]?.every((byte, index) => byte === whole.replies[0]?.[index])).toBe(true);
      // Done within the first piece, or with the second.
      const expectedRest = at >= doneAt ? bytes.subarray(doneAt, at) : after;
      expect([...(steps.at(-1)?.rest ?? [])]).toStrictEqual([...expectedRest]);
    }
    const bytewise = run(new ServerHandshake(random(5)), bytes, 1);
    expect(bytewise.replies).toStrictEqual(whole.replies);
    expect(bytewise).toMatchObject({ rest: new Uint8Array(0), fedBytes: doneAt });
  });

  it('does nothing for a piece without bytes', () => {
    expect(new ServerHandshake(random(5)).push(new Uint8Array(0))).toStrictEqual({
      reply: undefined,
      rest: undefined,
    });
  });

  it.each([
    [0x47, 'as HTTP does'],
    [0x50, 'as HTTP does'],
    [0x16, 'as TLS does'],
    [6, 'RTMPE'],
    [0, '0x00'],
    [0xff, '0xff'],
  ])('refuses the first byte %d at once and says what it looks like', (byte, words) => {
    const push = (): unknown => new ServerHandshake(random(5)).push(Uint8Array.of(byte));
    expect(push).toThrow(ProtocolError);
    expect(push).toThrow(words);
  });

  it('wants exactly 1,528 random bytes', () => {
    const server = new ServerHandshake(() => new Uint8Array(1_536));
    expect(() => server.push(client.start())).toThrow(RangeError);
  });

  it('asks for them only when C1 is whole: a half-open handshake costs none', () => {
    let asked = 0;
    const server = new ServerHandshake(() => {
      asked++;
      return random(5)();
    });
    const bytes = client.start();
    server.push(bytes.subarray(0, 1_536));
    expect(asked).toBe(0);
    server.push(bytes.subarray(1_536));
    server.push(c2);
    expect(asked).toBe(1);
  });
});

describe('ClientHandshake', () => {
  it('and ServerHandshake come to an end, whatever the pieces', () => {
    for (const length of [1, 7, 1_536, 1_537, 5_000]) {
      const client = new ClientHandshake(random(3));
      const server = new ServerHandshake(random(5));
      const served = run(server, client.start(), length);
      const answered = run(client, join(...served.replies), length);
      expect(answered.rest).toStrictEqual(new Uint8Array(0));
      // C2 is an exact echo of S1.
      expect(answered.replies).toStrictEqual([served.replies[0]?.subarray(1, 1_537)]);
      expect(run(server, join(...answered.replies, Uint8Array.of(9)), 1_537).rest).toStrictEqual(Uint8Array.of(9));
    }
  });

  it('refuses another version', () => {
    expect(() => new ClientHandshake(random(3)).push(Uint8Array.of(72))).toThrow(ProtocolError);
  });
});
