/** A bare item (RFC 9651 §3.3). Integers and decimals differ in kind, though both are numbers: `1` is not `1.0`. */
export type BareItem =
  | { readonly kind: 'integer'; readonly value: number }
  | { readonly kind: 'decimal'; readonly value: number }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'token'; readonly value: string }
  /** Still in base64. */
  | { readonly kind: 'bytes'; readonly value: string }
  | { readonly kind: 'boolean'; readonly value: boolean }
  /** Seconds since 1970. */
  | { readonly kind: 'date'; readonly value: number }
  | { readonly kind: 'display-string'; readonly value: string };

/** An inner list keeps its place as a kind; what stands in it is checked and not kept (nothing here reads one). */
export type DictionaryMember = BareItem | { readonly kind: 'inner-list' };

/**
 * A Dictionary Structured Field (RFC 9651 §4.2.2), all lines of it joined; parameters are checked and dropped, of a
 * repeated key the last counts. `undefined` if any of it breaks the grammar: such a field is to be ignored whole.
 */
export function parseDictionary(values: readonly string[]): ReadonlyMap<string, DictionaryMember> | undefined {
  const text = values.join(',');
  const members = new Map<string, DictionaryMember>();
  const at = new Cursor(text);
  at.skip(spaces);
  while (!at.ended) {
    const key = at.take(keyText);
    if (key === undefined) return undefined;
    const member = at.take(/=/y) === undefined ? trueItem : dictionaryMember(at);
    if (member === undefined || !skipParameters(at)) return undefined;
    members.set(key, member);
    at.skip(optionalWhiteSpace);
    if (at.ended) return members;
    if (at.take(/,/y) === undefined) return undefined;
    at.skip(optionalWhiteSpace);
    // A comma at the end is not in the grammar (§4.2.2, step 2.9).
    if (at.ended) return undefined;
  }
  return members;
}

const trueItem: BareItem = { kind: 'boolean', value: true };

const spaces = / */y;
const optionalWhiteSpace = /[ \t]*/y;
const keyText = /[a-z*][a-z0-9_\-.*]*/y;
const numberText = /-?\d+(?:\.\d+)?/y;
const stringText = /"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*"/y;
const tokenText = /[A-Za-z*][!#$%&'*+\-.^_`|~0-9A-Za-z:/]*/y;
// As §4.2.7 asks of parsers: missing padding is put up with.
const bytesText = /:[A-Za-z0-9+/]*={0,2}:/y;
const booleanText = /\?[01]/y;
const dateText = /@-?\d{1,15}(?![\d.])/y;
const displayStringText = /%"(?:[\x20\x21\x23\x24\x26-\x7e]|%[0-9a-f]{2})*"/y;

/** A place in a text; regular expressions given to it must be sticky. */
class Cursor {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get ended(): boolean {
    return this.#at >= this.#text.length;
  }

  /** What matches here, and goes past it. */
  take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  skip(pattern: RegExp): void {
    this.take(pattern);
  }
}

function dictionaryMember(at: Cursor): DictionaryMember | undefined {
  if (at.take(/\(/y) === undefined) return bareItem(at);
  for (;;) {
    at.skip(spaces);
    if (at.take(/\)/y) !== undefined) return { kind: 'inner-list' };
    if (bareItem(at) === undefined || !skipParameters(at)) return undefined;
    if (at.take(/(?=[ )])/y) === undefined) return undefined;
  }
}

/** `false` if what stands here begins as parameters and breaks the grammar (§4.2.3.2). */
function skipParameters(at: Cursor): boolean {
  while (at.take(/; */y) !== undefined) {
    if (at.take(keyText) === undefined) return false;
    if (at.take(/=/y) !== undefined && bareItem(at) === undefined) return false;
  }
  return true;
}

function bareItem(at: Cursor): BareItem | undefined {
  const number = at.take(numberText);
  if (number !== undefined) return numberItem(number);
  const string = at.take(stringText);
  if (string !== undefined) return { kind: 'string', value: string.slice(1, -1).replaceAll(/\\(.)/g, '$1') };
  const token = at.take(tokenText);
  if (token !== undefined) return { kind: 'token', value: token };
  const bytes = at.take(bytesText);
  if (bytes !== undefined) return { kind: 'bytes', value: bytes.slice(1, -1) };
  const boolean = at.take(booleanText);
  if (boolean !== undefined) return { kind: 'boolean', value: boolean === '?1' };
  const date = at.take(dateText);
  if (date !== undefined) return { kind: 'date', value: Number(date.slice(1)) };
  const display = at.take(displayStringText);
  return display === undefined ? undefined : displayStringItem(display);
}

/** At most 15 digits, or 12 before the point and 3 after it (§4.2.4). */
function numberItem(text: string): BareItem | undefined {
  const [whole = '', fraction] = text.replace('-', '').split('.');
  if (fraction === undefined) return whole.length > 15 ? undefined : { kind: 'integer', value: Number(text) };
  return whole.length > 12 || fraction.length > 3 ? undefined : { kind: 'decimal', value: Number(text) };
}

/** Percent-encoded UTF-8 (§4.2.10). */
function displayStringItem(text: string): BareItem | undefined {
  try {
    return { kind: 'display-string', value: decodeURIComponent(text.slice(2, -1)) };
  } catch {
    return undefined;
  }
}
