import { joined } from '../../base/byte-pieces.ts';
import { ProtocolError } from '../../base/errors.ts';

/** Length of C1, S1, C2 and S2 (RTMP 1.0 §5.2.3). */
const packetBytes = 1_536;

/** What the caller has to bring of randomness: C1 or S1 without its first eight bytes. */
export const handshakeRandomBytes = 1_528;

const version = 3;

/** What to do after a piece of the handshake has come. */
export interface HandshakeStep {
  /** To be sent to the peer now. */
  readonly reply: Uint8Array | undefined;
  /**
   * The handshake is done, and these bytes that came with its end (a view, perhaps empty) belong to the chunk stream.
   * `undefined` while it goes on. `push` must not be called again afterwards.
   */
  readonly rest: Uint8Array | undefined;
}

/** What is the same on both sides: one version byte, the peer's packet, then the peer's echo of ours. */
abstract class Handshake {
  readonly #random: () => Uint8Array;
  readonly #timestampMs: number;
  #versionSeen = false;
  /** As much of the peer's packet as has come, with a little room: half-open connections must be cheap. */
  #peerPacket = new Uint8Array(0);
  #peerPacketBytes = 0;
  /** Bytes of the echo still to come. Its content is not looked at: peers write what they like there. */
  #echoRemaining = packetBytes;

  /** `random` gives 1,528 bytes; called once, when they are sent. `timestampMs`: our own clock, for the peer's information. */
  constructor(random: () => Uint8Array, timestampMs = 0) {
    this.#random = random;
    this.#timestampMs = timestampMs;
  }

  /** Throws `ProtocolError` at the first byte if the peer speaks something else. */
  push(bytes: Uint8Array): HandshakeStep {
    let at = 0;
    if (!this.#versionSeen) {
      if (bytes.length === 0) return { reply: undefined, rest: undefined };
      checkVersion(bytes[0] ?? 0);
      this.#versionSeen = true;
      at = 1;
    }
    let reply: Uint8Array | undefined;
    if (this.#peerPacketBytes < packetBytes) {
      at += this.#collect(bytes.subarray(at));
      if (this.#peerPacketBytes < packetBytes) return { reply: undefined, rest: undefined };
      reply = this.answer(this.#peerPacket);
      this.#peerPacket = new Uint8Array(0);
    }
    const taken = Math.min(this.#echoRemaining, bytes.length - at);
    this.#echoRemaining -= taken;
    return { reply, rest: this.#echoRemaining === 0 ? bytes.subarray(at + taken) : undefined };
  }

  /** What the peer gets once its packet is whole. */
  protected abstract answer(peerPacket: Uint8Array): Uint8Array;

  /** C1 or S1. */
  protected makeOwnPacket(): Uint8Array {
    const random = this.#random();
    if (random.length !== handshakeRandomBytes) throw new RangeError(`${random.length} bytes of handshake randomness`);
    const packet = new Uint8Array(packetBytes);
    new DataView(packet.buffer).setUint32(0, this.#timestampMs);
    packet.set(random, packetBytes - handshakeRandomBytes);
    return packet;
  }

  #collect(bytes: Uint8Array): number {
    const taken = bytes.subarray(0, packetBytes - this.#peerPacketBytes);
    const length = this.#peerPacketBytes + taken.length;
    if (length > this.#peerPacket.length) {
      const grown = new Uint8Array(Math.min(packetBytes, Math.max(length, this.#peerPacket.length * 2)));
      grown.set(this.#peerPacket);
      this.#peerPacket = grown;
    }
    this.#peerPacket.set(taken, this.#peerPacketBytes);
    this.#peerPacketBytes = length;
    return taken.length;
  }
}

/**
 * The server's side of the simple handshake (RTMP 1.0 §5.2), which all clients that are left accept: S1 with a version
 * of zeros tells them that there is no digest to check. Any C2 is accepted.
 */
export class ServerHandshake extends Handshake {
  protected override answer(c1: Uint8Array): Uint8Array {
    // S2 is an exact echo: some clients compare.
    return joined([Uint8Array.of(version), this.makeOwnPacket(), c1]);
  }
}

/** The client's side of the simple handshake (RTMP 1.0 §5.2). Send `start()` first. Any S2 is accepted. */
export class ClientHandshake extends Handshake {
  /** C0 and C1. */
  start(): Uint8Array {
    return joined([Uint8Array.of(version), this.makeOwnPacket()]);
  }

  protected override answer(s1: Uint8Array): Uint8Array {
    return s1;
  }
}

function checkVersion(byte: number): void {
  if (byte === version) return;
  throw new ProtocolError('RTMP_VERSION', `the peer does not speak RTMP version 3: ${firstByteMeaning(byte)}`, {
    byteOffset: 0,
    section: 'RTMP 1.0 §5.2.2',
  });
}

/** What people point at an RTMP port by mistake. */
function firstByteMeaning(byte: number): string {
  const hex = `0x${byte.toString(16).padStart(2, '0')}`;
  if (byte === 0x16) return `it begins with ${hex}, as TLS does (rtmps:// or https://)`;
  if (byte === 6 || byte === 8 || byte === 9) return `it begins with ${hex}, as encrypted RTMPE does`;
  if (byte >= 0x41 && byte <= 0x5a) return `it begins with "${String.fromCharCode(byte)}", as HTTP does`;
  return `it begins with ${hex}`;
}
