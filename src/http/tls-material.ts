import { constants, createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import type { Clock } from '../base/clock.ts';
import { ConfigError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { reasonOf } from '../base/thrown.ts';
import type { ServerTls, TlsCredentials } from '../sockets/server-tls.ts';
import { unreadable } from '../stores/unreadable-file.ts';
import { FollowedFiles } from './followed-files.ts';

export interface TlsFiles {
  /** PEM: the certificate of the server first, then those that lead to its root. */
  readonly certificate: string;
  /** PEM: the private key of the first certificate. */
  readonly key: string;
  /** PEM: whose certificates count that the peer presents, and the whole name of the setting that says so. */
  readonly peerCa?: { readonly file: string; readonly setting: string } | undefined;
}

/** Read and checked. */
export interface LoadedTls {
  readonly credentials: TlsCredentials;
  /** The names that the certificate is for. */
  readonly names: string;
  readonly validFromMs: number;
  readonly validUntilMs: number;
}

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
  const { peerCa } = files;
  const peerCaText = peerCa && readCertificates(peerCa.file, peerCa.setting, findings);
  if (findings.length > 0 || certificateText === undefined || keyText === undefined || certificate === undefined) {
    throw new ConfigError('TLS cannot be set up:', findings);
  }
  const credentials: TlsCredentials = {
    cert: certificateText,
    key: keyText,
    minVersion: 'TLSv1.2',
    ...(peerCaText === undefined ? {} : askingForCertificate(peerCaText)),
  };
  attempt(
    'certificate',
    () => createSecureContext(credentials),
    (cause) => `${files.certificate} cannot be used: ${reasonOf(cause)}`,
  );
  if (findings.length > 0) throw new ConfigError('TLS cannot be set up:', findings);
  return {
    credentials,
    names: certificate.subjectAltName ?? certificate.subject.replaceAll('\n', ', '),
    validFromMs: certificate.validFromDate.getTime(),
    validUntilMs: certificate.validToDate.getTime(),
  };
}

/**
 * Who has none, or one that does not count, gets a connection all the same, and is told on it what is missing. Without
 * tickets: a session that is resumed shows no certificate, and what once counted would count after it was taken back.
 */
function askingForCertificate(ca: string) {
  return { ca, requestCert: true, rejectUnauthorized: false, secureOptions: constants.SSL_OP_NO_TICKET } as const;
}

/** PEM text with one certificate at least. What is wrong is added to `findings`, with the name of the setting. */
export function readCertificates(file: string, setting: string, findings: string[]): string | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    findings.push(`${setting}: ${unreadable(file, cause)}`);
    return undefined;
  }
  const certificates = text.match(/-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----/gs);
  if (certificates?.every((certificate) => isCertificate(certificate)) === true) return text;
  findings.push(`${setting}: ${file} holds no certificates: PEM text with "BEGIN CERTIFICATE" is expected`);
  return undefined;
}

function isCertificate(text: string): boolean {
  try {
    return new X509Certificate(text).raw.length > 0;
  } catch {
    return false;
  }
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
 * Certificate and key of a listener, read again when a file changes. While new files do not fit together, the old ones
 * stay in use.
 */
export class TlsMaterial implements ServerTls {
  readonly #options: TlsMaterialOptions;
  readonly #files: FollowedFiles<LoadedTls>;

  /** Throws a `ConfigError` when the files cannot be used. */
  constructor(options: TlsMaterialOptions) {
    this.#options = options;
    const { files, setting, clock, log } = options;
    this.#files = new FollowedFiles({
      files: [files.certificate, files.key, ...(files.peerCa === undefined ? [] : [files.peerCa.file])],
      load: () => loadTls(files, setting),
      clock,
      onReplaced: () => {
        log.info({ setting, names: this.#files.content.names }, 'The certificate was replaced');
        this.#warnOfValidity();
      },
      onUnusable: (problem) =>
        log.warn({ code: 'TLS_FILES_UNUSABLE', setting }, `The certificate in use stays: ${problem}`),
    });
    this.#warnOfValidity();
  }

  get credentials(): TlsCredentials {
    return this.#files.content.credentials;
  }

  onChange(listener: (credentials: TlsCredentials) => void): () => void {
    return this.#files.onChange(({ credentials }) => listener(credentials));
  }

  /** The files are not looked at any more. */
  close(): void {
    this.#files.close();
  }

  #warnOfValidity(): void {
    const { files, setting, clock, log } = this.#options;
    const problem = validityProblem(this.#files.content, clock.wallMs());
    if (problem === undefined) return;
    log.warn({ code: 'TLS_CERTIFICATE_VALIDITY', setting }, `The certificate in ${files.certificate} ${problem}`);
  }
}
