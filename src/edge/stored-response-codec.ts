import type { StoredCodec } from '../stores/stored-codec.ts';
import { CachedResponse, CachedSlice, type ResponseHead } from './edge-response.ts';

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

    decode({ head, body, receivedMs, memory }) {
      const parsed = headOf(head);
      const complete = { ...parsed, facts: { ...parsed.facts, receivedMs } };
      if (parsed.sliceOf === undefined) return new CachedResponse(complete, body);
      return new CachedSlice(complete, memory === undefined ? { bytes: body } : { bytes: body, memory });
    },
  };
}

/** Whether what `encode` has written is a slice, of which nobody keeps bytes that he does not hold. */
export function isSlice(head: string): boolean {
  return headOf(head).sliceOf !== undefined;
}

/** Its checksum has been compared: it is what `encode` gave. */
function headOf(head: string): ResponseHead {
  return JSON.parse(head) as ResponseHead;
}
