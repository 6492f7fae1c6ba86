import { type Amf0Value, propertiesOf } from '../amf0/value.ts';
import { readSpliceInfoSection, type SpliceInfoSection } from './splice-info-section.ts';

/** A section as a data message carries it. */
export interface CarriedSection {
  readonly section: SpliceInfoSection;
  /** As it is written into playlists. */
  readonly bytes: Uint8Array;
  /** `time`: when it happens, in seconds on the publisher's clock, if said. */
  readonly timeSeconds: number | undefined;
}

const maxDepth = 4;
const maxValues = 256;
/** Of a text: the longest section has 4,096 bytes. */
const maxCharacters = 8_194;

/**
 * The section in a data message, in base64 or hexadecimal digits, whatever the property is called that it stands in:
 * `onAdCue` of Adobe Primetime has it in `cue`, others in `message`, `scte35` or among `parameters`. The checksum tells
 * it from other texts. `undefined` when there is none.
 */
export function carriedSection(values: readonly Amf0Value[]): CarriedSection | undefined {
  const search = { left: maxValues };
  for (const value of values) {
    const found = sectionIn(value, 0, search);
    if (found !== undefined) return { ...found, timeSeconds: timeOf(value) };
  }
  return undefined;
}

function sectionIn(
  value: Amf0Value,
  depth: number,
  search: { left: number },
): Omit<CarriedSection, 'timeSeconds'> | undefined {
  if (search.left-- <= 0 || depth > maxDepth) return undefined;
  if (typeof value === 'string') return sectionOf(value);
  const items: Iterable<Amf0Value> = Array.isArray(value) ? value : (propertiesOf(value)?.values() ?? []);
  for (const item of items) {
    const found = sectionIn(item, depth + 1, search);
    if (found !== undefined) return found;
  }
  return undefined;
}

function timeOf(value: Amf0Value): number | undefined {
  const time = propertiesOf(value)?.get('time');
  return typeof time === 'number' && Number.isFinite(time) ? time : undefined;
}

function sectionOf(text: string): Omit<CarriedSection, 'timeSeconds'> | undefined {
  const bytes = bytesOf(text.trim());
  if (bytes === undefined) return undefined;
  try {
    return { section: readSpliceInfoSection(bytes), bytes };
  } catch {
    return undefined;
  }
}

/** Every section begins with 0xFC. */
function bytesOf(text: string): Uint8Array | undefined {
  if (text.length > maxCharacters) return undefined;
  const [, digits] = /^(?:0[xX])?([fF][cC](?:[0-9a-fA-F]{2})+)$/.exec(text) ?? [];
  if (digits !== undefined) return Uint8Array.fromHex(digits);
  return /^\/[A-Za-z0-9+/]+={0,2}$/.test(text) && text.length % 4 === 0 ? Uint8Array.fromBase64(text) : undefined;
}
