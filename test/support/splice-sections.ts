import { mpegCrc32 } from '../../src/base/crc.ts';

/** Sections of SCTE 35 as an inserter writes them, from their bits: nothing of it is the program's own. */
interface Command {
  readonly type: number;
  readonly body: Uint8Array;
}

function bits(...fields: readonly (readonly [value: number, count: number])[]): Uint8Array {
  const text = fields.map(([value, count]) => value.toString(2).padStart(count, '0')).join('');
  return Uint8Array.from(text.match(/.{8}/g) ?? [], (byte) => parseInt(byte, 2));
}

export function breakDuration(seconds: number, autoReturn: boolean): Uint8Array {
  return bits([autoReturn ? 1 : 0, 1], [0x3f, 6], [Math.round(seconds * 90_000), 33]);
}

export function spliceInsert(insert: {
  readonly eventId: number;
  readonly cancelled?: boolean;
  readonly out?: boolean;
  readonly duration?: Uint8Array;
}): Command {
  const { eventId, cancelled = false, out = false, duration } = insert;
  const head = bits([eventId, 32], [cancelled ? 1 : 0, 1], [0x7f, 7]);
  if (cancelled) return { type: 5, body: head };
  // Of the whole program, at once.
  const flags = bits([out ? 1 : 0, 1], [1, 1], [duration === undefined ? 0 : 1, 1], [1, 1], [0xf, 4]);
  return { type: 5, body: Uint8Array.of(...head, ...flags, ...(duration ?? []), 0, 1, 0, 0) };
}

export function timeSignal(): Command {
  return { type: 6, body: bits([1, 1], [0x3f, 6], [123_456, 33]) };
}

export function segmentation({
  eventId,
  typeId,
  seconds,
}: {
  readonly eventId: number;
  readonly typeId: number;
  readonly seconds?: number;
}): Uint8Array {
  const duration = seconds === undefined ? new Uint8Array(0) : bits([Math.round(seconds * 90_000), 40]);
  const flags = bits([0, 1], [0x7f, 7], [1, 1], [seconds === undefined ? 0 : 1, 1], [0x3f, 6]);
  const body = [...bits([0x43554549, 32], [eventId, 32]), ...flags, ...duration, 0, 0, typeId, 1, 1];
  return Uint8Array.of(2, body.length, ...body);
}

export function spliceInfoSection(
  { type, body }: Command,
  descriptors: readonly Uint8Array[] = [],
  { lengthIsKnown = true } = {},
): Uint8Array {
  const loop = descriptors.flatMap((descriptor) => [...descriptor]);
  const rest = [...body, loop.length >> 8, loop.length & 0xff, ...loop];
  const whole = bits(
    [0xfc, 8],
    [3, 4],
    [11 + rest.length + 4, 12],
    [0, 8],
    [0, 7],
    [0, 33],
    [0, 8],
    [0xfff, 12],
    [lengthIsKnown ? body.length : 0xfff, 12],
    [type, 8],
  );
  const bytes = [...whole, ...rest];
  const check = mpegCrc32(bytes);
  return Uint8Array.of(...bytes, check >>> 24, (check >>> 16) & 0xff, (check >>> 8) & 0xff, check & 0xff);
}
