import type { ClientConnectionOptions } from '../rtmp/client-connection.ts';
import { viaProperty } from '../rtmp/relay-via.ts';
import { addressAtOrigin, parseRtmpOrigin, type RtmpOrigin } from '../rtmp/rtmp-url.ts';
import type { OriginCredentials } from './origin-credentials.ts';
import type { OriginServerSettings } from './origin-settings.ts';

/** An origin server as the relay reaches it. */
export interface RelayOrigin {
  /** In `edge.origins`. */
  readonly name: string;
  readonly server: RtmpOrigin;
  readonly credentials: OriginCredentials;
}

/** The origin servers and what this edge shows to each, by name. */
export function relayOrigins(
  origins: Readonly<Record<string, OriginServerSettings>>,
  credentials: ReadonlyMap<string, OriginCredentials>,
): Map<string, RelayOrigin> {
  return new Map(
    Object.entries(origins).map(([name, { rtmp }]) => {
      const own = credentials.get(name);
      if (own === undefined) throw new TypeError(`there are no credentials for the origin "${name}"`);
      return [name, { name, server: parseRtmpOrigin(rtmp), credentials: own }];
    }),
  );
}

/** How to connect for a stream of an origin. `via`: the edges that it comes through, this one last. Good for one connection. */
export function originConnection(
  { server, credentials }: RelayOrigin,
  app: string,
  streamName: string,
  via: readonly string[],
): Pick<ClientConnectionOptions, 'address' | 'tls' | 'properties'> {
  const address = addressAtOrigin(server, app, streamName);
  return {
    address,
    tls: credentials.rtmpTls,
    properties: { ...viaProperty(via), ...credentials.connectProperties(address.tcUrl) },
  };
}
