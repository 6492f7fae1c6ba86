import { ProtocolError } from '../../base/errors.ts';
import { type Amf0StrictArray, type Amf0Value, propertiesOf } from '../amf0/value.ts';
import { metadataName } from '../media/data-message.ts';
import { noKeyframes } from '../media/keyframe-table.ts';
import type { KeyframeTable } from '../media/stored-media.ts';
import { decodeDataMessage, type RtmpData } from '../rtmp/data-message.ts';

/** What `onMetaData` of a file says, as far as it can be used. */
export interface FileMetadata {
  readonly durationMs: number | undefined;
  readonly filesizeBytes: number | undefined;
  readonly framesPerSecond: number | undefined;
  /** Of the timestamps in the file. Empty where there is none, or none that can be right. */
  readonly keyframes: KeyframeTable;
}

/** Recorders without end write a duration of which only the exponent is right; nothing plays for so long. */
export const longestDurationMs = 0x7fff_ffff;

/** The body of a tag of script data; `undefined` for what cannot be read: it is no matter to the media. */
export function scriptDataOf(typeId: number, body: Uint8Array): RtmpData | undefined {
  return (
    readable(typeId, body) ?? (endsObject(body) ? readable(typeId, body.subarray(0, -objectEnd.length)) : undefined)
  );
}

const objectEnd = [0, 0, 9] as const;

/** Early versions of §E.4.4.1 wanted an end of object behind all values, and some writers do so. */
function endsObject(body: Uint8Array): boolean {
  return objectEnd.every((byte, index) => body[body.length - objectEnd.length + index] === byte);
}

function readable(typeId: number, payload: Uint8Array): RtmpData | undefined {
  try {
    return decodeDataMessage({ typeId, messageStreamId: 0, timestampMs: 0, payload });
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}

/** `undefined` when it is other script data. */
export function fileMetadataOf(data: RtmpData, lengthBytes: number): FileMetadata | undefined {
  const properties = data.name === metadataName ? propertiesOf(data.args[0]) : undefined;
  if (properties === undefined) return undefined;
  const durationMs = positive(properties.get('duration'));
  const keyframes = propertiesOf(properties.get('keyframes'));
  return {
    durationMs: durationMs === undefined ? undefined : boundedMs(Math.round(durationMs * 1_000)),
    filesizeBytes: positive(properties.get('filesize')),
    framesPerSecond: frameRate(positive(properties.get('framerate'))),
    keyframes: keyframeTable(keyframes?.get('times'), keyframes?.get('filepositions'), lengthBytes),
  };
}

/** Some recorders write the time base, or a number that says nothing. */
const highestFrameRate = 1_000;

function frameRate(framesPerSecond: number | undefined): number | undefined {
  return framesPerSecond !== undefined && framesPerSecond < highestFrameRate ? framesPerSecond : undefined;
}

function boundedMs(ms: number): number | undefined {
  return ms <= longestDurationMs ? ms : undefined;
}

function positive(value: Amf0Value): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : undefined;
}

/** As many of both, ascending, within the file: whether keyframes stand there is found out where they are needed. */
function keyframeTable(times: Amf0Value, positions: Amf0Value, lengthBytes: number): KeyframeTable {
  if (!isArray(times) || !isArray(positions) || times.length !== positions.length) return noKeyframes;
  const table = { timesMs: new Float64Array(times.length), offsets: new Float64Array(times.length) };
  let [lastMs, lastOffset] = [0, -1];
  for (const [index, seconds] of times.entries()) {
    const offset = positions[index];
    if (typeof seconds !== 'number' || typeof offset !== 'number' || !Number.isSafeInteger(offset)) return noKeyframes;
    const timeMs = Math.round(seconds * 1_000);
    const inOrder = timeMs >= lastMs && timeMs <= longestDurationMs && offset > lastOffset && offset < lengthBytes;
    if (!inOrder) return noKeyframes;
    table.timesMs[index] = timeMs;
    table.offsets[index] = offset;
    [lastMs, lastOffset] = [timeMs, offset];
  }
  return table;
}

function isArray(value: Amf0Value): value is Amf0StrictArray {
  return Array.isArray(value);
}
