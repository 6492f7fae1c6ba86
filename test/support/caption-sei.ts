/** A construct of `cc_data`: `cc_type`, and its two bytes. */
export type CcPair = readonly [type: 0 | 1 | 2 | 3, first: number, second: number];

/** User data registered by ITU-T T.35 with `cc_data` (ATSC A/53 part 4 §6.2.3), from its country code on. */
export function captionUserData(pairs: readonly CcPair[]): Uint8Array {
  const data = pairs.flatMap(([type, first, second]) => [0xfc | type, first, second]);
  return Uint8Array.of(0xb5, 0x00, 0x31, ...Buffer.from('GA94'), 0x03, 0x40 | pairs.length, 0xff, ...data, 0xff);
}

/** A NAL unit of AVC with one message of supplemental enhancement information, behind its length of four bytes. */
export function captionSei(pairs: readonly CcPair[], head: readonly number[] = [0x06]): Uint8Array {
  const data = captionUserData(pairs);
  const payload: number[] = [];
  for (const byte of [0x04, data.length, ...data, 0x80]) {
    // Emulation prevention.
    if (byte <= 3 && payload.at(-1) === 0 && payload.at(-2) === 0) payload.push(3);
    payload.push(byte);
  }
  const length = head.length + payload.length;
  return Uint8Array.of(0, 0, length >> 8, length & 0xff, ...head, ...payload);
}

/** With odd parity in the first bit. */
function withParity(byte: number): number {
  const ones = byte.toString(2).replaceAll('0', '').length;
  return ones % 2 === 0 ? byte | 0x80 : byte;
}

/** The pairs of a caption of one line that pops on with the last of them, one for each picture (CTA-608 §7). */
export function popOnCaption(text: string, type: 0 | 1 = 0): CcPair[] {
  const even = text.length % 2 === 0 ? text : `${text} `;
  const codes: [number, number][] = [
    [0x14, 0x20], // resume caption loading
    [0x14, 0x2e], // erase non-displayed memory
    [0x14, 0x70], // row 15, white
    ...Array.from({ length: even.length / 2 }, (_, i): [number, number] => [
      even.charCodeAt(2 * i),
      even.charCodeAt(2 * i + 1),
    ]),
    [0x14, 0x2f], // end of caption
  ];
  return codes.map(([first, second]) => [type, withParity(first), withParity(second)]);
}

/** Of a picture for which there is nothing to say. */
export const captionFiller: CcPair = [0, 0x80, 0x80];
