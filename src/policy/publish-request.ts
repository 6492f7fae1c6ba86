/** What an encoder asks for, as it came over the wire. Each text may hold a stream key: none goes into a log. */
export interface PublishRequest {
  /** The `app` of `connect`, with its query if it has one: `live`, `live/`, `live?key=…`. */
  readonly app: string;
  /** The `tcUrl` of `connect`. */
  readonly tcUrl: string | undefined;
  /** The name in `publish`, with its query if it has one: `stage`, `stage?key=…`. */
  readonly streamName: string;
  /** Of the encoder. */
  readonly peerAddress: string;
  readonly peerPort: number;
  /** What the encoder calls itself in `connect`. */
  readonly encoder: string | undefined;
  /** The edges that it has come through, the nearest last. */
  readonly via?: readonly string[];
}

export interface PublishRefused {
  readonly kind: 'refused';
  /** For the encoder. */
  readonly statusCode: 'NetStream.Publish.BadName' | 'NetStream.Publish.Unauthorized';
  /** For the log, such as `PUBLISH_BUSY`. */
  readonly code: string;
  /** `app/name` for the log, where what was asked for is a valid path and no secret. */
  readonly path: string | undefined;
  /** For both; holds no stream key. */
  readonly sentence: string;
}
