import { BitWriter } from '../../base/bit-writer.ts';
import { ProtocolError } from '../../base/errors.ts';
import type { Ac3TrackConfig } from '../media/track.ts';
import { type Ac3Frame, type Eac3Frame, frameError, parseAc3SyncFrame } from './sync-frame.ts';

/** An independent substream of E-AC-3 and those that add channels to it. */
interface Program {
  readonly independent: Eac3Frame;
  dependents: number;
  /** chan_loc: which channels those add. */
  channelLocations: number;
}

/** Of E-AC-3: the frames of all substreams for the same time, and of more than one time where frames are short. */
interface Eac3AccessUnit {
  readonly programs: readonly Program[];
  readonly samples: number;
  readonly bytes: number;
}

/** Eight programs of six short frames; more is no access unit. */
const maxFrames = 48;

/**
 * Throws `ProtocolError` where the first frame cannot be read or nothing is of the first program; what follows and cannot
 * be read is not counted.
 */
function parseEac3AccessUnit(data: Uint8Array): Eac3AccessUnit {
  const programs = new Map<number, Program>();
  let samples = 0;
  let current: Program | undefined;
  let at = 0;
  let frames = 0;
  do {
    const frame = at === 0 ? parseAc3SyncFrame(data) : laterFrame(data.subarray(at));
    if (frame?.codec !== 'eac3') break;
    at += frame.bytes;
    if (frame.dependent) {
      if (current !== undefined) addDependent(current, frame);
      continue;
    }
    if (frame.substreamId === 0) samples += frame.samplesPerFrame;
    // A second frame of the same substream is of a later time.
    current = programs.has(frame.substreamId) ? undefined : { independent: frame, dependents: 0, channelLocations: 0 };
    if (current !== undefined) programs.set(frame.substreamId, current);
  } while (at < data.length && ++frames < maxFrames);
  if (samples === 0) throw frameError('an access unit without the first independent substream');
  return { programs: [...programs.values()], samples, bytes: at };
}

function laterFrame(data: Uint8Array) {
  try {
    return parseAc3SyncFrame(data);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return undefined;
  }
}

/** Places of a chanmap (table E.1.4), counted from the highest bit, in the order of chan_loc. */
const locationsOfMap = [5, 6, 7, 8, 9, 10, 11, 12, 14] as const;
/** Of those, in the order of chan_loc, the pairs. */
const pairs = [true, true, false, false, true, true, true, false, false] as const;

function addDependent(program: Program, { channelMap }: Eac3Frame): void {
  program.dependents++;
  for (const [index, place] of locationsOfMap.entries()) {
    if (((channelMap ?? 0) & (0x8000 >> place)) !== 0) program.channelLocations |= 1 << index;
  }
}

function channelsOf({ independent, channelLocations }: Program): number {
  const added = pairs.map((isPair, index) => ((channelLocations >> index) & 1) * (isPair ? 2 : 1));
  return added.reduce((sum, channels) => sum + channels, independent.channels);
}

/** Samples in an access unit of E-AC-3. Throws as `parseAc3SyncFrame`. */
export function eac3Samples(data: Uint8Array): number {
  return parseEac3AccessUnit(data).samples;
}

/** The track of an AC-3 or E-AC-3 stream that begins with this access unit. Throws as `parseAc3SyncFrame`. */
export function ac3TrackConfig(codec: 'ac3' | 'eac3', data: Uint8Array, trackId = 0): Ac3TrackConfig {
  const header = parseAc3SyncFrame(data);
  if (header.codec !== codec) throw frameError(`a frame of ${header.codec} in a track of ${codec}`);
  const track = { kind: 'audio', codec, trackId, description: undefined, sampleRate: header.sampleRate } as const;
  if (header.codec === 'ac3') {
    const { channels, samplesPerFrame } = header;
    return { ...track, codecString: 'ac-3', channels, samplesPerFrame, specificBox: ac3SpecificBox(header) };
  }
  const unit = parseEac3AccessUnit(data);
  return {
    ...track,
    codecString: 'ec-3',
    // Those of the first program: the others are told instead of it.
    channels: unit.programs[0] === undefined ? header.channels : channelsOf(unit.programs[0]),
    samplesPerFrame: unit.samples,
    specificBox: ec3SpecificBox(unit, header.sampleRate),
  };
}

/** The body of AC3SpecificBox (§F.4). */
function ac3SpecificBox(frame: Ac3Frame): Uint8Array {
  const { sampleRateCode, bitstreamId, bitstreamMode, mode, lowFrequency, frameSizeCode } = frame;
  return new BitWriter()
    .write(2, sampleRateCode)
    .write(5, bitstreamId)
    .write(3, bitstreamMode)
    .write(3, mode)
    .write(1, Number(lowFrequency))
    .write(5, frameSizeCode >> 1) // bit_rate_code
    .write(5, 0) // reserved
    .bytes();
}

/** The body of EC3SpecificBox (§F.6). bsmod stands deep in the frame and is left at 0, main service. */
function ec3SpecificBox({ programs, samples, bytes }: Eac3AccessUnit, sampleRate: number): Uint8Array {
  const kilobitsPerSecond = Math.round((bytes * 8 * sampleRate) / samples / 1_000);
  const writer = new BitWriter().write(13, Math.min(kilobitsPerSecond, 0x1fff)).write(3, programs.length - 1);
  for (const { independent, dependents, channelLocations } of programs) {
    const { sampleRateCode, bitstreamId, mode, lowFrequency } = independent;
    writer.write(2, sampleRateCode).write(5, bitstreamId).write(2, 0).write(3, 0); // …, reserved, asvc, bsmod
    writer.write(3, mode).write(1, Number(lowFrequency)).write(3, 0).write(4, dependents);
    writer.write(dependents > 0 ? 9 : 1, channelLocations);
  }
  return writer.bytes();
}
