import type { UpstreamError } from '../base/errors.ts';
import type { FieldLines } from '../formats/http-fields/field-lines.ts';
import { endToEndFields } from '../formats/http-fields/hop-by-hop.ts';
import type { Storability } from '../policy/storability.ts';
import type { CachedResponse, GrowingResponse } from './edge-response.ts';

/** What one who waited gets. */
export type FetchOutcome =
  | AnsweredOutcome
  /** The answer was for the first who asked only. */
  | { readonly kind: 'not-shared' }
  | { readonly kind: 'failed'; readonly error: UpstreamError };

/** What the origin has answered, for whoever waited. */
export type AnsweredOutcome =
  /** The body is arriving. */
  | { readonly kind: 'arriving'; readonly response: GrowingResponse; readonly told: OriginWord }
  /** The body is arriving in slices; this is its manifest. */
  | { readonly kind: 'slicing'; readonly response: CachedResponse; readonly told: OriginWord }
  /** The origin has confirmed what was stored (304). */
  | { readonly kind: 'confirmed'; readonly response: CachedResponse; readonly told: OriginWord };

/** What the origin said besides, for the viewer whose request it was and for Cache-Status. */
export interface OriginWord {
  readonly firstFields: FieldLines;
  readonly rule: Storability;
}

export interface FetchWaiter {
  /** An interim answer: 102, 103. Not called for what comes after `onOutcome`. */
  onInformation(status: number, fields: FieldLines): void;
  /** Called once, unless the waiter has left. */
  onOutcome(outcome: FetchOutcome): void;
}

/** All who wait for one answer of the origin, in the order in which they came. */
export class FetchWaiters {
  readonly #waiters = new Set<FetchWaiter>();
  #first: FetchWaiter | undefined;

  get count(): number {
    return this.#waiters.size;
  }

  /** The first to come is the one whose request it is. */
  add(waiter: FetchWaiter): void {
    this.#first ??= waiter;
    this.#waiters.add(waiter);
  }

  /** `false`: it did not wait any more. */
  remove(waiter: FetchWaiter): boolean {
    return this.#waiters.delete(waiter);
  }

  inform(status: number, fields: FieldLines): void {
    for (const waiter of this.#waiters) waiter.onInformation(status, endToEndFields(fields));
  }

  /** Nobody waits any more: all get the outcome, or the first alone if the rule keeps it from others. */
  settle(outcome: FetchOutcome, rule?: Storability): void {
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    const shared = rule === undefined || isShared(rule);
    for (const waiter of waiters) waiter.onOutcome(shared || waiter === this.#first ? outcome : { kind: 'not-shared' });
  }
}

/** Whether it goes into the store. */
export function isKept(rule: Storability): boolean {
  return rule.kind === 'store' || rule.kind === 'store-unshared';
}

/** Whether those who waited get it too. */
export function isShared(rule: Storability): boolean {
  return rule.kind === 'store' || rule.kind === 'share';
}
