/** A transport stream as a reader sees it that knows nothing of the writer's code (ISO/IEC 13818-1). */
export interface ReadTransport {
  /** By PID, in order. */
  readonly pes: ReadonlyMap<number, readonly ReadPes[]>;
  readonly packetCounts: ReadonlyMap<number, number>;
  readonly programMapVersion: number;
  readonly clockPid: number;
  /** stream_type by PID. */
  readonly streamTypes: ReadonlyMap<number, number>;
  /** 33 bits each, in order. */
  readonly clocks: readonly { readonly ticks: number; readonly discontinuity: boolean }[];
  /** The last counter of each PID. */
  readonly counters: ReadonlyMap<number, number>;
  /** What is not as it must be, in words. */
  readonly findings: readonly string[];
}

export interface ReadPes {
  readonly streamId: number;
  readonly ptsTicks: number;
  readonly dtsTicks: number;
  readonly payload: Uint8Array;
  readonly randomAccess: boolean;
}

interface Gathering {
  readonly pieces: Uint8Array[];
  readonly randomAccess: boolean;
}

/** Reads a whole file. `before`: counters with which the file before it ended. */
export function readTransport(bytes: Uint8Array, before: ReadonlyMap<number, number> = new Map()): ReadTransport {
  const findings: string[] = [];
  const counters = new Map(before);
  const packetCounts = new Map<number, number>();
  const pes = new Map<number, ReadPes[]>();
  const gathering = new Map<number, Gathering>();
  const clocks: { ticks: number; discontinuity: boolean }[] = [];
  const streamTypes = new Map<number, number>();
  let programMapPid = -1;
  let clockPid = -1;
  let programMapVersion = -1;
  if (bytes.length % 188 !== 0) findings.push(`${bytes.length} bytes are no whole packets`);

  const finish = (pid: number) => {
    const open = gathering.get(pid);
    gathering.delete(pid);
    if (open === undefined) return;
    const read = readPes(concatenated(open.pieces), open.randomAccess, (finding) =>
      findings.push(`${pid}: ${finding}`),
    );
    pes.set(pid, [...(pes.get(pid) ?? []), read]);
  };

  for (let at = 0; at + 188 <= bytes.length; at += 188) {
    const packet = bytes.subarray(at, at + 188);
    const where = `packet ${at / 188}`;
    const byte = (index: number) => packet[index] ?? 0;
    if (byte(0) !== 0x47) findings.push(`${where} has no sync byte`);
    if ((byte(1) & 0xa0) !== 0 || (byte(3) & 0xc0) !== 0) findings.push(`${where} has error, priority or scrambling`);
    const unitStart = (byte(1) & 0x40) !== 0;
    const pid = ((byte(1) & 0x1f) << 8) | byte(2);
    const hasField = (byte(3) & 0x20) !== 0;
    const hasPayload = (byte(3) & 0x10) !== 0;
    const counter = byte(3) & 0x0f;
    const last = counters.get(pid);
    let discontinuity = false;
    let randomAccess = false;
    let payloadAt = 4;
    if (hasField) {
      const length = byte(4);
      payloadAt = 5 + length;
      if (hasPayload ? length > 182 : length !== 183)
        findings.push(`${where} has an adaptation field of ${length} bytes`);
      if (length > 0) {
        discontinuity = (byte(5) & 0x80) !== 0;
        randomAccess = (byte(5) & 0x40) !== 0;
        let fieldAt = 6;
        if ((byte(5) & 0x10) !== 0) {
          const base = byte(6) * 2 ** 25 + byte(7) * 2 ** 17 + byte(8) * 2 ** 9 + byte(9) * 2 + (byte(10) >> 7);
          clocks.push({ ticks: base, discontinuity });
          if (clockPid >= 0 && pid !== clockPid) findings.push(`${where} has a PCR on PID ${pid}`);
          fieldAt = 12;
        }
        if (packet.subarray(fieldAt, payloadAt).some((stuffing) => stuffing !== 0xff)) {
          findings.push(`${where} has stuffing that is not ones`);
        }
      }
    }
    const expected = hasPayload ? ((last ?? counter - 1) + 1) & 0x0f : (last ?? counter);
    if (counter !== expected && !discontinuity)
      findings.push(`${where}: counter ${counter} of PID ${pid}, not ${expected}`);
    counters.set(pid, counter);
    packetCounts.set(pid, (packetCounts.get(pid) ?? 0) + 1);
    if (!hasPayload) continue;
    const payload = packet.subarray(payloadAt);
    if (payload.length === 0) findings.push(`${where} says that it has a payload and has none`);
    if (pid === 0 || pid === programMapPid) {
      const section = readSection(payload, (finding) => findings.push(`${where}: ${finding}`));
      if (pid === 0) programMapPid = ((section[10] ?? 0) & 0x1f) * 256 + (section[11] ?? 0);
      else {
        programMapVersion = ((section[5] ?? 0) >> 1) & 0x1f;
        clockPid = ((section[8] ?? 0) & 0x1f) * 256 + (section[9] ?? 0);
        const infoBytes = ((section[10] ?? 0) & 0x0f) * 256 + (section[11] ?? 0);
        for (let from = 12 + infoBytes; from < section.length - 4; ) {
          const streamPid = ((section[from + 1] ?? 0) & 0x1f) * 256 + (section[from + 2] ?? 0);
          streamTypes.set(streamPid, section[from] ?? 0);
          from += 5 + ((section[from + 3] ?? 0) & 0x0f) * 256 + (section[from + 4] ?? 0);
        }
      }
      continue;
    }
    if (!streamTypes.has(pid)) findings.push(`${where} is of PID ${pid}, which no PMT names`);
    if (unitStart) {
      finish(pid);
      gathering.set(pid, { pieces: [payload], randomAccess });
    } else if (gathering.has(pid)) gathering.get(pid)?.pieces.push(payload);
    else findings.push(`${where} goes on with nothing`);
  }
  for (const pid of Array.from(gathering.keys())) finish(pid);
  return { pes, packetCounts, programMapVersion, clockPid, streamTypes, clocks, counters, findings };
}

