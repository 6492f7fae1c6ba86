import type { FieldLines } from '../formats/http-fields/field-lines.ts';

/** What the edge says itself, in place of the origin: ranges, too, it cuts itself. */
const ownFields = [
  'via',
  'cache-status',
  'x-cache',
  'age',
  'x-edge-location',
  'x-request-id',
  'content-length',
  'accept-ranges',
];
export const ownFieldNames: ReadonlySet<string> = new Set(ownFields);

/** With CORS switched on, the edge's word is the only one: two Allow-Origin fields make a browser refuse both. */
const corsFieldNames = [
  'access-control-allow-origin',
  'access-control-allow-credentials',
  'access-control-allow-methods',
  'access-control-allow-headers',
  'access-control-expose-headers',
  'access-control-max-age',
  'timing-allow-origin',
];
export const ownFieldNamesWithCors: ReadonlySet<string> = new Set([...ownFields, ...corsFieldNames]);

/** Those of the fields above that are not the same for viewers whatever else they get. */
const variousFieldNames: ReadonlySet<string> = new Set(['via', 'cache-status', ...corsFieldNames]);

/**
 * What viewers get of an origin's fields, as lines of text, in one piece of memory. `undefined` where that depends on who
 * asks, or goes on into a field of the edge's.
 */
export function plainLines(fields: FieldLines): string | undefined {
  let text = '';
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = (fields[i] ?? '').toLowerCase();
    if (variousFieldNames.has(name)) return undefined;
    if (!ownFieldNames.has(name)) text += `${fields[i]}: ${fields[i + 1]}\r\n`;
  }
  // What is put together from pieces keeps them beside it.
  return Buffer.from(text, 'latin1').toString('latin1');
}
