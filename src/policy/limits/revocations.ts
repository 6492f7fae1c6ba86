import { LimitError } from '../../base/errors.ts';

export const revocationKinds = ['key', 'grant', 'address', 'session'] as const;

/** What can be revoked: a signing key and all that it has signed, one grant, an address, one viewing. */
export type RevocationKind = (typeof revocationKinds)[number];

export interface Revocation {
  readonly kind: RevocationKind;
  /** Key pair id, grant id, address as `addressKey` has it, or what names a viewing (`viewingName`). */
  readonly name: string;
  /** What an operator calls it: the same, but for a viewing its id. */
  readonly id: string;
  /** Wall clock; `undefined`: until it is taken back. */
  readonly untilMs: number | undefined;
}

/** More than that is for keys and geography to do. */
const maxRevocations = 10_000;

/** Who has been sent away. */
export class Revocations {
  readonly #entries = new Map<string, Revocation>();

  constructor(entries: readonly Revocation[] = []) {
    for (const entry of entries.slice(0, maxRevocations)) this.#entries.set(entryName(entry.kind, entry.name), entry);
  }

  get isEmpty(): boolean {
    return this.#entries.size === 0;
  }

  /** Those that are in force. */
  list(nowMs: number): readonly Revocation[] {
    return [...this.#entries.values()].filter((entry) => isInForce(entry, nowMs));
  }

  /** In force when it returns. Throws a `LimitError` when there are too many. */
  add(revocation: Revocation, nowMs: number): void {
    const name = entryName(revocation.kind, revocation.name);
    if (this.#entries.size >= maxRevocations) this.#forgetOld(nowMs);
    if (this.#entries.size >= maxRevocations && !this.#entries.has(name)) {
      throw new LimitError('TOO_MANY_REVOCATIONS', 'revocations are in force', {
        limit: maxRevocations,
        value: this.#entries.size,
      });
    }
    this.#entries.set(name, revocation);
  }

  /** Returns whether there was one. */
  takeBack(kind: RevocationKind, id: string): boolean {
    for (const [name, entry] of this.#entries) {
      if (entry.kind === kind && entry.id === id) return this.#entries.delete(name);
    }
    return false;
  }

  has(kind: RevocationKind, name: string, nowMs: number): boolean {
    const entry = this.#entries.get(entryName(kind, name));
    return entry !== undefined && isInForce(entry, nowMs);
  }

  #forgetOld(nowMs: number): void {
    for (const [name, entry] of this.#entries) if (!isInForce(entry, nowMs)) this.#entries.delete(name);
  }
}

function entryName(kind: RevocationKind, name: string): string {
  return `${kind} ${name}`;
}

function isInForce({ untilMs }: Revocation, nowMs: number): boolean {
  return untilMs === undefined || nowMs < untilMs;
}
