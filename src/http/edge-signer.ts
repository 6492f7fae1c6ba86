import { createHmac, createSecretKey, randomBytes } from 'node:crypto';
import { signatureBase, signatureParameters, signatureTexts, type SignatureTexts } from '../policy/edge-signature.ts';

/** Signs requests to an origin, with each of the secrets, so that it does not matter which of them the origin knows by now. */
export class EdgeSigner {
  readonly #keys;
  readonly #wallMs: () => number;
  readonly #sender = randomBytes(12).toString('hex');
  #count = 0;

  /** `secrets`: asked for with each request. */
  constructor(secrets: () => readonly string[], wallMs: () => number) {
    this.#keys = keysOf(secrets);
    this.#wallMs = wallMs;
  }

  /** Fields for one request, to be sent soon and once. `target` as it goes on the wire. */
  sign(method: string, target: string): SignatureTexts {
    const createdSeconds = Math.floor(this.#wallMs() / 1_000);
    const parameters = signatureParameters(createdSeconds, this.#sender, this.#count++);
    const base = signatureBase(method, target, parameters);
    const signatures = this.#keys().map((key) => createHmac('sha256', key).update(base).digest('base64'));
    return signatureTexts(parameters, signatures);
  }
}

/** As keys, made anew when the secrets are others. */
export function keysOf(secrets: () => readonly string[]) {
  let known: readonly string[] = [];
  let keys = [] as ReturnType<typeof createSecretKey>[];
  return () => {
    const now = secrets();
    if (now !== known) {
      known = now;
      keys = now.map((secret) => createSecretKey(Buffer.from(secret)));
    }
    return keys;
  };
}
