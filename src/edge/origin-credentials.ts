import type { Clock } from '../base/clock.ts';
import { ConfigError, orFindings } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Amf0Value } from '../formats/amf0/value.ts';
import { EdgeSigner } from '../http/edge-signer.ts';
import { FollowedFiles } from '../http/followed-files.ts';
import { filesOf, loadSecrets } from '../http/followed-secrets.ts';
import { type Environment, onlyForOwner, readSecret } from '../http/secret-source.ts';
import { loadTls, readCertificates } from '../http/tls-material.ts';
import type { ClientTls, UpstreamCredentials } from '../http/upstream.ts';
import { connectProperties, rtmpConnectMethod } from '../policy/edge-signature.ts';
import type { OriginServerSettings } from './origin-settings.ts';

type CredentialSettings = Pick<OriginServerSettings, 'sign' | 'headers' | 'ca' | 'rtmpCa' | 'certificate' | 'key'>;

interface Loaded {
  readonly tls: ClientTls | undefined;
  /** Trusted for `rtmps://`. */
  readonly rtmpCa: string | undefined;
  readonly secrets: readonly string[];
  /** Names and values, alternating. */
  readonly headers: readonly string[];
}

export interface OriginCredentialsOptions {
  /** In `edge.origins`. */
  readonly name: string;
  readonly settings: CredentialSettings;
  readonly environment: Environment;
  readonly clock: Clock;
  readonly log: Log;
}

/** What an edge shows of itself to one origin server, over HTTP and RTMP. Files are read again when they change. */
export class OriginCredentials {
  readonly #files: FollowedFiles<Loaded>;
  readonly #signer: EdgeSigner | undefined;
  /** For requests over HTTP; `undefined` where there is nothing to show. */
  readonly forHttp: UpstreamCredentials | undefined;

  /** Throws a `ConfigError` when a file or a secret cannot be used. */
  constructor({ name, settings, environment, clock, log }: OriginCredentialsOptions) {
    const setting = `edge.origins.${name}`;
    this.#files = new FollowedFiles({
      files: credentialFiles(settings),
      load: () => loadCredentials(settings, setting, environment),
      clock,
      onReplaced: () => log.info({ setting }, 'What this edge shows to the origin was read again'),
      onUnusable: (problem) =>
        log.warn({ code: 'ORIGIN_CREDENTIALS_UNUSABLE', setting }, `What is in use stays: ${problem}`),
    });
    if (settings.sign !== undefined) {
      this.#signer = new EdgeSigner(
        () => this.#files.content.secrets,
        () => clock.wallMs(),
      );
    }
    const ownFields = new Set([
      ...Object.keys(settings.headers).map((header) => header.toLowerCase()),
      ...(settings.sign === undefined ? [] : ['signature', 'signature-input']),
    ]);
    if (ownFields.size > 0 || this.#files.content.tls !== undefined) {
      this.forHttp = { ownFields, fields: (...about) => this.#fields(...about), tls: () => this.#files.content.tls };
    }
  }

  /** For a connection over RTMP that says this `tcUrl`: properties of its `connect`. Good for one. */
  connectProperties(tcUrl: string): Readonly<Record<string, Amf0Value>> {
    const texts = this.#signer?.sign(rtmpConnectMethod, tcUrl);
    return texts === undefined
      ? {}
      : { [connectProperties.input]: texts.input, [connectProperties.signature]: texts.signature };
  }

  /** For a connection over `rtmps://`. */
  get rtmpTls(): ClientTls {
    const { tls, rtmpCa } = this.#files.content;
    return { ...tls, ...(rtmpCa === undefined ? {} : { ca: rtmpCa }) };
  }

  /** The files are not looked at any more. */
  close(): void {
    this.#files.close();
  }

  #fields(method: string, target: string): readonly string[] {
    const { headers } = this.#files.content;
    if (this.#signer === undefined) return headers;
    const { input, signature } = this.#signer.sign(method, target);
    return [...headers, 'Signature-Input', input, 'Signature', signature];
  }
}

function credentialFiles({ sign, headers, ca, rtmpCa, certificate, key }: CredentialSettings): string[] {
  const sources = Object.values(headers).filter((value) => typeof value === 'object');
  const files = [ca, rtmpCa, certificate, key].filter((file) => file !== undefined);
  return [...files, ...filesOf([...(sign?.secrets ?? []), ...sources])];
}

/** Throws a `ConfigError` with everything that is wrong. `setting` is the group, such as `edge.origins.main`. */
export function loadCredentials(settings: CredentialSettings, setting: string, environment: Environment): Loaded {
  const { sign, headers, ca, rtmpCa, certificate, key } = settings;
  const findings: string[] = [];
  const secrets =
    orFindings(() => loadSecrets(sign?.secrets ?? [], `${setting}.sign.secrets`, environment), findings) ?? [];
  const headerLines = Object.entries(headers).flatMap(([header, value]) => {
    if (typeof value === 'string') return [header, value];
    const secret = readSecret(value, `${setting}.headers.${header}`, environment, findings, { minLength: 1 });
    return secret === undefined ? [] : [header, secret];
  });
  const caText = ca === undefined ? undefined : readCertificates(ca, `${setting}.ca`, findings);
  const rtmpCaText = rtmpCa === undefined ? undefined : readCertificates(rtmpCa, `${setting}.rtmpCa`, findings);
  let pair: { readonly cert: string; readonly key: string } | undefined;
  if (certificate !== undefined && key !== undefined) {
    const credentials = orFindings(() => loadTls({ certificate, key }, setting), findings)?.credentials;
    const exposed = onlyForOwner(key);
    if (credentials !== undefined && exposed !== undefined) findings.push(`${setting}.key: ${exposed}`);
    if (credentials !== undefined) pair = { cert: credentials.cert, key: credentials.key };
  }
  if (findings.length > 0) throw new ConfigError('The edge cannot show who it is:', findings);
  const tls = { ...pair, ...(caText === undefined ? {} : { ca: caText }) };
  return {
    tls: Object.keys(tls).length === 0 ? undefined : tls,
    rtmpCa: rtmpCaText,
    secrets,
    headers: headerLines,
  };
}
