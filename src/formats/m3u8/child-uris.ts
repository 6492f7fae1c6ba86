/** A URI in a playlist, and where in its text it stands. */
export interface ChildUri {
  /** With the variables that the playlist defines put in (rfc8216bis §4.3). */
  readonly uri: string;
  /** Where a parameter goes that is appended to it: behind its query, before its fragment. */
  readonly at: number;
  /** Whether it has a query. */
  readonly hasQuery: boolean;
}

/** Attributes whose value is a URI (rfc8216bis §4.4; X-ASSET-… are those of interstitials, appendix D). */
const uriAttributes = new Set(['URI', 'SERVER-URI', 'X-ASSET-URI', 'X-ASSET-LIST']);
const attribute = /([A-Z0-9-]+)=("[^"\r\n]*"|[^",\r\n]*)/g;

/** All URIs of a playlist: segments, parts, maps, keys, renditions, hints, reports. Nothing for what is no playlist. */
export function childUris(text: string): readonly ChildUri[] {
  if (!text.startsWith('#EXTM3U')) return [];
  const found: ChildUri[] = [];
  const variables = new Map<string, string>();
  let lineAt = 0;
  while (lineAt < text.length) {
    const newline = text.indexOf('\n', lineAt);
    const next = newline === -1 ? text.length : newline + 1;
    const line = text.slice(lineAt, next).trimEnd();
    if (line.startsWith('#EXT-X-DEFINE:')) {
      define(line, variables);
    } else if (line.startsWith('#EXT') && line.includes('"') && !line.startsWith('#EXTINF:')) {
      for (const { value, at } of uriValues(line)) found.push(childUri(value, lineAt + at, variables));
    } else if (line !== '' && !line.startsWith('#')) {
      found.push(childUri(line, lineAt, variables));
    }
    lineAt = next;
  }
  return found;
}

/** The values of a line's attributes that are URIs. */
function uriValues(line: string): { readonly value: string; readonly at: number }[] {
  const values: { value: string; at: number }[] = [];
  for (const { 0: match, 1: name = '', 2: value = '', index } of line.matchAll(attribute)) {
    if (uriAttributes.has(name) && value.length > 2 && value.startsWith('"')) {
      values.push({ value: value.slice(1, -1), at: index + match.length - value.length + 1 });
    }
  }
  return values;
}

function define(line: string, variables: Map<string, string>): void {
  const attributes = new Map<string, string>();
  for (const [, name = '', value = ''] of line.matchAll(attribute)) attributes.set(name, value.slice(1, -1));
  const [name, value] = [attributes.get('NAME'), attributes.get('VALUE')];
  if (name !== undefined && value !== undefined) variables.set(name, value);
}

function childUri(written: string, startsAt: number, variables: ReadonlyMap<string, string>): ChildUri {
  const fragmentAt = written.indexOf('#');
  const at = startsAt + (fragmentAt === -1 ? written.length : fragmentAt);
  const uri = written.includes('{$')
    ? written.replaceAll(/\{\$([A-Za-z0-9_-]+)\}/g, (whole, name: string) => variables.get(name) ?? whole)
    : written;
  return { uri, at, hasQuery: uri.includes('?') };
}
