import { Amf0EcmaArray, type Amf0Value, propertiesOf } from '../formats/amf0/value.ts';

/**
 * What is true of a file and not of a live stream. A length makes players stop there; an index of keyframes makes
 * mpegts.js seek in it.
 */
const ofFilesOnly: ReadonlySet<string> = new Set([
  'duration',
  'filesize',
  'keyframes',
  'hasKeyframes',
  'lasttimestamp',
  'lastkeyframetimestamp',
  'lastkeyframelocation',
  'datasize',
  'videosize',
  'audiosize',
  'canSeekToEnd',
]);

/** The values of `onMetaData` as players of a live stream get them: what the publisher said, as an ECMA array. */
export function playerMetadata(values: readonly Amf0Value[]): Amf0Value[] {
  const properties = propertiesOf(values[0]) ?? new Map<string, Amf0Value>();
  return [new Amf0EcmaArray(new Map([...properties].filter(([name]) => !ofFilesOnly.has(name))))];
}
