import { createHmac, timingSafeEqual } from 'node:crypto';
import { RecentEntries } from '../base/recent-entries.ts';
import {
  type CarriedGrant,
  carriedGrantText,
  folderAbove,
  folderDepth,
  parseToken,
  policyOfCarried,
  tokenContent,
} from '../policy/grants/carried-grant.ts';
import type { VerifiedGrant } from './grant-verifier.ts';

/** What tokens are made with. */
export interface TokenSecrets {
  /** To make one with that is good until `expiresSeconds`, and until when it then will be. */
  signing(nowMs: number, expiresSeconds: number): { readonly secret: Buffer; readonly expiresSeconds: number };
  /** Those that count now. */
  accepted(nowMs: number): readonly Buffer[];
}

/** Where a token is good. */
export interface TokenPlace {
  readonly distribution: string;
  /** With its last slash. */
  readonly folder: string;
}

/** A token that is one. */
export interface OpenedToken extends TokenPlace {
  /** The grant that it stands for. */
  readonly grant: VerifiedGrant;
}

interface Remembered extends OpenedToken {
  readonly secret: Buffer;
}

interface Issued extends TokenPlace {
  readonly secret: Buffer;
  readonly token: string;
}

/** Of two generations each. */
const rememberedPerGeneration = 8_192;
/** Of HMAC-SHA-256: half of it (RFC 2104 §5). */
const codeBytes = 16;

/**
 * Carries grants on: who has shown one for a playlist gets a token for the folder of it. It is an HMAC over distribution,
 * folder, and what the grant allows, so that whichever edge has the secret knows it again, and keeps nothing.
 */
export class GrantTokens {
  readonly #secrets: TokenSecrets;
  readonly #opened = new RecentEntries<Remembered>(rememberedPerGeneration);
  /** The last one of each grant: a player asks for the same playlist again and again. */
  readonly #issued = new WeakMap<VerifiedGrant, Issued>();

  constructor(secrets: TokenSecrets) {
    this.#secrets = secrets;
  }

  /** A token for all that lies in a folder and below; `undefined` for a folder that lies too deep. */
  issue(grant: VerifiedGrant, { distribution, folder }: TokenPlace, nowMs: number): string | undefined {
    const { policy, id: grantId, keyPairId } = grant;
    const { secret, expiresSeconds } = this.#secrets.signing(nowMs, policy.expiresSeconds);
    const last = this.#issued.get(grant);
    if (last?.secret === secret && last.folder === folder && last.distribution === distribution) return last.token;
    const carried: CarriedGrant = {
      grantId,
      keyPairId,
      folderDepth: folderDepth(folder),
      expiresSeconds,
      source: policy.source,
    };
    const claims = carriedGrantText(carried);
    if (claims === undefined) return undefined;
    const token = `${claims}.${codeOf(secret, { distribution, folder }, claims)}`;
    this.#issued.set(grant, { distribution, folder, secret, token });
    return token;
  }

  /**
   * What a token stands for, if it is one for this path (normalised). Whether its key still counts, and whether
   * its conditions hold, is to be asked beside that.
   */
  open(token: string, distribution: string, path: string, nowMs: number): OpenedToken | undefined {
    const accepted = this.#secrets.accepted(nowMs);
    const known = this.#opened.get(token);
    if (known !== undefined && known.distribution === distribution && path.startsWith(known.folder)) {
      if (accepted.includes(known.secret)) return known;
    }
    const parsed = parseToken(token);
    const folder = parsed && folderAbove(path, parsed.carried.folderDepth);
    if (parsed === undefined || folder === undefined) return undefined;
    const place = { distribution, folder };
    const code = Buffer.from(parsed.code);
    const secret = accepted.find((candidate) =>
      timingSafeEqual(Buffer.from(codeOf(candidate, place, parsed.claims)), code),
    );
    if (secret === undefined) return undefined;
    const { grantId: id, keyPairId } = parsed.carried;
    const grant = { keyPairId, id, policy: policyOfCarried(parsed.carried, folder) };
    const opened = { distribution, folder, secret, grant };
    this.#opened.set(token, opened);
    return opened;
  }
}

/** As text: of bytes there would be a second spelling. */
function codeOf(secret: Buffer, { distribution, folder }: TokenPlace, claims: string): string {
  const digest = createHmac('sha256', secret)
    .update(tokenContent(distribution, folder, claims))
    .digest();
  return digest.subarray(0, codeBytes).toString('base64url');
}
