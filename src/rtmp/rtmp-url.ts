import { ConfigError } from '../base/errors.ts';

/** Where to publish to, taken apart as RTMP wants it. */
export interface RtmpAddress {
  readonly host: string;
  readonly port: number;
  /** All of the path but its last part. */
  readonly app: string;
  /** The last part of the path, with the query: both may be secret. */
  readonly streamName: string;
  /** What `connect` says: without the stream and the query. Fit for a log. */
  readonly tcUrl: string;
}

const defaultPort = 1935;

/**
 * `rtmp://host[:port]/app/name[?query]`. The name is what follows the last slash, as every publishing service has it;
 * nothing is decoded. Throws `ConfigError` in plain words, without repeating what may hold a stream key.
 */
export function parseRtmpUrl(url: string): RtmpAddress {
  const match = /^rtmp:\/\/(\[[0-9a-fA-F:.]+\]|[^/:?#[\]\s@]+)(?::(\d{1,5}))?\/([^?#\s]+)(\?[^#\s]*)?$/i.exec(url);
  const [, authority, portText, path, query = ''] = match ?? [];
  const slash = path?.lastIndexOf('/') ?? -1;
  const port = portText === undefined ? defaultPort : Number(portText);
  if (
    authority === undefined ||
    path === undefined ||
    slash < 1 ||
    slash === path.length - 1 ||
    port < 1 ||
    port > 65_535
  ) {
    throw new ConfigError('This is no address to publish to:', [
      'write rtmp://HOST[:PORT]/APP/NAME, such as rtmp://127.0.0.1/live/stage; a stream key goes into ?key=…',
    ]);
  }
  const app = path.slice(0, slash);
  return {
    host: authority.replace(/^\[|\]$/g, ''),
    port,
    app,
    streamName: path.slice(slash + 1) + query,
    tcUrl: `rtmp://${authority}${portText === undefined ? '' : `:${port}`}/${app}`,
  };
}
