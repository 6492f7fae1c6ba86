import type { IncomingMessage } from 'node:http';
import type { StreamFrontError } from '../base/errors.ts';
import type { LiveStream } from './live-stream.ts';
import type { StoredFile } from './stored-file.ts';

/** What a player asks for, as it came over the wire. Each text may hold a grant: none goes into a log. */
export interface PlayRequest {
  /** The `app` of `connect`, with its query if it has one; over HTTP the first segments of the path: `live`. */
  readonly app: string;
  readonly tcUrl: string | undefined;
  /** The name in `play`, with its query if it has one; over HTTP without `.flv`. */
  readonly streamName: string;
  readonly peerAddress: string;
  readonly peerPort: number;
  readonly protocol: 'rtmp' | 'http-flv' | 'ws-flv';
  /** Over HTTP and WebSocket: the request that it came in. */
  readonly web?: IncomingMessage;
  /** What the player calls itself: `flashVer`, `User-Agent`. */
  readonly clientName: string | undefined;
  /** The edges that it has come through, the nearest last. */
  readonly via?: readonly string[];
  /** Nothing is to be played: it is asked how long it is. */
  readonly onlyLength?: boolean;
}

export interface PlayRefused {
  readonly kind: 'refused';
  /** For the player. `StreamNotFound` is 404 over HTTP, `Failed` 503, `Unauthorized` 403. */
  readonly statusCode: 'NetStream.Play.StreamNotFound' | 'NetStream.Play.Failed' | 'NetStream.Play.Unauthorized';
  /** For the log, such as `PLAY_STREAM_NOT_FOUND`. */
  readonly code: string;
  /** For both; holds no grant. */
  readonly sentence: string;
  /** Of who may come again after this time: 429 over HTTP. */
  readonly retryAfterSeconds?: number;
}

/** A play that goes on, for whoever has admitted it. */
export interface RunningPlay {
  /** Given to the connection so far. */
  sentBytes(): number;
  /** Ends it: the player is told why, as far as its protocol can. */
  end(error: StreamFrontError): void;
}

export interface LiveAdmission {
  readonly kind: 'live';
  /** `app/name`, for the log. */
  readonly path: string;
  /** May still wait for its publisher. */
  readonly stream: LiveStream;
  /** Called once, when it has begun, unless it is released before. */
  attach?(play: RunningPlay): void;
  /** The player has left. Called once. */
  release(): void;
}

export interface StoredAdmission {
  readonly kind: 'stored';
  /** `app/name` as the player wrote it, without its query, for the log; which file that is, `file.path` says. */
  readonly path: string;
  /** This version of it, until it is released, whatever the library has meanwhile. */
  readonly file: StoredFile;
  /** As of a live stream. */
  attach?(play: RunningPlay): void;
  /** The player has left, its readers are closed. Called once. */
  release(): void;
}

export type PlayAdmission = LiveAdmission | StoredAdmission | PlayRefused;

/** Who decides whether a player may watch, and where the stream comes from: the origin's own streams, or a pull. */
export interface PlayGate {
  /**
   * Rejects with nothing but the reason of `signal`, which is aborted when the player has left or has waited too long;
   * what is admitted afterwards all the same is released by the caller.
   */
  admit(request: PlayRequest, signal: AbortSignal): Promise<PlayAdmission>;
  /**
   * Whether what is asked for is stored media, as far as its application says: it has a length then, and its place in a
   * playlist. Never, if left out.
   */
  isStored?(request: PlayRequest): boolean;
}
