import { box, fullBox, text, uint16, uint32, uint8 } from './box.ts';
import type { CmafTrackConfig } from './cmaf-track.ts';

/** How the samples of a track are encrypted by the scheme `cbcs` (ISO/IEC 23001-7 §10.4): a constant vector, no other. */
export interface SampleProtection {
  /** Names the key to players (KID): 16 bytes. */
  readonly keyId: Uint8Array;
  /** 16 bytes: every range begins with it. */
  readonly constantIv: Uint8Array;
  /** AES-128-CBC from that vector on, without padding; takes whole blocks of 16 bytes. */
  readonly encryptBlocks: (blocks: Uint8Array) => Uint8Array;
}

/** Bytes that are sent in the clear, and those of which some are encrypted that follow them. */
export interface Subsample {
  readonly clearBytes: number;
  readonly protectedBytes: number;
}

/** A sample as it is sent. */
export interface ProtectedSample {
  readonly data: Uint8Array;
  /** Empty where the whole sample is one range. */
  readonly subsamples: readonly Subsample[];
}

const blockBytes = 16;
/** Of ten blocks of a picture one is encrypted. */
const patternBlocks = 10;
const patternOfPictures = 0x19;
/**
 * What stays in the clear of each slice: its length, the header of the NAL unit, and the slice header, which decoders in
 * hardware read before they decrypt; few are longer.
 */
const clearLeadBytes = 64;
/** Of `clearBytes`, 16 bits. */
const maxClearBytes = 0xffff;

/** Pictures of H.264 and HEVC, whose NAL units are known here, and sound of all codecs. */
export function isProtectable(config: CmafTrackConfig): boolean {
  return config.kind === 'audio' || config.codec === 'avc' || config.codec === 'hevc';
}

/** What stands in `stsd` for a protected track: the entry under another name, with what it was (ISO/IEC 14496-12 §8.12). */
export function protectedSampleEntry(
  entry: Uint8Array,
  kind: CmafTrackConfig['kind'],
  { keyId, constantIv }: SampleProtection,
): Uint8Array {
  const pattern = kind === 'video' ? patternOfPictures : 0;
  const tenc = fullBox('tenc', 1, 0, uint8(0, pattern, 1, 0), keyId, uint8(constantIv.length), constantIv);
  const sinf = box(
    'sinf',
    box('frma', entry.subarray(4, 8)),
    fullBox('schm', 0, 0, text('cbcs'), uint32(0x0001_0000)),
    box('schi', tenc),
  );
  return box(kind === 'video' ? 'encv' : 'enca', entry.subarray(8), sinf);
}

export function protectSample(
  data: Uint8Array,
  config: CmafTrackConfig,
  protection: SampleProtection,
): ProtectedSample {
  const bytes = data.slice();
  if (config.kind === 'audio') {
    encryptRange(bytes, 1, protection);
    return { data: bytes, subsamples: [] };
  }
  const subsamples = subsamplesOf(data, config);
  let at = 0;
  for (const { clearBytes, protectedBytes } of subsamples) {
    at += clearBytes;
    encryptRange(bytes.subarray(at, at + protectedBytes), patternBlocks, protection);
    at += protectedBytes;
  }
  return { data: bytes, subsamples };
}

/** What `traf` says of its samples beside `trun`; `at`: where that stands, from the beginning of `moof`. */
export function sampleEncryptionBoxes(samples: readonly ProtectedSample[], at: number): Uint8Array {
  // A constant vector and no ranges: there is nothing to say (ISO/IEC 23001-7 §7.1).
  if (samples.every(({ subsamples }) => subsamples.length === 0)) return new Uint8Array(0);
  const sizes = samples.map(({ subsamples }) => 2 + subsamples.length * 6);
  const saiz = fullBox('saiz', 0, 0, uint8(0), uint32(samples.length), ...sizes.map((size) => uint8(size)));
  const saioBytes = 20;
  // Behind the head of `senc`.
  const saio = fullBox('saio', 0, 0, uint32(1), uint32(at + saiz.length + saioBytes + 16));
  const entries = samples.map(({ subsamples }) => {
    const ranges = subsamples.map(({ clearBytes, protectedBytes }) => [uint16(clearBytes), uint32(protectedBytes)]);
    return [uint16(subsamples.length), ...ranges.flat()];
  });
  const senc = fullBox('senc', 0, 2, uint32(samples.length), ...entries.flat());
  return Uint8Array.of(...saiz, ...saio, ...senc);
}

/** Blocks of a picture: the first of each ten; of sound: all. What is left at the end stays as it is. */
function encryptRange(range: Uint8Array, everyBlocks: number, { encryptBlocks }: SampleProtection): void {
  const step = everyBlocks * blockBytes;
  const starts: number[] = [];
  for (let at = 0; at + blockBytes <= range.length; at += step) starts.push(at);
  if (starts.length === 0) return;
  const blocks = new Uint8Array(starts.length * blockBytes);
  starts.forEach((at, index) => blocks.set(range.subarray(at, at + blockBytes), index * blockBytes));
  const encrypted = encryptBlocks(blocks);
  starts.forEach((at, index) => range.set(encrypted.subarray(index * blockBytes, (index + 1) * blockBytes), at));
}

/** The slices' content is protected, and nothing else. A sample that is damaged is one range. */
function subsamplesOf(data: Uint8Array, config: CmafTrackConfig & { readonly kind: 'video' }): Subsample[] {
  const lengthBytes = nalLengthBytes(config);
  const ranges: Subsample[] = [];
  let clearBytes = 0;
  let at = 0;
  while (at < data.length) {
    let length = 0;
    for (let i = 0; i < lengthBytes; i++) length = length * 256 + (data[at + i] ?? 0);
    const unitBytes = Math.min(lengthBytes + length, data.length - at);
    const isSlice = isSliceOf(config, data[at + lengthBytes] ?? 0);
    const lead = isSlice ? Math.min(clearLeadBytes, unitBytes) : unitBytes;
    clearBytes += lead;
    if (unitBytes > lead) {
      ranges.push(...rangesOf(clearBytes, unitBytes - lead));
      clearBytes = 0;
    }
    at += unitBytes;
  }
  return clearBytes === 0 ? ranges : [...ranges, ...rangesOf(clearBytes, 0)];
}

function rangesOf(clearBytes: number, protectedBytes: number): Subsample[] {
  const ranges: Subsample[] = [];
  let left = clearBytes;
  for (; left > maxClearBytes; left -= maxClearBytes) ranges.push({ clearBytes: maxClearBytes, protectedBytes: 0 });
  return [...ranges, { clearBytes: left, protectedBytes }];
}

/** From `avcC` and `hvcC` (ISO/IEC 14496-15 §5.3.3.1, §8.3.3.1). */
function nalLengthBytes({ codec, description }: CmafTrackConfig): number {
  return ((description?.[codec === 'hevc' ? 21 : 4] ?? 3) & 3) + 1;
}

/** By the first byte of the NAL unit: those that hold coded slices (ISO/IEC 14496-10 table 7-1, 23008-2 table 7-1). */
function isSliceOf({ codec }: CmafTrackConfig, first: number): boolean {
  if (codec === 'hevc') return ((first >> 1) & 0x3f) < 32;
  const type = first & 0x1f;
  return type >= 1 && type <= 5;
}
