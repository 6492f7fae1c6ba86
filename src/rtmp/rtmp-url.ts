import { ConfigError } from '../base/errors.ts';

/** An RTMP server, and what to know to reach it. */
export interface RtmpServerAddress {
  readonly host: string;
  readonly port: number;
  /** Whether the connection is encrypted: `rtmps://`. */
  readonly tls: boolean;
  /** As it stands in a URL: `rtmp://host:1936`. Fit for a log. */
  readonly server: string;
}

/** Where to publish to or play from, taken apart as RTMP wants it. */
export interface RtmpAddress extends RtmpServerAddress {
  /** All of the path but its last part. */
  readonly app: string;
  /** The last part of the path, with the query: both may be secret. */
  readonly streamName: string;
  /** What `connect` says: without the stream. May hold a key if it has a query. */
  readonly tcUrl: string;
}

/** Port of `rtmp:` (IANA), and that of `rtmps:` as it is in use. */
const defaultPorts = { rtmp: 1935, rtmps: 443 } as const;

const serverGrammar = String.raw`(rtmps?):\/\/(\[[0-9a-fA-F:.]+\]|[^/:?#[\]\s@]+)(?::(\d{1,5}))?`;
const streamGrammar = new RegExp(String.raw`^${serverGrammar}\/([^?#\s]+)(\?[^#\s]*)?$`, 'i');
const originGrammar = new RegExp(String.raw`^${serverGrammar}\/?(\?[^#\s]*)?$`, 'i');

/**
 * `rtmp://host[:port]/app/name[?query]`, `rtmps://…`. The name is what follows the last slash, as every publishing
 * service has it; nothing is decoded. Throws `ConfigError` in plain words, without repeating what may hold a stream key.
 */
export function parseRtmpUrl(url: string): RtmpAddress {
  const [, scheme, authority, portText, path, query = ''] = streamGrammar.exec(url) ?? [];
  const server = serverOf(scheme, authority, portText);
  const slash = path?.lastIndexOf('/') ?? -1;
  if (server === undefined || path === undefined || slash < 1 || slash === path.length - 1) {
    throw new ConfigError('This is no address to publish to:', [
      'write rtmp://HOST[:PORT]/APP/NAME, such as rtmp://127.0.0.1/live/stage; a stream key goes into ?key=…',
    ]);
  }
  const app = path.slice(0, slash);
  return { ...server, app, streamName: path.slice(slash + 1) + query, tcUrl: `${server.server}/${app}` };
}

/** An origin server as the configuration names it. */
export interface RtmpOrigin extends RtmpServerAddress {
  /** What follows the question mark: a key that opens the origin. Secret. */
  readonly query: string;
}

/** `rtmp://host[:port][?query]`, `rtmps://…`. Throws `ConfigError` without repeating the query. */
export function parseRtmpOrigin(url: string): RtmpOrigin {
  const [, scheme, authority, portText, query = ''] = originGrammar.exec(url) ?? [];
  const server = serverOf(scheme, authority, portText);
  if (server === undefined) {
    throw new ConfigError('This is no address of an origin:', ['write rtmp://HOST[:PORT] or rtmps://HOST[:PORT]']);
  }
  return { ...server, query: query.slice(1) };
}

/** A stream of an origin. The key of the origin goes into `tcUrl`, so that the stream's own query stays as it is. */
export function addressAtOrigin(origin: RtmpOrigin, app: string, streamName: string): RtmpAddress {
  const { query, ...server } = origin;
  const tcUrl = `${server.server}/${app}${query === '' ? '' : `?${query}`}`;
  return { ...server, app, streamName, tcUrl };
}

/** What a server says, without the queries of the address: it may repeat them, and they open streams. */
export function withoutQueries({ tcUrl, streamName }: RtmpAddress, said: string): string {
  const queries = [tcUrl, streamName].flatMap((text) =>
    text.includes('?') ? [text.slice(text.indexOf('?') + 1)] : [],
  );
  const values = queries.flatMap((query) => query.split(/[?&]/).map((part) => part.slice(part.indexOf('=') + 1)));
  return [...queries, ...values.sort((a, b) => b.length - a.length)]
    .filter((secret) => secret.length >= 4)
    .reduce((text, secret) => text.replaceAll(secret, '…'), said);
}

function serverOf(
  scheme: string | undefined,
  authority: string | undefined,
  portText: string | undefined,
): RtmpServerAddress | undefined {
  if (scheme === undefined || authority === undefined) return undefined;
  const tls = scheme.toLowerCase() === 'rtmps';
  const port = portText === undefined ? defaultPorts[tls ? 'rtmps' : 'rtmp'] : Number(portText);
  if (port < 1 || port > 65_535) return undefined;
  return {
    host: authority.replace(/^\[|\]$/g, ''),
    port,
    tls,
    server: `${tls ? 'rtmps' : 'rtmp'}://${authority}${portText === undefined ? '' : `:${portText}`}`,
  };
}
