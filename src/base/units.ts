/** Sizes, durations and bitrates as people write them in a configuration: `512MiB`, `6s`, `350ms`, `2.5Mbps`. */

const durationUnitMs: Record<string, number> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

const sizeUnitBytes: Record<string, number> = {
  B: 1,
  kB: 1_000,
  MB: 1_000_000,
  GB: 1_000_000_000,
  TB: 1_000_000_000_000,
  KiB: 1_024,
  MiB: 1_048_576,
  GiB: 1_073_741_824,
  TiB: 1_099_511_627_776,
};

const bitrateUnits: Record<string, number> = {
  bps: 1,
  kbps: 1_000,
  Mbps: 1_000_000,
};

function parseQuantity(text: string, units: Record<string, number>): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([A-Za-z]+)$/.exec(text.trim());
  const factor = match?.[2] === undefined ? undefined : units[match[2]];
  if (match?.[1] === undefined || factor === undefined) return undefined;
  const value = Number(match[1]) * factor;
  return Number.isSafeInteger(Math.round(value)) ? Math.round(value) : undefined;
}

/** `"350ms"` → 350, `"2h"` → 7,200,000; `undefined` if it is not a number followed by ms, s, m, h or d. */
export function parseDurationMs(text: string): number | undefined {
  return parseQuantity(text, durationUnitMs);
}

/** `"512MiB"` → 536,870,912; `undefined` if it is not a number followed by B, kB, MB, GB, TB, KiB, MiB, GiB or TiB. */
export function parseSizeBytes(text: string): number | undefined {
  return parseQuantity(text, sizeUnitBytes);
}

/** `"2.5Mbps"` → 2,500,000 bits a second; `undefined` if it is not a number followed by bps, kbps or Mbps. */
export function parseBitsPerSecond(text: string): number | undefined {
  return parseQuantity(text, bitrateUnits);
}

function formatQuantity(value: number, units: Record<string, number>): string {
  const fitting = Object.entries(units)
    .filter(([, factor]) => value >= factor && value % factor === 0)
    .sort(([, a], [, b]) => b - a);
  const [unit, factor] = fitting[0] ?? Object.entries(units)[0] ?? ['', 1];
  return `${value / factor}${unit}`;
}

/** 60,000 → `1m`; the largest unit that leaves a whole number. */
export function formatDurationMs(ms: number): string {
  return formatQuantity(ms, durationUnitMs);
}

/** 536,870,912 → `512MiB`; the largest unit that leaves a whole number. */
export function formatSizeBytes(bytes: number): string {
  return formatQuantity(bytes, sizeUnitBytes);
}
