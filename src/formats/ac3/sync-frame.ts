import { BitReader } from '../../base/bit-reader.ts';
import { ProtocolError } from '../../base/errors.ts';
import type { Ac3TrackConfig } from '../media/track.ts';

/** What the header of an AC-3 or E-AC-3 frame says (ETSI TS 102 366 §4.4 and annex E). */
export interface Ac3SyncFrame {
  readonly codec: 'ac3' | 'eac3';
  readonly sampleRate: number;
  /** The low-frequency channel among them. Of E-AC-3 those of this substream. */
  readonly channels: number;
  readonly samplesPerFrame: number;
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

function parseAc3(reader: BitReader, bitstreamId: number): Ac3SyncFrame {
  reader.skip(16); // crc1
  const sampleRate = sampleRates[reader.bits(2)];
  if (sampleRate === undefined) throw frameError('the reserved sample rate');
  reader.skip(6 + 5 + 3); // frmsizecod, bsid, bsmod
  const mode = reader.bits(3);
  if ((mode & 1) !== 0 && mode !== 1) reader.skip(2); // cmixlev
  if ((mode & 4) !== 0) reader.skip(2); // surmixlev
  if (mode === 2) reader.skip(2); // dsurmod
  return {
    codec: 'ac3',
    sampleRate: sampleRate >> (Math.max(bitstreamId, 8) - 8),
    channels: (channelsByMode[mode] ?? 0) + reader.bit(),
    samplesPerFrame: 6 * samplesPerBlock,
  };
}

function parseEac3(reader: BitReader): Ac3SyncFrame {
  reader.skip(2 + 3 + 11); // strmtyp, substreamid, frmsiz
  const rateCode = reader.bits(2);
  const secondCode = reader.bits(2);
  // A reduced rate: the second code is that of the rate, and a frame has six blocks.
  const isReduced = rateCode === 3;
  const fullRate = sampleRates[isReduced ? secondCode : rateCode];
  if (fullRate === undefined) throw frameError('the reserved sample rate');
  const blocks = isReduced ? 6 : (blocksByCode[secondCode] ?? 6);
  const mode = reader.bits(3);
  return {
    codec: 'eac3',
    sampleRate: isReduced ? fullRate / 2 : fullRate,
    channels: (channelsByMode[mode] ?? 0) + reader.bit(),
    samplesPerFrame: blocks * samplesPerBlock,
  };
}

/** The track of an AC-3 or E-AC-3 stream that begins with this frame. Throws as `parseAc3SyncFrame`. */
export function ac3TrackConfig(codec: 'ac3' | 'eac3', frame: Uint8Array, trackId = 0): Ac3TrackConfig {
  const header = parseAc3SyncFrame(frame);
  if (header.codec !== codec) throw frameError(`a frame of ${header.codec} in a track of ${codec}`);
  const { sampleRate, channels, samplesPerFrame } = header;
  return {
    kind: 'audio',
    codec,
    trackId,
    codecString: codec === 'ac3' ? 'ac-3' : 'ec-3',
    description: undefined,
    sampleRate,
    channels,
    samplesPerFrame,
  };
}

function frameError(sentence: string): ProtocolError {
  return new ProtocolError('AC3_FRAME', `AC-3 frame header: ${sentence}`, {
    byteOffset: 0,
    section: 'ETSI TS 102 366 §4.4',
  });
}
