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
