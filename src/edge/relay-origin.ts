import { readFileSync } from 'node:fs';
import { ConfigError } from '../base/errors.ts';
import { parseRtmpOrigin, type RtmpOrigin } from '../rtmp/rtmp-url.ts';
import type { OriginServerSettings } from './settings.ts';

/** An origin server as the relay reaches it. */
export interface RelayOrigin {
  /** In `edge.origins`. */
  readonly name: string;
  readonly server: RtmpOrigin;
  /** Certificates to trust, in PEM; `undefined` trusts those that Node does. */
  readonly ca: string | undefined;
}

/** Throws a `ConfigError` when a file of certificates cannot be read. */
export function relayOrigins(origins: Readonly<Record<string, OriginServerSettings>>): Map<string, RelayOrigin> {
  return new Map(
    Object.entries(origins).map(([name, { rtmp, rtmpCa }]) => {
      const ca = rtmpCa === undefined ? undefined : readCertificates(rtmpCa, `edge.origins.${name}.rtmpCa`);
      return [name, { name, server: parseRtmpOrigin(rtmp), ca }];
    }),
  );
}

function readCertificates(file: string, setting: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ConfigError('The edge does not start:', [`${setting}: ${reason}`]);
  }
}
