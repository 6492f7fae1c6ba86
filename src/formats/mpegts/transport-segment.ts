import { totalLength } from '../../base/byte-pieces.ts';
import { ProtocolError } from '../../base/errors.ts';
import type { ElementaryStream } from './elementary-stream.ts';
import { type AdaptationField, PacketWriter } from './packet-writer.ts';
import { largestPesPayload, pesPacket } from './pes-packet.ts';
import { pid, programAssociationSection, programMapSection, type ProgramStream } from './program-tables.ts';
import { streamTypes } from './stream-type.ts';
import { systemTimescale, toSystemTicks } from './timestamp.ts';

/** An access unit as MP4 carries it. Ticks of its track. */
export interface TransportUnit {
  readonly dtsTicks: number;
  readonly durationTicks: number;
  readonly compositionOffsetTicks: number;
  readonly keyframe: boolean;
  readonly data: Uint8Array;
}

/** One track of a segment, its units in decode order. */
export interface TransportTrack {
  readonly stream: ElementaryStream;
  readonly timescale: number;
  readonly units: readonly TransportUnit[];
}

/** An ID3 tag at an instant, in ticks of 90 kHz. */
export interface TransportMetadata {
  readonly ptsTicks: number;
  /** One that is longer than a PES packet may be is left out. */
  readonly tag: Uint8Array;
}

export interface TransportSegment {
  /** Media sequence number. */
  readonly msn: number;
  /** Time does not go on from the segment before. */
  readonly discontinuity: boolean;
  /** At least one, at most one of each kind; tracks without units are announced all the same. */
  readonly tracks: readonly TransportTrack[];
  /** By time; also when there is none it is announced, unless this is left out. */
  readonly metadata?: readonly TransportMetadata[];
  /** Another number when the tracks are others than before; counts to 31. */
  readonly version: number;
}

/** The longest that two PCRs may be apart is 100 ms (ISO/IEC 13818-1 §2.7.2). */
const clockIntervalTicks = 0.08 * systemTimescale;
/** How long before its decode time an access unit arrives: what is written between two PCRs. */
const decoderDelayTicks = 0.2 * systemTimescale;
/** Frames of sound share a PES packet up to here: each has a head of 14 bytes, and stuffing to the end of a packet. */
const soundPesBytes = 2_800;
const soundPesSeconds = 0.2;

/** What becomes one PES packet. Ticks of 90 kHz. */
interface TimedPes {
  readonly pid: number;
  readonly streamId: number;
  readonly ptsTicks: number;
  readonly dtsTicks: number;
  readonly pieces: readonly Uint8Array[];
  readonly randomAccess: boolean;
  readonly isLast: boolean;
}

/**
 * A media segment of HLS as a transport stream with one program (rfc8216bis §3.1.1): tables first, then PES packets in
 * the order of their decode times, PTS and DTS those of the tracks.
 *
 * Segments are made apart, in any order, and continuity counters go on from one to the next all the same: each has one
 * PAT and one PMT, counted by `msn`, and of each track sixteen packets or a multiple of it. Access units that cannot be
 * read are left out: no decoder could make anything of them.
 */
export function writeTransportSegment(segment: TransportSegment): Uint8Array<ArrayBuffer> {
  const { msn, tracks, version, discontinuity, metadata } = segment;
  const clocked = tracks.find(({ stream }) => stream.kind === 'video') ?? tracks[0];
  if (clocked === undefined) throw new Error('a transport stream needs a track');
  const clockPid = pid[clocked.stream.kind];
  const writer = new PacketWriter();
  const streams: ProgramStream[] = tracks.map(({ stream }) => ({ pid: pid[stream.kind], type: stream.type }));
  if (metadata !== undefined) streams.push({ pid: pid.metadata, type: streamTypes.id3 });
  for (const table of [pid.programAssociation, pid.programMap]) writer.setCounter(table, msn);
  writer.writeSection(pid.programAssociation, programAssociationSection());
  writer.writeSection(pid.programMap, programMapSection(streams, clockPid, version));

  const clock = new Clock(writer, clockPid, discontinuity);
  const packets = [...tracks.flatMap(pesOf), ...metadataPes(metadata ?? [])].sort((a, b) => a.dtsTicks - b.dtsTicks);
  const [first] = packets;
  if (first !== undefined && first.pid !== clockPid) clock.write(first.dtsTicks);
  for (const packet of packets) {
    clock.advance(packet.dtsTicks);
    const field = {
      ...(packet.pid === clockPid ? clock.field(packet.dtsTicks) : {}),
      randomAccess: packet.randomAccess,
    };
    const isOpenEnded = packet.pid === pid.video;
    writer.writePes(packet.pid, pesPacket({ ...packet, isOpenEnded }), field, packet.isLast);
  }
  const last = clocked.units.at(-1);
  if (last !== undefined) clock.advance(toSystemTicks(last.dtsTicks + last.durationTicks, clocked.timescale));
  return writer.bytes;
}

