import { FollowedSecrets, type FollowedSecretsOptions } from './followed-secrets.ts';
import type { TokenSecrets } from './grant-tokens.ts';

/** Secrets that several edges have in common: the first makes tokens, all are accepted. */
export class SharedTokenSecrets implements TokenSecrets {
  readonly #followed: FollowedSecrets;
  /** As texts, then as bytes: the same buffers until they change. */
  #texts: readonly string[] = [];
  #bytes: readonly Buffer[] = [];

  /** Throws a `ConfigError` when one cannot be had. */
  constructor(options: FollowedSecretsOptions) {
    this.#followed = new FollowedSecrets(options);
  }

  signing(_nowMs: number, expiresSeconds: number): { secret: Buffer; expiresSeconds: number } {
    const [secret] = this.accepted();
    if (secret === undefined) throw new TypeError('the settings let a list without a secret through');
    return { secret, expiresSeconds };
  }

  accepted(): readonly Buffer[] {
    const { secrets } = this.#followed;
    if (secrets !== this.#texts) {
      this.#texts = secrets;
      this.#bytes = secrets.map((text) => Buffer.from(text));
    }
    return this.#bytes;
  }

  /** Files are not looked at any more. */
  close(): void {
    this.#followed.close();
  }
}
