/** Ticks a second of PTS, DTS and of the base of a PCR (ISO/IEC 13818-1 §2.4.2.1). */
export const systemTimescale = 90_000;

/** PTS, DTS and the base of a PCR have 33 bits: they begin anew after 26.5 hours. */
const wrapTicks = 2 ** 33;

/** As the 33 bits say it; ticks before zero end at the top. */
export function wrapped(ticks: number): number {
  const rest = ticks % wrapTicks;
  return rest < 0 ? rest + wrapTicks : rest;
}

/** Ticks of another timescale in those of 90 kHz. */
export function toSystemTicks(ticks: number, timescale: number): number {
  return Math.round((ticks * systemTimescale) / timescale);
}

/** The five bytes of a PTS or DTS behind its four bits of prefix (§2.4.3.7). */
export function timestampBytes(prefix: number, ticks: number): number[] {
  const value = wrapped(ticks);
  const top = Math.floor(value / 2 ** 30);
  const low = value % 2 ** 30;
  const [middle, bottom] = [low >>> 15, low & 0x7fff];
  return [
    (prefix << 4) | (top << 1) | 1,
    middle >> 7,
    ((middle & 0x7f) << 1) | 1,
    bottom >> 7,
    ((bottom & 0x7f) << 1) | 1,
  ];
}

/** The six bytes of a PCR, its extension zero (§2.4.3.5). */
export function clockReferenceBytes(ticks: number): number[] {
  const value = wrapped(ticks);
  const high = Math.floor(value / 2);
  return [high >>> 24, (high >>> 16) & 0xff, (high >>> 8) & 0xff, high & 0xff, ((value % 2) << 7) | 0x7e, 0];
}