/** Writes a PCR wherever too much time would pass without one. */
class Clock {
  readonly #writer: PacketWriter;
  readonly #pid: number;
  #discontinuity: boolean;
  #lastTicks: number | undefined;

  constructor(writer: PacketWriter, clockPid: number, discontinuity: boolean) {
    this.#writer = writer;
    this.#pid = clockPid;
    this.#discontinuity = discontinuity;
  }

  /** In a packet of its own. */
  write(dtsTicks: number): void {
    this.#writer.writeClock(this.#pid, this.field(dtsTicks));
  }

  /** Up to what is decoded at `dtsTicks`, and not then. */
  advance(dtsTicks: number): void {
    const last = this.#lastTicks;
    if (last === undefined) return;
    for (let at = last + clockIntervalTicks; at < dtsTicks; at += clockIntervalTicks) this.write(at);
  }

  /** Of the packet with which that begins which is decoded then. */
  field(dtsTicks: number): AdaptationField {
    this.#lastTicks = dtsTicks;
    const discontinuity = this.#discontinuity;
    this.#discontinuity = false;
    return { clockTicks: arrivalTicks(dtsTicks), discontinuity };
  }
}

/** The delay grows with the first 400 ms of a stream: a PCR before zero would look like one of 26 hours. */
function arrivalTicks(dtsTicks: number): number {
  return dtsTicks - Math.min(decoderDelayTicks, Math.max(0, Math.floor(dtsTicks / 2)));
}

function pesOf({ stream, timescale, units }: TransportTrack): TimedPes[] {
  const packets: (TimedPes & { pieces: Uint8Array[] })[] = [];
  let [startTicks, endTicks] = [Number.NaN, Number.NaN];
  let payloadBytes = 0;
  let lastDtsTicks: number | undefined;
  for (const unit of units) {
    const pieces = readable(() => stream.write(unit.data, unit.keyframe));
    if (pieces.length === 0) continue;
    const bytes = totalLength(pieces);
    const open = packets.at(-1);
    const follows = unit.dtsTicks === endTicks;
    endTicks = unit.dtsTicks + unit.durationTicks;
    const fits = payloadBytes + bytes <= soundPesBytes && endTicks - startTicks <= soundPesSeconds * timescale;
    if (open !== undefined && stream.kind === 'audio' && follows && fits) {
      open.pieces.push(...pieces);
      payloadBytes += bytes;
      continue;
    }
    startTicks = unit.dtsTicks;
    payloadBytes = bytes;
    const dtsTicks = decodeTicks(unit, lastDtsTicks);
    lastDtsTicks = dtsTicks;
    packets.push({
      pid: pid[stream.kind],
      streamId: stream.type.streamId,
      dtsTicks: toSystemTicks(dtsTicks, timescale),
      ptsTicks: toSystemTicks(unit.dtsTicks + unit.compositionOffsetTicks, timescale),
      pieces: [...pieces],
      randomAccess: stream.kind === 'audio' || unit.keyframe,
      isLast: false,
    });
  }
  return packets.map((packet, index) => ({ ...packet, isLast: index === packets.length - 1 }));
}

/**
 * MP4 lets a unit be shown before its decode time, a transport stream does not (ISO/IEC 13818-1 §2.4.3.7): then it is
 * decoded when it is shown, where that is behind the unit before. The first takes that to have lasted as long as itself.
 */
function decodeTicks({ dtsTicks, durationTicks, compositionOffsetTicks }: TransportUnit, last?: number): number {
  const ptsTicks = dtsTicks + compositionOffsetTicks;
  return ptsTicks < dtsTicks && ptsTicks > (last ?? dtsTicks - durationTicks) ? ptsTicks : dtsTicks;
}

function metadataPes(metadata: readonly TransportMetadata[]): TimedPes[] {
  const fitting = metadata.filter(({ tag }) => tag.length <= largestPesPayload);
  return fitting.map(({ ptsTicks, tag }, index) => ({
    pid: pid.metadata,
    streamId: streamTypes.id3.streamId,
    ptsTicks,
    dtsTicks: ptsTicks,
    pieces: [tag],
    randomAccess: false,
    isLast: index === fitting.length - 1,
  }));
}

function readable(write: () => readonly Uint8Array[]): readonly Uint8Array[] {
  try {
    return write();
  } catch (error) {
    if (error instanceof ProtocolError) return [];
    throw error;
  }
}
