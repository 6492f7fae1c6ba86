import { ConfigError } from '../base/errors.ts';
import { loadTls, validityProblem } from '../http/tls-material.ts';
import type { RtmpsListenerSettings } from '../rtmp/listener-settings.ts';
import type { Configuration } from './configuration-schema.ts';

/** What is wrong with the certificates and keys of the roles that run, in the operator's words. */
export function tlsFindings({ roles, origin, edge }: Configuration): string[] {
  return [
    ...(roles.includes('origin') ? findingsOf(origin.rtmps, 'origin.rtmps') : []),
    ...(roles.includes('edge') ? findingsOf(edge.rtmps, 'edge.rtmps') : []),
  ];
}

function findingsOf(rtmps: RtmpsListenerSettings | undefined, setting: string): readonly string[] {
  if (rtmps === undefined) return [];
  try {
    loadTls(rtmps, setting);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.findings;
    throw error;
  }
}

/** Where the listener stands and for whom its certificate is, in one line; throws as `loadTls`. */
export function describeRtmps(rtmps: RtmpsListenerSettings, setting: string, nowMs: number): string {
  const loaded = loadTls(rtmps, setting);
  const problem = validityProblem(loaded, nowMs);
  const until = new Date(loaded.validUntilMs).toISOString().slice(0, 10);
  return `RTMPS on ${rtmps.host}:${rtmps.port}, certificate for ${loaded.names} ${problem === undefined ? `until ${until}` : `which ${problem}`}`;
}