function readSection(payload: Uint8Array, report: (finding: string) => void): Uint8Array {
  const from = 1 + (payload[0] ?? 0);
  const length = 3 + ((payload[from + 1] ?? 0) & 0x0f) * 256 + (payload[from + 2] ?? 0);
  const section = payload.subarray(from, from + length);
  if (section.length !== length) report('a section that is cut off');
  // Over a section with its checksum the remainder is zero.
  if (remainder(section) !== 0) report('a section with a wrong checksum');
  if (payload.subarray(from + length).some((byte) => byte !== 0xff)) report('no ones behind a section');
  return section;
}

/** By long division, bit by bit (annex A). */
function remainder(bytes: Uint8Array): number {
  let register = 0xffff_ffffn;
  for (const byte of bytes) {
    for (let bit = 7n; bit >= 0n; bit--) {
      const out = (register >> 31n) ^ ((BigInt(byte) >> bit) & 1n);
      register = (register << 1n) & 0xffff_ffffn;
      if (out === 1n) register ^= 0x04c1_1db7n;
    }
  }
  return Number(register);
}

function readPes(bytes: Uint8Array, randomAccess: boolean, report: (finding: string) => void): ReadPes {
  const byte = (index: number) => bytes[index] ?? 0;
  if (byte(0) !== 0 || byte(1) !== 0 || byte(2) !== 1) report('a PES packet without its start code');
  const length = byte(4) * 256 + byte(5);
  if (length !== 0 && length !== bytes.length - 6) report(`a PES packet of ${bytes.length - 6} that says ${length}`);
  if (length === 0 && (byte(3) & 0xf0) !== 0xe0) report('a PES packet of sound without its length');
  if ((byte(6) & 0xc0) !== 0x80) report('a PES packet without the marker');
  const flags = byte(7) >> 6;
  const timestamp = (at: number, prefix: number) => {
    if (byte(at) >> 4 !== prefix || (byte(at) & byte(at + 2) & byte(at + 4) & 1) !== 1) report('a broken timestamp');
    return (
      ((byte(at) >> 1) & 7) * 2 ** 30 +
      (byte(at + 1) * 128 + (byte(at + 2) >> 1)) * 2 ** 15 +
      (byte(at + 3) * 128 + (byte(at + 4) >> 1))
    );
  };
  if (flags !== 2 && flags !== 3) report('a PES packet without a PTS');
  const ptsTicks = timestamp(9, flags);
  return {
    streamId: byte(3),
    ptsTicks,
    dtsTicks: flags === 3 ? timestamp(14, 1) : ptsTicks,
    payload: bytes.subarray(9 + byte(8)),
    randomAccess,
  };
}

function concatenated(pieces: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(pieces));
}

/** NAL units between start codes. */
export function nalUnitsOf(payload: Uint8Array): Buffer[] {
  const bytes = Buffer.from(payload);
  const starts: number[] = [];
  for (let at = bytes.indexOf('000001', 0, 'hex'); at >= 0; at = bytes.indexOf('000001', at + 3, 'hex'))
    starts.push(at);
  return starts.map((start, index) => {
    let end = starts[index + 1] ?? bytes.length;
    // A zero more before a start code belongs to that.
    while (bytes[end - 1] === 0) end--;
    return bytes.subarray(start + 3, end);
  });
}

/** Frames of AAC without their ADTS headers. */
export function adtsFramesOf(payload: Uint8Array): Uint8Array[] {
  const frames: Uint8Array[] = [];
  for (let at = 0; at < payload.length; ) {
    const [b0 = 0, b1 = 0, , b3 = 0, b4 = 0, b5 = 0] = payload.subarray(at, at + 7);
    const length = ((b3 & 3) << 11) | (b4 << 3) | (b5 >> 5);
    if (b0 !== 0xff || b1 !== 0xf1 || length < 7) throw new Error(`no ADTS header at ${at}`);
    frames.push(payload.subarray(at + 7, at + length));
    at += length;
  }
  return frames;
}
