import type { StoredCodec } from '../stores/stored-codec.ts';
import { CachedResponse, type ResponseHead } from './edge-response.ts';

/**
 * Stored responses as the disk tier keeps them. Worth it is what stays fresh for `minTtlMs` more, unless its behaviour
 * keeps it off the disk: a playlist that lives for a second would be written for nothing.
 */
export function storedResponseCodec(minTtlMs: number): StoredCodec<CachedResponse> {
  return {
    version: 1,

    isWorthKeeping({ head: { facts, memoryOnly } }) {
      return memoryOnly !== true && facts.lifetimeMs - facts.initialAgeMs >= minTtlMs;
    },

    // For text it may compare the characters: those are few.
    isSameBody: (one, other) => one.keptBody === other.keptBody,

    encode({ head, body }) {
      const { receivedMs, ...facts } = head.facts;
      return { head: JSON.stringify({ ...head, facts }), body, receivedMs };
    },

    decode({ head, body, receivedMs }) {
      // Its checksum has been compared: it is what `encode` gave.
      const parsed = JSON.parse(head) as ResponseHead;
      return new CachedResponse({ ...parsed, facts: { ...parsed.facts, receivedMs } }, body);
    },
  };
}
