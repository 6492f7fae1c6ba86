import { ByteReader } from '../../base/byte-reader.ts';
import { fullBox, text, uint32, zeros } from './box.ts';
import { boxesIn } from './box-reader.ts';

/** Something that happens at an instant of a track's time. */
export interface EventMessage {
  /** Says what `data` is: a URI. */
  readonly scheme: string;
  readonly timescale: number;
  readonly presentationTimeTicks: number;
  /** The same for the same event, wherever it is found. */
  readonly id: number;
  readonly data: Uint8Array;
}

/** ID3 timed metadata in CMAF (AOMedia, "Carriage of ID3 Timed Metadata in the Common Media Application Format" §2). */
export const id3EventScheme = 'https://aomedia.org/emsg/ID3';

const unknownDuration = 0xffff_ffff;

/** An event message box, version 1 (ISO/IEC 23009-1 §5.10.3.3). Stands before the `moof` of its part. */
export function eventMessage({ scheme, timescale, presentationTimeTicks, id, data }: EventMessage): Uint8Array {
  return fullBox(
    'emsg',
    1,
    0,
    uint32(timescale, Math.floor(presentationTimeTicks / 2 ** 32), presentationTimeTicks % 2 ** 32),
    uint32(unknownDuration, id),
    text(scheme),
    zeros(1),
    zeros(1), // no value
    data,
  );
}

/** The messages before the `moof` of a part, as `eventMessage` has written them. Views. Throws `ProtocolError`. */
export function readEventMessages(part: Uint8Array): EventMessage[] {
  const found: EventMessage[] = [];
  for (const { fourcc, body } of boxesIn(part, 'boxes of a part')) {
    if (fourcc === 'moof') break;
    if (fourcc === 'emsg') found.push(readEventMessage(body));
  }
  return found;
}

function readEventMessage(body: Uint8Array): EventMessage {
  const reader = new ByteReader(body, 'emsg');
  reader.skip(4); // version and flags
  const timescale = reader.uint32();
  const presentationTimeTicks = reader.uint64();
  reader.skip(4); // duration
  const id = reader.uint32();
  const scheme = untilZero(reader);
  untilZero(reader); // value
  return { scheme, timescale, presentationTimeTicks, id, data: reader.bytes(reader.remaining) };
}

function untilZero(reader: ByteReader): string {
  let characters = '';
  for (let byte = reader.uint8(); byte !== 0; byte = reader.uint8()) characters += String.fromCharCode(byte);
  return characters;
}
