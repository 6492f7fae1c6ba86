import { orFindings } from '../base/errors.ts';
import { loadTls, readCertificates, type TlsFiles, validityProblem } from '../http/tls-material.ts';
import { peerCaOf } from '../origin/access/access-settings.ts';
import type { Configuration } from './configuration-schema.ts';

/** What is wrong with the certificates and keys of the roles that run, in the operator's words. */
export function tlsFindings({ roles, origin, edge }: Configuration): string[] {
  const findings: string[] = [];
  const look = (listener: TlsFiles | undefined, setting: string) => {
    if (listener !== undefined) orFindings(() => loadTls(listener, setting), findings);
  };
  if (roles.includes('origin')) {
    look(origin.rtmps, 'origin.rtmps');
    look(origin.https, 'origin.https');
    const peerCa = peerCaOf(origin.access);
    if (peerCa !== undefined) readCertificates(peerCa.file, peerCa.setting, findings);
  }
  if (roles.includes('edge')) {
    look(edge.rtmps, 'edge.rtmps');
    look(edge.https, 'edge.https');
  }
  return findings;
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
