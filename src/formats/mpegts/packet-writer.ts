import { clockReferenceBytes } from './timestamp.ts';

/** Every packet of a transport stream (ISO/IEC 13818-1 §2.4.3.2). */
const packetBytes = 188;
const headBytes = 4;
/** What is left behind the head for adaptation field and payload. */
const roomBytes = packetBytes - headBytes;
const syncByte = 0x47;
const counterValues = 16;

/** What the adaptation field of a packet can say here (§2.4.3.4). */
export interface AdaptationField {
  /** PCR, in ticks of 90 kHz. */
  readonly clockTicks?: number;
  /** A decoder can begin here. */
  readonly randomAccess?: boolean;
  /** Clock and counters do not go on from what came before. */
  readonly discontinuity?: boolean;
}

/**
 * Writes transport packets, one after the other. Counters begin with 0 unless they are said to; with `fillCounter` a PES
 * packet is spread so that its counter comes to where it began, so that files made apart can be played in one go.
 */
export class PacketWriter {
  #bytes = new Uint8Array(packetBytes * 1_024);
  #at = 0;
  readonly #counters = new Map<number, number>();

  /** All that was written: a view. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#at);
  }

  setCounter(pid: number, counter: number): void {
    this.#counters.set(pid, counter % counterValues);
  }

  /** A section of at most 183 bytes, behind a pointer_field, in a packet of its own; the rest is ones (§2.4.4). */
  writeSection(pid: number, section: Uint8Array): void {
    const at = this.#head(pid, { unitStart: true, hasField: false, hasPayload: true });
    this.#bytes[at] = 0;
    this.#bytes.set(section, at + 1);
    this.#bytes.fill(0xff, at + 1 + section.length, at + roomBytes);
  }

  /** A packet without payload, for its PCR: its counter stands. */
  writeClock(pid: number, field: AdaptationField): void {
    const at = this.#head(pid, { unitStart: false, hasField: true, hasPayload: false });
    this.#writeField(at, roomBytes, field);
  }

  /**
   * A PES packet, in as few packets as it takes. With `fillCounter` it is as many more as bring the counter of its PID
   * to 0: it must have 16 bytes at least.
   */
  writePes(pid: number, pes: Uint8Array, field: AdaptationField, fillCounter: boolean): void {
    const leastField = leastFieldBytes(field);
    const least = 1 + Math.ceil(Math.max(0, pes.length - (roomBytes - leastField)) / roomBytes);
    const beyond = ((this.#counters.get(pid) ?? 0) + least) % counterValues;
    let packets = least + (fillCounter && beyond > 0 ? counterValues - beyond : 0);
    let from = 0;
    for (; packets > 0; packets--) {
      const isFirst = from === 0;
      const room = roomBytes - (isFirst ? leastField : 0);
      // Each packet that follows has a byte at least.
      const length = Math.min(room, pes.length - from - (packets - 1));
      const fieldBytes = roomBytes - length;
      const at = this.#head(pid, { unitStart: isFirst, hasField: fieldBytes > 0, hasPayload: true });
      if (fieldBytes > 0) this.#writeField(at, fieldBytes, isFirst ? field : {});
      this.#bytes.set(pes.subarray(from, from + length), at + fieldBytes);
      from += length;
    }
  }

  /** Returns where what follows the head begins. */
  #head(
    pid: number,
    { unitStart, hasField, hasPayload }: { unitStart: boolean; hasField: boolean; hasPayload: boolean },
  ): number {
    if (this.#at + packetBytes > this.#bytes.length) this.#grow();
    const counter = this.#counters.get(pid) ?? 0;
    const bytes = this.#bytes;
    const at = this.#at;
    bytes[at] = syncByte;
    bytes[at + 1] = (unitStart ? 0x40 : 0) | (pid >> 8);
    bytes[at + 2] = pid & 0xff;
    // Without payload it repeats that of the packet before (§2.4.3.3).
    const shown = hasPayload ? counter : (counter + counterValues - 1) % counterValues;
    bytes[at + 3] = (hasField ? 0x20 : 0) | (hasPayload ? 0x10 : 0) | shown;
    if (hasPayload) this.#counters.set(pid, (counter + 1) % counterValues);
    this.#at += packetBytes;
    return at + headBytes;
  }

  /** `length`: with its own length byte; what is not needed is stuffing. */
  #writeField(at: number, length: number, field: AdaptationField): void {
    const bytes = this.#bytes;
    bytes[at] = length - 1;
    if (length === 1) return;
    const clock = field.clockTicks === undefined ? [] : clockReferenceBytes(field.clockTicks);
    bytes[at + 1] =
      (field.discontinuity === true ? 0x80 : 0) |
      (field.randomAccess === true ? 0x40 : 0) |
      (clock.length > 0 ? 0x10 : 0);
    bytes.set(clock, at + 2);
    bytes.fill(0xff, at + 2 + clock.length, at + length);
  }

  #grow(): void {
    const grown = new Uint8Array(this.#bytes.length * 2);
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
}

function leastFieldBytes({ clockTicks, randomAccess, discontinuity }: AdaptationField): number {
  if (clockTicks !== undefined) return 8;
  return randomAccess === true || discontinuity === true ? 2 : 0;
}
