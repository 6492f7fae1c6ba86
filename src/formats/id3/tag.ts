import { joined } from '../../base/byte-pieces.ts';

const utf8 = new TextEncoder();
const utf8Encoding = 3;

/** A number in 28 bits, seven to a byte (ID3v2.4 structure §6.2). */
function syncsafe(value: number): Uint8Array {
  return Uint8Array.of((value >> 21) & 0x7f, (value >> 14) & 0x7f, (value >> 7) & 0x7f, value & 0x7f);
}

function frame(id: string, body: Uint8Array): Uint8Array {
  return joined([utf8.encode(id), syncsafe(body.length), Uint8Array.of(0, 0), body]);
}

/** A text that the user defines, `TXXX` (ID3v2.4 frames §4.2.6), in UTF-8. What follows a NUL would be another text. */
export function userTextFrame(description: string, value: string): Uint8Array {
  const text = `${description.replaceAll('\0', '')}\0${value.replaceAll('\0', '')}`;
  return frame('TXXX', joined([Uint8Array.of(utf8Encoding), utf8.encode(text)]));
}

/** An ID3 tag of version 2.4 (ID3v2.4 structure §3), at most 256 MB. */
export function id3Tag(frames: readonly Uint8Array[]): Uint8Array {
  const body = joined(frames);
  return joined([utf8.encode('ID3'), Uint8Array.of(4, 0, 0), syncsafe(body.length), body]);
}
