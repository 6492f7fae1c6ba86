import { BitWriter } from '../../base/bit-writer.ts';
import { crc } from '../../base/crc.ts';
import { type Ac3Frame, ac3FrameBytes, type Eac3Frame, parseAc3SyncFrame } from './sync-frame.ts';

const blocks = 6;
/** x¹⁶ + x¹⁵ + x² + 1 (ETSI TS 102 366 §7.10.1). */
const polynomial = 0x80_05;
const exponentStrategyD45 = 3;
/** Of the narrowest channel: 73 frequencies in groups of twelve. */
const exponentGroups = 6;
/** Three differences of 0. */
const flatGroup = 62;

/**
 * A frame of silence in the format of `like`, the first frame of an access unit: all SNR offsets are 0, with which no
 * frequency gets any bits (§7.2.2.7), and there is no dither. `undefined` for what has further substreams or fewer than
 * six blocks. Throws as `parseAc3SyncFrame`.
 */
export function silentAc3Frame(like: Uint8Array): Uint8Array | undefined {
  const header = parseAc3SyncFrame(like);
  const channels = header.channels - Number(header.lowFrequency);
  if (header.codec === 'ac3') return withAc3Checks(ac3Frame(header, channels), ac3FrameBytes(header));
  const isAlone = header.bytes === like.length && !header.dependent && header.samplesPerFrame === blocks * 256;
  return isAlone ? withEac3Check(eac3Frame(header, channels), header.bytes) : undefined;
}

/** §4.3: syncinfo, bsi and six audblk. */
function ac3Frame(frame: Ac3Frame, channels: number): BitWriter {
  const { mode, lowFrequency } = frame;
  const writer = new BitWriter();
  writer.write(16, 0x0b77).write(16, 0); // crc1 comes later
  writer.write(2, frame.sampleRateCode).write(6, frame.frameSizeCode);
  writer.write(5, frame.bitstreamId).write(3, frame.bitstreamMode).write(3, mode);
  if ((mode & 1) !== 0 && mode !== 1) writer.write(2, 0); // cmixlev
  if ((mode & 4) !== 0) writer.write(2, 0); // surmixlev
  if (mode === 2) writer.write(2, 0); // dsurmod
  writer.write(1, Number(lowFrequency));
  // dialnorm of −31 dB, no compr, no langcod, no audprodi; twice for two programs of one channel.
  writer.repeat(mode === 0 ? 2 : 1, 8, 0xf8);
  writer.write(5, 0); // copyrightb, origbs, timecod1e, timecod2e, addbsie
  for (let block = 0; block < blocks; block++) {
    const isFirst = block === 0;
    writer.repeat(channels, 1, 0).repeat(channels, 1, 0); // blksw, dithflag
    writer.repeat(mode === 0 ? 2 : 1, 1, 0); // dynrnge
    writer.write(1, Number(isFirst)); // cplstre
    if (isFirst) writer.write(1, 0); // cplinu
    if (mode === 2) writer.write(1, Number(isFirst)).write(isFirst ? 4 : 0, 0); // rematstr, rematflg
    writer.repeat(channels, 2, isFirst ? exponentStrategyD45 : 0); // chexpstr
    if (lowFrequency) writer.write(1, Number(isFirst)); // lfeexpstr
    if (isFirst) writeExponents(writer, channels, lowFrequency);
    writer.write(1, Number(isFirst)); // baie
    if (isFirst) writer.write(2, 2).write(2, 1).write(2, 1).write(2, 2).write(3, 7); // as E-AC-3 has it
    writer.write(1, Number(isFirst)); // snroffste
    // csnroffst, and fsnroffst with fgaincod of each channel.
    if (isFirst) writer.write(6, 0).repeat(channels + Number(lowFrequency), 7, 4);
    writer.write(2, 0); // deltbaie, skiple
  }
  return writer;
}

