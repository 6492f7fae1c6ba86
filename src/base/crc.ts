/**
 * A cyclic redundancy check as FLAC and AC-3 have it: highest bit first, from 0, without a last exclusive or.
 * `polynomial` is without its highest term.
 */
export function crc(bytes: Iterable<number>, width: 8 | 16, polynomial: number): number {
  const top = 1 << (width - 1);
  let value = 0;
  for (const byte of bytes) {
    value ^= byte << (width - 8);
    for (let i = 0; i < 8; i++) value = ((value & top) === 0 ? value << 1 : (value << 1) ^ polynomial) & (top * 2 - 1);
  }
  return value;
}

/** That of MPEG-2 tables (ISO/IEC 13818-1 Annex A): 32 bits, highest bit first, from ones, without a last exclusive or. */
export function mpegCrc32(bytes: ArrayLike<number>): number {
  let value = 0xffff_ffff;
  for (let at = 0; at < bytes.length; at++) {
    value = (value << 8) ^ (mpegCrcOfByte[(value >>> 24) ^ (bytes[at] ?? 0)] ?? 0);
  }
  return value >>> 0;
}

const mpegCrcOfByte = Int32Array.from({ length: 256 }, (_, byte) => {
  let value = byte << 24;
  for (let bit = 0; bit < 8; bit++) value = value < 0 ? (value << 1) ^ 0x04c1_1db7 : value << 1;
  return value;
});
