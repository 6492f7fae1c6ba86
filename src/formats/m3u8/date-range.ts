import {
  type AttributeValue,
  attributeTag,
  decimalFloatingPoint,
  enumeratedString,
  hexadecimalSequence,
  quotedString,
} from './attribute-list.ts';

/**
 * A span of wall-clock time with a meaning (EXT-X-DATERANGE, rfc8216bis §4.4.5.1). Dates are those of ISO 8601 with
 * milliseconds and time zone, on the clock of PROGRAM-DATE-TIME. Without `endDate`, `durationSeconds` and `endOnNext`
 * its end is not known.
 */
export interface DateRange {
  /** Unique in the playlist, for good; without quotes, tabs and line breaks. */
  readonly id: string;
  readonly className?: string;
  readonly startDate: string;
  /** When a player acts on it, if not by its dates. */
  readonly cue?: readonly ('PRE' | 'POST' | 'ONCE')[];
  readonly endDate?: string;
  /** An instant lasts 0. */
  readonly durationSeconds?: number;
  /** Expected, while it is not known when it ends. */
  readonly plannedDurationSeconds?: number;
  /** A whole `splice_info_section()` each (rfc8216bis §4.4.5.1.1). */
  readonly scte35Cmd?: Uint8Array;
  readonly scte35Out?: Uint8Array;
  readonly scte35In?: Uint8Array;
  /** It ends where the next one of its class begins. */
  readonly endOnNext?: boolean;
  /** By names that begin with `X-`, of capital letters, digits and hyphens. */
  readonly extensions?: Readonly<Record<string, string | number | Uint8Array>>;
}

/** The tag. Who makes the range sees to it that its attributes go together. */
export function dateRangeTag(range: DateRange): string {
  const extensions: Record<string, AttributeValue> = {};
  for (const [name, value] of Object.entries(range.extensions ?? {})) extensions[name] = extensionValue(value);
  return attributeTag('EXT-X-DATERANGE', {
    ID: quotedString(range.id),
    CLASS: ifGiven(range.className, quotedString),
    'START-DATE': quotedString(range.startDate),
    CUE: ifGiven(range.cue, (cue) => quotedString(cue.join(','))),
    'END-DATE': ifGiven(range.endDate, quotedString),
    DURATION: ifGiven(range.durationSeconds, decimalFloatingPoint),
    'PLANNED-DURATION': ifGiven(range.plannedDurationSeconds, decimalFloatingPoint),
    ...extensions,
    'SCTE35-CMD': ifGiven(range.scte35Cmd, hexadecimalSequence),
    'SCTE35-OUT': ifGiven(range.scte35Out, hexadecimalSequence),
    'SCTE35-IN': ifGiven(range.scte35In, hexadecimalSequence),
    'END-ON-NEXT': range.endOnNext === true ? enumeratedString('YES') : undefined,
  });
}

function ifGiven<T>(value: T | undefined, write: (value: T) => AttributeValue): AttributeValue | undefined {
  return value === undefined ? undefined : write(value);
}

function extensionValue(value: string | number | Uint8Array): AttributeValue {
  if (typeof value === 'number') return decimalFloatingPoint(value);
  return typeof value === 'string' ? quotedString(value) : hexadecimalSequence(value);
}
