import { ConfigError } from '../base/errors.ts';
import { loadTls, readCertificates, type TlsFiles, validityProblem } from '../http/tls-material.ts';
import { type AccessSettings, peerCaOf } from '../origin/access/access-settings.ts';
import type { Configuration } from './configuration-schema.ts';

/** What is wrong with the certificates and keys of the roles that run, in the operator's words. */
export function tlsFindings({ roles, origin, edge }: Configuration): string[] {
  return [
    ...(roles.includes('origin') ? findingsOf(origin.rtmps, 'origin.rtmps') : []),
    ...(roles.includes('origin') ? findingsOf(origin.https, 'origin.https') : []),
    ...(roles.includes('origin') ? peerCaFindings(origin.access) : []),
    ...(roles.includes('edge') ? findingsOf(edge.rtmps, 'edge.rtmps') : []),
    ...(roles.includes('edge') ? findingsOf(edge.https, 'edge.https') : []),
  ];
}

function peerCaFindings(access: AccessSettings): string[] {
  const peerCa = peerCaOf(access);
  const findings: string[] = [];
  if (peerCa !== undefined) readCertificates(peerCa.file, peerCa.setting, findings);
  return findings;
}

function findingsOf(listener: TlsFiles | undefined, setting: string): readonly string[] {
  if (listener === undefined) return [];
  try {
    loadTls(listener, setting);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.findings;
    throw error;
  }
}

/** Where a TLS listener stands and for whom its certificate is, in one line; throws as `loadTls`. */
export function describeTls(
  protocol: 'RTMPS' | 'HTTPS',
  listener: TlsFiles & { readonly host: string; readonly port: number },
  setting: string,
  nowMs: number,
): string {
  const loaded = loadTls(listener, setting);
  const problem = validityProblem(loaded, nowMs);
  const until = new Date(loaded.validUntilMs).toISOString().slice(0, 10);
  return `${protocol} on ${listener.host}:${listener.port}, certificate for ${loaded.names} ${problem === undefined ? `until ${until}` : `which ${problem}`}`;
}
