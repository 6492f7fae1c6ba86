import { orFindings } from '../base/errors.ts';
import { loadCredentials } from '../edge/origin-credentials.ts';
import type { OriginServerSettings } from '../edge/origin-settings.ts';
import { loadSecrets } from '../http/followed-secrets.ts';
import type { Environment } from '../http/secret-source.ts';
import type { AccessSettings } from '../origin/access/access-settings.ts';
import type { Configuration } from './configuration-schema.ts';

/** What is wrong with the secrets and certificates by which edges and origins know each other, and edges their tokens; holds nothing of them. */
export function accessFindings({ roles, origin, edge }: Configuration, environment: Environment): string[] {
  const findings: string[] = [];
  if (roles.includes('origin')) {
    orFindings(() => loadSecrets(origin.access.secrets, 'origin.access.secrets', environment), findings);
  }
  if (roles.includes('edge')) {
    for (const [name, settings] of Object.entries(edge.origins)) {
      orFindings(() => loadCredentials(settings, `edge.origins.${name}`, environment), findings);
    }
    orFindings(() => loadSecrets(edge.grantSecrets, 'edge.grantSecrets', environment), findings);
  }
  return findings;
}

/** Whom an origin answers, in words. */
export function describeAccess({ kind, secrets, clientCa, directPublish, maxClockSkewMs }: AccessSettings): string {
  const encoders = directPublish ? '; encoders may publish without one' : '';
  switch (kind) {
    case 'open':
      return 'answers everybody who reaches it';
    case 'signed':
      return `answers edges only, which sign with ${secrets.length === 1 ? 'the secret' : 'one of two secrets'} (clocks up to ${maxClockSkewMs / 1_000} s apart)${encoders}`;
    case 'mtls':
      return `answers edges only, over TLS with a certificate of ${clientCa}${encoders}`;
  }
}

/** What an edge shows to an origin server, in words; empty when nothing. */
export function describeCredentials({ sign, headers, certificate }: OriginServerSettings): string {
  const shown = [
    ...(sign === undefined ? [] : ['a signature']),
    ...(certificate === undefined ? [] : [`the certificate ${certificate}`]),
    ...Object.keys(headers),
  ];
  return shown.length === 0 ? '' : `shows ${shown.join(', ')}`;
}
