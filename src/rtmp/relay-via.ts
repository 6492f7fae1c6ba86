import type { Amf0Value } from '../formats/amf0/value.ts';

/**
 * Which servers of ours a connection has come through, as they say in `connect`: the property `streamfrontVia`, their
 * ids joined by commas, the nearest last. One that finds itself there would fetch a stream from itself, or push it to
 * itself.
 */
const propertyName = 'streamfrontVia';

const idGrammar = /^[0-9a-z-]{1,64}$/;

/** A longer chain is no honest one. */
const maxHops = 8;

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

/** Why a connection that has come through these servers is refused by the one named `ownId`, if it is. */
export function refusedVia(
  via: readonly string[],
  ownId: string,
): { readonly code: string; readonly sentence: string } | undefined {
  if (via.includes(ownId)) {
    return {
      code: 'RELAY_LOOP',
      sentence:
        'the stream would come from this server itself: an origin in edge.origins, or a place in origin.live.restream, leads back to it',
    };
  }
  if (via.length < maxHops) return undefined;
  return { code: 'RELAY_TOO_MANY_HOPS', sentence: `the connection has come through ${maxHops} servers already` };
}
