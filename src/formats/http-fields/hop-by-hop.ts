import { type FieldLines, fieldValues, withoutFields } from './field-lines.ts';
import { splitList } from './list.ts';

const always = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

/** The fields that are meant for more than one connection: without the hop-by-hop ones and those Connection names (RFC 9110 §7.6.1). */
export function endToEndFields(fields: FieldLines): string[] {
  const named = splitList(fieldValues(fields, 'connection').join(',')).map((name) => name.toLowerCase());
  return withoutFields(fields, new Set([...always, ...named]));
}
