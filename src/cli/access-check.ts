import { ConfigError } from '../base/errors.ts';
import { loadCredentials } from '../edge/origin-credentials.ts';
import type { OriginServerSettings } from '../edge/origin-settings.ts';
import { loadSecrets } from '../http/followed-secrets.ts';
import type { Environment } from '../http/secret-source.ts';
import type { AccessSettings } from '../origin/access/access-settings.ts';
import type { Configuration } from './configuration-schema.ts';

/** What is wrong with the secrets and certificates by which edges and origins know each other, and edges their tokens; holds nothing of them. */
export function accessFindings({ roles, origin, edge }: Configuration, environment: Environment): string[] {
  const loads = [
    ...(roles.includes('origin')
      ? [() => loadSecrets(origin.access.secrets, 'origin.access.secrets', environment)]
      : []),
    ...(roles.includes('edge')
      ? [
          ...Object.entries(edge.origins).map(
            ([name, settings]) =>
              () =>
                loadCredentials(settings, `edge.origins.${name}`, environment),
          ),
          () => loadSecrets(edge.grantSecrets, 'edge.grantSecrets', environment),
        ]
      : []),
  ];
  return loads.flatMap((load) => {
    try {
      load();
      return [];
    } catch (error) {
      if (error instanceof ConfigError) return error.findings;
      throw error;
    }
  });
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
