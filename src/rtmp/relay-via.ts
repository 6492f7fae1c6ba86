import type { Amf0Value } from '../formats/amf0/value.ts';

/**
 * Which edges a request has come through, as they say in `connect`: the property `streamfrontVia`, their ids joined by
 * commas, the nearest last. An edge that finds itself there would fetch a stream from itself.
 */
const propertyName = 'streamfrontVia';

const idGrammar = /^[0-9a-z-]{1,64}$/;

/** A chain of edges longer than this is no honest one. */
export const maxHops = 8;

export function viaProperty(ids: readonly string[]): Readonly<Record<string, Amf0Value>> {
  return { [propertyName]: ids.join(',') };
}

/** Empty for a client that is no edge. At most one more than `maxHops`. */
export function readVia(properties: ReadonlyMap<string, Amf0Value>): readonly string[] {
  const value = properties.get(propertyName);
  if (typeof value !== 'string' || value === '') return [];
  return value
    .slice(0, 1_024)
    .split(',', maxHops + 1)
    .filter((id) => idGrammar.test(id));
}
