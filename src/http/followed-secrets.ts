import type { Clock } from '../base/clock.ts';
import { ConfigError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { FollowedFiles } from './followed-files.ts';
import { type Environment, readSecret, type SecretSource } from './secret-source.ts';

export interface FollowedSecretsOptions {
  readonly secrets: readonly SecretSource[];
  /** The list that names them, such as `origin.access.secrets`. */
  readonly setting: string;
  readonly environment: Environment;
  readonly clock: Clock;
  readonly log: Log;
}

/** Secrets that stand in files and in the environment; files are read again when they change. */
export class FollowedSecrets {
  readonly #files: FollowedFiles<readonly string[]>;

  /** Throws a `ConfigError` when one cannot be had. */
  constructor({ secrets, setting, environment, clock, log }: FollowedSecretsOptions) {
    this.#files = new FollowedFiles({
      files: filesOf(secrets),
      load: () => loadSecrets(secrets, setting, environment),
      clock,
      onReplaced: () => log.info({ setting }, 'The secrets were read again'),
      onUnusable: (problem) => log.warn({ code: 'SECRET_UNUSABLE', setting }, `The secrets in use stay: ${problem}`),
    });
  }

  /** The same list until they change. */
  get secrets(): readonly string[] {
    return this.#files.content;
  }

  /** The files are not looked at any more. */
  close(): void {
    this.#files.close();
  }
}

export function filesOf(sources: readonly SecretSource[]): string[] {
  return sources.flatMap(({ file }) => (file === undefined ? [] : [file]));
}

/** Throws a `ConfigError` with everything that is wrong. */
export function loadSecrets(
  sources: readonly SecretSource[],
  setting: string,
  environment: Environment,
): readonly string[] {
  const findings: string[] = [];
  const secrets = sources.map((source, index) => readSecret(source, `${setting}[${index}]`, environment, findings));
  if (findings.length > 0) throw new ConfigError('Secrets cannot be used:', findings);
  return secrets.filter((secret) => secret !== undefined);
}
