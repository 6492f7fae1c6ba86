import { normaliseAcceptEncoding } from '../formats/http-fields/accept-encoding.ts';
import type { FieldLines } from '../formats/http-fields/field-lines.ts';
import type { PlainGet } from '../http/plain-get.ts';
import type { ResponseHead } from './edge-response.ts';

/**
 * Whether nothing but Accept-Encoding chooses this response. Any other field may be one that not every origin gets to see:
 * the steps of a request know.
 */
export function isPlainlySelected({ selecting }: ResponseHead): boolean {
  return selecting.every((name) => name === 'accept-encoding');
}

/** What the origin would see of a plain GET, as far as it chooses a response that `isPlainlySelected`. */
export function plainSelectingFields({ fields }: PlainGet): FieldLines {
  const encoding = normaliseAcceptEncoding(fields.acceptEncoding);
  return encoding === undefined ? [] : ['Accept-Encoding', encoding];
}
