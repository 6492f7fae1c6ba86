import { BitReader } from '../../base/bit-reader.ts';
import { ProtocolError } from '../../base/errors.ts';

/** What the header of an AC-3 or E-AC-3 frame says (ETSI TS 102 366 §4.4 and annex E). */
export type Ac3SyncFrame = Ac3Frame | Eac3Frame;

interface SyncFrameBase {
  readonly sampleRate: number;
  /** fscod. */
  readonly sampleRateCode: number;
  /** bsid. */
  readonly bitstreamId: number;
  /** acmod. */
  readonly mode: number;
  readonly lowFrequency: boolean;
  /** The low-frequency channel among them. Of E-AC-3 those of this substream. */
  readonly channels: number;
  readonly samplesPerFrame: number;
}

export interface Ac3Frame extends SyncFrameBase {
  readonly codec: 'ac3';
  /** bsmod. */
  readonly bitstreamMode: number;
  /** frmsizecod: twice the index of the bit rate, and 1 where the frame is longer by a word. */
  readonly frameSizeCode: number;
}

export interface Eac3Frame extends SyncFrameBase {
  readonly codec: 'eac3';
  /** Adds channels to the independent substream before it. */
  readonly dependent: boolean;
  readonly substreamId: number;
  /** Of the whole frame. */
  readonly bytes: number;
  /** chanmap of a dependent substream that has one: 16 bits, the left channel in the highest. */
  readonly channelMap: number | undefined;
}

const syncWord = 0x0b77;
const samplesPerBlock = 256;
const sampleRates = [48_000, 44_100, 32_000] as const;
const channelsByMode = [2, 1, 2, 3, 3, 4, 4, 5] as const;
const blocksByCode = [1, 2, 3, 6] as const;
/** Up to this a frame is AC-3; 9 and 10 halve and quarter the sample rate. */
const lastAc3BitstreamId = 10;
const lastEac3BitstreamId = 16;

/** Whether a frame begins here. */
export function isAc3SyncFrame(data: Uint8Array): boolean {
  return data[0] === syncWord >> 8 && data[1] === (syncWord & 0xff);
}

/** Throws `ProtocolError` for what is no such frame, for reserved values and for what ends early. */
export function parseAc3SyncFrame(data: Uint8Array): Ac3SyncFrame {
  const reader = new BitReader(data, 'AC-3 frame header');
  if (reader.bits(16) !== syncWord) throw frameError('no syncword');
  // At the same place in both.
  const bitstreamId = (data[5] ?? 0) >> 3;
  if (bitstreamId > lastEac3BitstreamId) throw frameError(`bsid ${bitstreamId}`);
  return bitstreamId <= lastAc3BitstreamId ? parseAc3(reader, bitstreamId) : parseEac3(reader);
}

function parseAc3(reader: BitReader, bitstreamId: number): Ac3Frame {
  reader.skip(16); // crc1
  const sampleRateCode = reader.bits(2);
  const sampleRate = sampleRates[sampleRateCode];
  if (sampleRate === undefined) throw frameError('the reserved sample rate');
  const frameSizeCode = reader.bits(6);
  reader.skip(5); // bsid
  const bitstreamMode = reader.bits(3);
  const mode = reader.bits(3);
  if ((mode & 1) !== 0 && mode !== 1) reader.skip(2); // cmixlev
  if ((mode & 4) !== 0) reader.skip(2); // surmixlev
  if (mode === 2) reader.skip(2); // dsurmod
  const lowFrequency = reader.flag();
  return {
    codec: 'ac3',
    sampleRate: sampleRate >> (Math.max(bitstreamId, 8) - 8),
    sampleRateCode,
    frameSizeCode,
    bitstreamId,
    bitstreamMode,
    mode,
    lowFrequency,
    channels: (channelsByMode[mode] ?? 0) + Number(lowFrequency),
    samplesPerFrame: 6 * samplesPerBlock,
  };
}

/** kbit/s by the half of frmsizecod (table 4.13). */
const kilobitRates = [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640] as const;

/** The length of an AC-3 frame; 0 for a reserved code. */
export function ac3FrameBytes({ frameSizeCode, sampleRateCode }: Ac3Frame): number {
  const kilobits = kilobitRates[frameSizeCode >> 1] ?? 0;
  const sampleRate = sampleRates[sampleRateCode] ?? 1;
  const words = Math.floor((kilobits * 1_000 * 6 * samplesPerBlock) / sampleRate / 16);
  // The odd codes are longer only where the words do not come out even.
  return 2 * (words + (sampleRate === 44_100 ? frameSizeCode & 1 : 0));
}

const dependentStream = 1;

function parseEac3(reader: BitReader): Eac3Frame {
  const dependent = reader.bits(2) === dependentStream;
  const substreamId = reader.bits(3);
  const bytes = (reader.bits(11) + 1) * 2;
  const rateCode = reader.bits(2);
  const secondCode = reader.bits(2);
  // A reduced rate: the second code is that of the rate, and a frame has six blocks.
  const isReduced = rateCode === 3;
  const fullRate = sampleRates[isReduced ? secondCode : rateCode];
  if (fullRate === undefined) throw frameError('the reserved sample rate');
  const blocks = isReduced ? 6 : (blocksByCode[secondCode] ?? 6);
  const mode = reader.bits(3);
  const lowFrequency = reader.flag();
  const bitstreamId = reader.bits(5);
  return {
    codec: 'eac3',
    sampleRate: isReduced ? fullRate / 2 : fullRate,
    sampleRateCode: rateCode,
    bitstreamId,
    mode,
    lowFrequency,
    dependent,
    substreamId,
    bytes,
    channels: (channelsByMode[mode] ?? 0) + Number(lowFrequency),
    samplesPerFrame: blocks * samplesPerBlock,
    channelMap: dependent ? parseChannelMap(reader, mode) : undefined,
  };
}

function parseChannelMap(reader: BitReader, mode: number): number | undefined {
  // Two channels of their own (acmod 0) have these twice.
  for (let program = mode === 0 ? 2 : 1; program > 0; program--) {
    reader.skip(5); // dialnorm
    if (reader.flag()) reader.skip(8); // compr
  }
  return reader.flag() ? reader.bits(16) : undefined;
}

export function frameError(sentence: string): ProtocolError {
  return new ProtocolError('AC3_FRAME', `AC-3 frame header: ${sentence}`, {
    byteOffset: 0,
    section: 'ETSI TS 102 366 §4.4',
  });
}