/** §E.1.2: bsi, audfrm and six audblk. */
function eac3Frame(frame: Eac3Frame, channels: number): BitWriter {
  const { mode, lowFrequency } = frame;
  const writer = new BitWriter();
  writer.write(16, 0x0b77).write(2, 0).write(3, frame.substreamId); // syncword, strmtyp
  writer
    .write(11, frame.bytes / 2 - 1)
    .write(2, frame.sampleRateCode)
    .write(2, 3); // frmsiz, fscod, numblkscod
  writer.write(3, mode).write(1, Number(lowFrequency)).write(5, frame.bitstreamId);
  writer.repeat(mode === 0 ? 2 : 1, 6, 0x3e); // dialnorm of −31 dB, no compr
  writer.write(3, 0); // mixmdate, infomdate, addbsie
  // expstre, ahte, snroffststr, transproce, blkswe, dithflage, bamode, frmfgaincode, dbaflde, skipflde, spxattene.
  writer.write(2, 2).write(2, 0).write(1, 0).write(2, 1).write(5, 0);
  if (mode > 1) writer.write(blocks, 0); // cplinu, and cplstre of the others
  writer.repeat(channels, 2, exponentStrategyD45).repeat(channels * (blocks - 1), 2, 0);
  if (lowFrequency) writer.write(1, 1).write(blocks - 1, 0);
  writer.repeat(channels, 5, 0); // convexpstr
  writer.write(6, 0).write(4, 0).write(1, 0); // frmcsnroffst, frmfsnroffst, blkstrtinfoe
  for (let block = 0; block < blocks; block++) {
    const isFirst = block === 0;
    writer.repeat(channels, 1, 0).repeat(mode === 0 ? 2 : 1, 1, 0); // dithflag, dynrnge
    writer.write(1, 0); // spxinu, later spxstre
    if (mode === 2) writer.write(isFirst ? 4 : 1, 0); // rematflg, later rematstr
    if (isFirst) writeExponents(writer, channels, lowFrequency);
    writer.write(1, 0); // convsnroffste
  }
  return writer;
}

/** chbwcod of all, then the exponents, all alike, with gainrng; of the low frequencies two groups. */
function writeExponents(writer: BitWriter, channels: number, lowFrequency: boolean): void {
  writer.repeat(channels, 6, 0);
  for (let channel = 0; channel < channels; channel++) {
    writer.write(4, 15).repeat(exponentGroups, 7, flatGroup).write(2, 0);
  }
  if (lowFrequency) writer.write(4, 15).repeat(2, 7, flatGroup);
}

/** §7.10.1: over the first five eighths, with the check before what it checks, and over the rest. */
function withAc3Checks(writer: BitWriter, length: number): Uint8Array | undefined {
  const frame = padded(writer, length);
  if (frame === undefined) return undefined;
  const split = 2 * ((length >> 2) + (length >> 4));
  // What the check has to be for nothing to be left at the end is found by going back from there.
  let state = 0;
  for (const byte of [0, 0, ...frame.subarray(4, split)].toReversed()) {
    for (let bit = 0; bit < 8; bit++) {
      const fedBack = state & 1;
      state = ((state ^ (fedBack * polynomial)) >> 1) | ((fedBack ^ ((byte >> bit) & 1)) << 15);
    }
  }
  new DataView(frame.buffer).setUint16(2, state);
  new DataView(frame.buffer).setUint16(length - 2, crc(frame.subarray(split, length - 2), 16, polynomial));
  return frame;
}

function withEac3Check(writer: BitWriter, length: number): Uint8Array | undefined {
  const frame = padded(writer, length);
  if (frame === undefined) return undefined;
  new DataView(frame.buffer).setUint16(length - 2, crc(frame.subarray(2, length - 2), 16, polynomial));
  return frame;
}

/** Zeros up to the end are no auxiliary data. `undefined` where the bit rate is too low even for silence. */
function padded(writer: BitWriter, length: number): Uint8Array<ArrayBuffer> | undefined {
  // Before the last check stand two more bits.
  if (writer.bitLength + 2 + 16 > length * 8) return undefined;
  const frame = new Uint8Array(length);
  frame.set(writer.bytes());
  return frame;
}
