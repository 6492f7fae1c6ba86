import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import { type EdgeRefusal, EdgeSignatureCheck } from '../../http/edge-signature-check.ts';
import { FollowedSecrets } from '../../http/followed-secrets.ts';
import type { Environment } from '../../http/secret-source.ts';
import { RefusalLog } from '../../live/refusal-log.ts';
import { edgesOnly, refusalField, rtmpConnectMethod } from '../../policy/edge-signature.ts';
import type { ConnectedApplication, ConnectRefusal } from '../../rtmp/connect-command.ts';
import { type ClientCertificate, clientCertificateOf } from '../../sockets/client-certificate.ts';
import { type AccessSettings, peerCaOf } from './access-settings.ts';

type Check =
  | { readonly kind: 'open' }
  | { readonly kind: 'signed'; readonly signatures: EdgeSignatureCheck }
  | { readonly kind: 'mtls' };

export interface EdgeDoorSurroundings {
  readonly environment: Environment;
  readonly clock: Clock;
  readonly log: Log;
}

/** Lets in those who prove to be edges of this origin, over HTTP and over RTMP, as `origin.access` says. */
export class EdgeDoor {
  /** For listeners with TLS: whose certificates count, where edges present one. */
  readonly peerCa: ReturnType<typeof peerCaOf>;
  readonly #check: Check;
  readonly #secrets: FollowedSecrets | undefined;
  readonly #directPublish: boolean;
  readonly #refusals: RefusalLog;

  /** Throws a `ConfigError` when a secret cannot be had. */
  constructor(settings: AccessSettings, { environment, clock, log }: EdgeDoorSurroundings) {
    const { kind, secrets, maxClockSkewMs, directPublish } = settings;
    this.peerCa = peerCaOf(settings);
    this.#directPublish = directPublish;
    this.#refusals = new RefusalLog({ clock, log });
    if (kind !== 'signed') {
      this.#check = { kind };
      return;
    }
    const followed = new FollowedSecrets({ secrets, setting: 'origin.access.secrets', environment, clock, log });
    this.#secrets = followed;
    const signatures = new EdgeSignatureCheck(
      () => followed.secrets,
      maxClockSkewMs,
      () => clock.wallMs(),
    );
    this.#check = { kind, signatures };
  }

  /** Whether everybody may come. */
  get isOpen(): boolean {
    return this.#check.kind === 'open';
  }

  /** Whether a request is an edge's. To be asked once about each: a signature is good once. */
  admits(request: IncomingMessage): boolean {
    return this.#refusalOfRequest(request) === undefined;
  }

  /** Answers a request with 403 that is none of an edge. Returns whether it did. */
  refuses(request: IncomingMessage, response: ServerResponse): boolean {
    const refusal = this.#refusalOfRequest(request);
    if (refusal === undefined) return false;
    const { code, sentence } = refusal;
    this.#refusals.warn(code, { peer: request.socket.remoteAddress ?? '' }, `${code}: ${sentence}`);
    const body = `${sentence}\n`;
    // An edge that comes again may have another certificate; a body that was on its way is not waited for.
    response.shouldKeepAlive = false;
    response.writeHead(403, {
      'Content-Type': 'text/plain; charset=utf-8',
      'Content-Length': Buffer.byteLength(body),
      'Cache-Control': 'no-store',
      [refusalField]: sentence,
    });
    response.end(request.method === 'HEAD' ? undefined : body);
    return true;
  }

  /** Why a client may not connect over RTMP, or may do nothing but publish; for `ExamineConnect`. */
  refusalOfConnect(
    { tcUrl, signature }: ConnectedApplication,
    certificate: ClientCertificate,
  ): ConnectRefusal | undefined {
    const refusal =
      this.#check.kind === 'signed'
        ? this.#check.signatures.refusal(rtmpConnectMethod, tcUrl ?? '', signature?.input, signature?.signature)
        : this.#refusalOfCertificate(certificate);
    return refusal && { ...refusal, ...(this.#directPublish ? { only: 'play' } : {}) };
  }

  /** Files are not looked at any more. */
  close(): void {
    this.#secrets?.close();
  }

  #refusalOfRequest(request: IncomingMessage): EdgeRefusal | undefined {
    if (this.#check.kind !== 'signed') return this.#refusalOfCertificate(clientCertificateOf(request.socket));
    const { method = '', url = '', headers } = request;
    return this.#check.signatures.refusal(
      method,
      url,
      textOf(headers['signature-input']),
      textOf(headers['signature']),
    );
  }

  #refusalOfCertificate(certificate: ClientCertificate): EdgeRefusal | undefined {
    if (this.#check.kind === 'open' || certificate === 'trusted') return undefined;
    return certificate === 'none'
      ? {
          code: 'ORIGIN_CERTIFICATE_MISSING',
          sentence: `${edgesOnly}: over TLS, with a certificate of an edge`,
        }
      : {
          code: 'ORIGIN_CERTIFICATE_UNTRUSTED',
          sentence: `${edgesOnly}: the certificate is none that it knows, or its time is not now`,
        };
  }
}

function textOf(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(', ') : value;
}
