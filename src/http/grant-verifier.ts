import { createHash, type KeyObject, verify } from 'node:crypto';
import { RecentEntries } from '../base/recent-entries.ts';
import {
  type AccessPolicy,
  cannedPolicy,
  cannedPolicyText,
  type ConditionRefusal,
  coversResource,
  parseAccessPolicy,
  refusedByConditions,
} from '../policy/grants/access-policy.ts';
import type { AskedResource } from '../policy/grants/asked-resource.ts';
import { decodeGrantText, type Presented, type PresentedGrant } from '../policy/grants/presented-grant.ts';

/** A grant whose signature is that of a trusted key. What it lets do is for its policy to say. */
export interface VerifiedGrant {
  readonly keyPairId: string;
  /** Names it in logs and commands: the same for all that let do the same. Nobody can make a grant of it. */
  readonly id: string;
  readonly policy: AccessPolicy;
}

/** Why nobody is let in, for the log; the viewer learns less. */
export type GrantRefusal =
  | 'absent'
  | 'malformed'
  | 'unknown-key'
  | 'signature'
  | 'policy'
  | 'resource'
  | ConditionRefusal;

export type GrantDecision =
  | { readonly kind: 'granted'; readonly grant: VerifiedGrant }
  | { readonly kind: 'refused'; readonly reason: GrantRefusal };

/** The public keys of each key group, by key id. */
export type KeyGroups = ReadonlyMap<string, ReadonlyMap<string, KeyObject>>;

/** A viewer at the door. */
export interface Comer {
  readonly nowMs: number;
  readonly address: string | undefined;
}

interface Remembered {
  readonly signed: string;
  readonly hash: PresentedGrant['hash'];
  readonly key: KeyObject;
  readonly grant: VerifiedGrant;
}

const rememberedPerGeneration = 8_192;
/** Longer texts are verified each time: who has many of them does not decide how much is held. */
const longestRemembered = 2_048;

/**
 * Says who may have what: verifies signatures by the keys of key groups (RSA PKCS#1 v1.5 or ECDSA P-256, SHA-1 or
 * SHA-256) and remembers those that are good, so that a grant that comes again costs a look-up.
 */
export class GrantVerifier {
  #groups: KeyGroups;
  #version = 0;
  /** By signature. */
  readonly #remembered = new RecentEntries<Remembered>(rememberedPerGeneration);

  constructor(groups: KeyGroups) {
    this.#groups = groups;
  }

  /** Changes with the keys: what was granted under another is to be asked again. */
  get version(): number {
    return this.#version;
  }

  /** From now on these keys count, and no others. */
  replaceKeys(groups: KeyGroups): void {
    this.#groups = groups;
    this.#version++;
    this.#remembered.clear();
  }

  /** Whether what is signed with a key counts in one of these key groups. */
  trusts(trusted: readonly string[], keyPairId: string): boolean {
    return this.#keyOf(trusted, keyPairId) !== undefined;
  }

  /**
   * Whether a grant opens what is asked for. `asked` are all names of the one thing: a grant for any of them will do.
   * `trusted` are key groups.
   */
  decide(
    presented: Presented,
    asked: readonly AskedResource[],
    trusted: readonly string[],
    comer: Comer,
  ): GrantDecision {
    if (typeof presented === 'string') return refused(presented);
    const key = this.#keyOf(trusted, presented.keyPairId);
    if (key === undefined) return refused('unknown-key');
    const { policy } = presented;
    // Nothing is gained by verifying what would be refused all the same.
    if (policy.kind === 'canned' && comer.nowMs >= Number(policy.expires) * 1_000) return refused('expired');
    const grant =
      policy.kind === 'canned'
        ? this.#canned(presented, policy.expires, asked, key)
        : this.#custom(presented, policy.encoded, key);
    if (typeof grant === 'string') return refused(grant);
    if (!asked.some((resource) => coversResource(grant.policy, resource))) return refused('resource');
    const condition = refusedByConditions(grant.policy, comer.nowMs, comer.address);
    return condition === undefined ? { kind: 'granted', grant } : refused(condition);
  }

  #keyOf(trusted: readonly string[], keyPairId: string): KeyObject | undefined {
    for (const group of trusted) {
      const key = this.#groups.get(group)?.get(keyPairId);
      if (key !== undefined) return key;
    }
    return undefined;
  }

  #canned(
    presented: PresentedGrant,
    expires: string,
    asked: readonly AskedResource[],
    key: KeyObject,
  ): VerifiedGrant | 'signature' | 'policy' {
    for (const { url } of asked) {
      const text = cannedPolicyText(url, expires);
      if (text === undefined) continue;
      const grant = this.#verified(
        presented,
        key,
        text,
        () => Buffer.from(text),
        () => cannedPolicy(url, expires),
      );
      if (typeof grant !== 'string') return grant;
    }
    return 'signature';
  }

  #custom(presented: PresentedGrant, encoded: string, key: KeyObject): VerifiedGrant | 'signature' | 'policy' {
    return this.#verified(presented, key, encoded, () => decodeGrantText(encoded), parseAccessPolicy);
  }

  /** `signed` stands for the bytes that were signed. The policy is read only when its signature has been found good. */
  #verified(
    presented: PresentedGrant,
    key: KeyObject,
    signed: string,
    bytesOf: () => Uint8Array | undefined,
    read: (policyText: string) => AccessPolicy | undefined,
  ): VerifiedGrant | 'signature' | 'policy' {
    const { hash, keyPairId, signature } = presented;
    const known = this.#remembered.get(signature);
    if (known?.key === key && known.hash === hash && known.signed === signed) return known.grant;
    const bytes = bytesOf();
    const signatureBytes = decodeGrantText(signature);
    if (bytes === undefined || signatureBytes === undefined) return 'signature';
    if (!isSignedBy(key, hash, bytes, signatureBytes)) return 'signature';
    const policy = read(Buffer.from(bytes).toString());
    if (policy === undefined) return 'policy';
    // Of what was signed: one signature can be written in several ways, and ECDSA has two for each.
    const id = createHash('sha256').update(bytes).digest('base64url').slice(0, 22);
    const grant = { keyPairId, id, policy };
    if (signed.length <= longestRemembered) this.#remembered.set(signature, { signed, hash, key, grant });
    return grant;
  }
}

function isSignedBy(key: KeyObject, hash: 'sha1' | 'sha256', bytes: Uint8Array, signature: Uint8Array): boolean {
  try {
    // No secret is compared here: everything that a signature is checked against is public.
    return verify(hash, bytes, key, signature);
  } catch {
    return false;
  }
}

function refused(reason: GrantRefusal): GrantDecision {
  return { kind: 'refused', reason };
}
