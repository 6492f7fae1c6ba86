import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import type { Clock, Timer } from '../base/clock.ts';
import { ConfigError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';

export interface TlsFiles {
  /** PEM: the certificate of the server first, then those that lead to its root. */
  readonly certificate: string;
  /** PEM: the private key of the first certificate. */
  readonly key: string;
}

/** What a listener presents, for `setSecureContext` of its server. */
export interface TlsCredentials {
  readonly cert: string;
  readonly key: string;
  readonly minVersion: 'TLSv1.2';
}

/** Read and checked. */
export interface LoadedTls {
  readonly credentials: TlsCredentials;
  /** The names that the certificate is for. */
  readonly names: string;
  readonly validFromMs: number;
  readonly validUntilMs: number;
}

/** How often the files are looked at: a look is two `stat`s. */
const lookIntervalMs = 10_000;

const dayMs = 86_400_000;

/** With less left than this, each reading of the files warns. */
const warnBeforeMs = 14 * dayMs;

/**
 * Reads certificate and key and holds them against each other. `setting` is the group that names the files, such as
 * `origin.rtmps`. Throws a `ConfigError` with everything that is wrong.
 */
export function loadTls(files: TlsFiles, setting: string): LoadedTls {
  const findings: string[] = [];
  const attempt = <T>(what: 'certificate' | 'key', does: () => T, otherwise: (cause: unknown) => string) => {
    try {
      return does();
    } catch (cause) {
      findings.push(`${setting}.${what}: ${otherwise(cause)}`);
      return undefined;
    }
  };
  const read = (what: 'certificate' | 'key') =>
    attempt(
      what,
      () => readFileSync(files[what], 'utf8'),
      (cause) => unreadable(files[what], cause),
    );
  const certificateText = read('certificate');
  const keyText = read('key');
  const certificate =
    certificateText === undefined
      ? undefined
      : attempt(
          'certificate',
          () => new X509Certificate(certificateText),
          () => `${files.certificate} holds no certificate: PEM text with "BEGIN CERTIFICATE" is expected`,
        );
  const key =
    keyText === undefined
      ? undefined
      : attempt(
          'key',
          () => createPrivateKey(keyText),
          () =>
            /ENCRYPTED/.test(keyText)
              ? `${files.key} is protected by a passphrase, which nobody is here to type: write it without one`
              : `${files.key} holds no private key: PEM text with "BEGIN PRIVATE KEY" is expected`,
        );
  if (certificate !== undefined && key !== undefined && !certificate.checkPrivateKey(key)) {
    findings.push(`${setting}.key: ${files.key} is not the key of the first certificate in ${files.certificate}`);
  }
  if (findings.length > 0 || certificateText === undefined || keyText === undefined || certificate === undefined) {
    throw new ConfigError('TLS cannot be set up:', findings);
  }
  const credentials: TlsCredentials = { cert: certificateText, key: keyText, minVersion: 'TLSv1.2' };
  attempt(
    'certificate',
    () => createSecureContext(credentials),
    (cause) => `${files.certificate} cannot be used: ${cause instanceof Error ? cause.message : String(cause)}`,
  );
  if (findings.length > 0) throw new ConfigError('TLS cannot be set up:', findings);
  return {
    credentials,
    names: certificate.subjectAltName ?? certificate.subject.replaceAll('\n', ', '),
    validFromMs: certificate.validFromDate.getTime(),
    validUntilMs: certificate.validToDate.getTime(),
  };
}

/** What is wrong with the time of a certificate, or soon will be; `undefined` when nothing is. */
export function validityProblem(loaded: LoadedTls, nowMs: number): string | undefined {
  const day = (ms: number) => new Date(ms).toISOString().slice(0, 10);
  if (nowMs < loaded.validFromMs) return `is not valid before ${day(loaded.validFromMs)}`;
  if (nowMs > loaded.validUntilMs) return `has expired on ${day(loaded.validUntilMs)}`;
  if (nowMs > loaded.validUntilMs - warnBeforeMs) return `expires on ${day(loaded.validUntilMs)}`;
  return undefined;
}

export interface TlsMaterialOptions {
  readonly files: TlsFiles;
  /** The group that names the files, such as `origin.rtmps`. */
  readonly setting: string;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Certificate and key of a listener, read again when a file changes. While new files do not fit together, as between
 * the writing of the one and of the other, the old ones stay in use.
 */
export class TlsMaterial {
  readonly #options: TlsMaterialOptions;
  readonly #listeners = new Set<(credentials: TlsCredentials) => void>();
  #loaded: LoadedTls;
  #version: string;
  #reportedProblem = '';
  #timer: Timer | undefined;

  /** Throws a `ConfigError` when the files cannot be used. */
  constructor(options: TlsMaterialOptions) {
    this.#options = options;
    this.#version = versionOf(options.files);
    this.#loaded = loadTls(options.files, options.setting);
    this.#warnOfValidity();
    this.#lookLater();
  }

  get credentials(): TlsCredentials {
    return this.#loaded.credentials;
  }

  /** `listener` is called with what connections shall be given from now on. Returns the way to stop listening. */
  onChange(listener: (credentials: TlsCredentials) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** The files are not looked at any more. */
  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#listeners.clear();
  }

  #lookLater(): void {
    this.#timer = this.#options.clock.after(lookIntervalMs, () => {
      this.#lookLater();
      this.#look();
    });
  }

  #look(): void {
    const { files, setting, log } = this.#options;
    const version = versionOf(files);
    if (version === this.#version) return;
    try {
      this.#loaded = loadTls(files, setting);
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      // Once each: it is looked at again until it can be used.
      if (problem !== this.#reportedProblem) {
        log.warn({ code: 'TLS_FILES_UNUSABLE', setting }, `The certificate in use stays: ${problem}`);
      }
      this.#reportedProblem = problem;
      return;
    }
    this.#version = version;
    this.#reportedProblem = '';
    log.info({ setting, names: this.#loaded.names }, 'The certificate was replaced');
    this.#warnOfValidity();
    for (const listener of this.#listeners) listener(this.#loaded.credentials);
  }

  #warnOfValidity(): void {
    const { files, setting, clock, log } = this.#options;
    const problem = validityProblem(this.#loaded, clock.wallMs());
    if (problem === undefined) return;
    log.warn({ code: 'TLS_CERTIFICATE_VALIDITY', setting }, `The certificate in ${files.certificate} ${problem}`);
  }
}

/** Changes whenever a file is written or replaced, also behind a symbolic link. */
function versionOf({ certificate, key }: TlsFiles): string {
  return [certificate, key]
    .map((file) => {
      try {
        const { ino, mtimeNs, size } = statSync(file, { bigint: true });
        return `${ino}-${mtimeNs}-${size}`;
      } catch {
        return 'unreadable';
      }
    })
    .join();
}

function unreadable(file: string, cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  switch (code) {
    case 'ENOENT':
      return `there is no file ${file}`;
    case 'EACCES':
      return `this user may not read ${file}`;
    case 'EISDIR':
      return `${file} is a folder`;
    default:
      return `${file} cannot be read (${String(code ?? cause)})`;
  }
}
