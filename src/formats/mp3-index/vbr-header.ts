import { ByteReader } from '../../base/byte-reader.ts';
import { ProtocolError } from '../../base/errors.ts';
import { type Mp3FrameShape, mp3FrameHeaderBytes } from '../mp3/frame-shape.ts';

/** What the first frame says of the whole file, instead of sound: `Xing` or `Info`, or `VBRI`. */
export interface VbrHeader {
  /** Without the one that says it. */
  readonly frames: number | undefined;
  /** From the beginning of the one that says it. */
  readonly bytes: number | undefined;
  /** Points that are apart by the same time: each the share of the bytes, 0 to 1, where it begins. The first is 0. */
  readonly points: readonly number[];
  /** Samples that the encoder has put before and behind the sound (LAME). */
  readonly delaySamples: number;
  readonly paddingSamples: number;
}

const flag = { frames: 1, bytes: 2, points: 4, quality: 8 } as const;
const xingPoints = 100;
const vbriOffset = 32;
/** In what LAME writes behind it: its name, how it has encoded, loudness. */
const lameDelayOffset = 21;

/** `undefined` for a frame of sound. What ends early or cannot be right is left out. */
export function vbrHeaderOf(frame: Uint8Array, shape: Mp3FrameShape): VbrHeader | undefined {
  try {
    return xingOf(frame, shape) ?? vbriOf(frame);
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}

/** It stands behind the side information, in the midst of what would be sound. Whether a check is before that, writers differ. */
function xingOf(frame: Uint8Array, { samplesPerFrame, channels, hasCheck }: Mp3FrameShape): VbrHeader | undefined {
  const isMpeg1 = samplesPerFrame === 1_152;
  const sideBytes = isMpeg1 ? (channels === 1 ? 17 : 32) : channels === 1 ? 9 : 17;
  const at = [0, hasCheck ? 2 : 0]
    .map((checkBytes) => mp3FrameHeaderBytes + sideBytes + checkBytes)
    .find((offset) => ['Xing', 'Info'].includes(String.fromCharCode(...frame.subarray(offset, offset + 4))));
  if (at === undefined) return undefined;
  const reader = new ByteReader(frame, 'Xing header', at + 4);
  const flags = reader.uint32();
  const frames = (flags & flag.frames) === 0 ? undefined : reader.uint32();
  const bytes = (flags & flag.bytes) === 0 ? undefined : reader.uint32();
  const table = (flags & flag.points) === 0 ? undefined : reader.bytes(xingPoints);
  if ((flags & flag.quality) !== 0) reader.skip(4);
  const points = ascending(Array.from(table ?? [], (share) => share / 256));
  return { frames, bytes, points, ...lameSamples(reader) };
}

function lameSamples(reader: ByteReader): Pick<VbrHeader, 'delaySamples' | 'paddingSamples'> {
  const none = { delaySamples: 0, paddingSamples: 0 };
  if (reader.remaining < lameDelayOffset + 3) return none;
  const encoder = String.fromCharCode(...reader.bytes(4));
  if (!/^[A-Za-z]/.test(encoder)) return none;
  reader.skip(lameDelayOffset - 4);
  const both = reader.uint24();
  return { delaySamples: both >> 12, paddingSamples: both & 0xf_ff };
}

/** Written by the encoders of Fraunhofer, always at the same place. */
function vbriOf(frame: Uint8Array): VbrHeader | undefined {
  const at = mp3FrameHeaderBytes + vbriOffset;
  if (String.fromCharCode(...frame.subarray(at, at + 4)) !== 'VBRI') return undefined;
  const reader = new ByteReader(frame, 'VBRI header', at + 4);
  // Version, delay, quality.
  reader.skip(6);
  const bytes = reader.uint32();
  const frames = reader.uint32();
  const count = reader.uint16();
  const scale = reader.uint16();
  const entryBytes = reader.uint16();
  // How many frames there are to a point: with all of them together it says nothing new.
  reader.skip(2);
  const sizes: number[] = [];
  if (entryBytes >= 1 && entryBytes <= 4 && reader.remaining >= count * entryBytes) {
    for (let index = 0; index < count; index++) {
      let size = 0;
      for (const byte of reader.bytes(entryBytes)) size = size * 256 + byte;
      sizes.push(size * scale);
    }
  }
  const sum = sizes.reduce((total, size) => total + size, 0);
  let before = 0;
  const shares = sizes.map((size) => {
    const share = before / Math.max(1, sum);
    before += size;
    return share;
  });
  return { frames, bytes, points: sum > 0 ? ascending(shares) : [], delaySamples: 0, paddingSamples: 0 };
}

/** A table that goes back, or nowhere, leads nowhere. */
function ascending(points: readonly number[]): readonly number[] {
  const isAscending = points.every((share, index) => share >= (points[index - 1] ?? 0));
  return points[0] === 0 && isAscending && (points.at(-1) ?? 0) > 0 ? points : [];
}
