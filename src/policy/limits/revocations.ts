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
  /** By name. */
  readonly #entries: Readonly<Record<RevocationKind, Map<string, Revocation>>> = {
    key: new Map(),
    grant: new Map(),
    address: new Map(),
    session: new Map(),
  };
  #size = 0;

  constructor(entries: readonly Revocation[] = []) {
    for (const entry of entries.slice(0, maxRevocations)) this.#set(entry);
  }

  get isEmpty(): boolean {
    return this.#size === 0;
  }

  /** Those that are in force. */
  list(nowMs: number): readonly Revocation[] {
    return this.#all().filter((entry) => isInForce(entry, nowMs));
  }

  /** In force when it returns. Throws a `LimitError` when there are too many. */
  add(revocation: Revocation, nowMs: number): void {
    if (this.#size >= maxRevocations) this.#forgetOld(nowMs);
    if (this.#size >= maxRevocations && !this.#entries[revocation.kind].has(revocation.name)) {
      throw new LimitError('TOO_MANY_REVOCATIONS', 'revocations are in force', {
        limit: maxRevocations,
        value: this.#size,
      });
    }
    this.#set(revocation);
  }

  /** Returns whether there was one. */
  takeBack(kind: RevocationKind, id: string): boolean {
    const found = this.#all().find((entry) => entry.kind === kind && entry.id === id);
    if (found !== undefined) this.#delete(found);
    return found !== undefined;
  }

  hasAny(kind: RevocationKind): boolean {
    return this.#entries[kind].size > 0;
  }

  has(kind: RevocationKind, name: string, nowMs: number): boolean {
    const entry = this.#entries[kind].get(name);
    return entry !== undefined && isInForce(entry, nowMs);
  }

  #all(): Revocation[] {
    return revocationKinds.flatMap((kind) => [...this.#entries[kind].values()]);
  }

  #set(revocation: Revocation): void {
    const entries = this.#entries[revocation.kind];
    if (!entries.has(revocation.name)) this.#size++;
    entries.set(revocation.name, revocation);
  }

  #delete({ kind, name }: Revocation): void {
    if (this.#entries[kind].delete(name)) this.#size--;
  }

  #forgetOld(nowMs: number): void {
    for (const entry of this.#all()) if (!isInForce(entry, nowMs)) this.#delete(entry);
  }
}

function isInForce({ untilMs }: Revocation, nowMs: number): boolean {
  return untilMs === undefined || nowMs < untilMs;
}
