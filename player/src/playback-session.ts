import type { CacheVerdict } from './cache-verdicts.ts';
import type { Failure } from './recovery.ts';

/** What a session knows of the delivery and the distance to the live edge; undefined where it cannot know. */
export interface SessionFigures {
  /** Behind the newest media that the server has. */
  readonly latencySeconds: number | undefined;
  /** Behind the moment at which the server received it, by PROGRAM-DATE-TIME and the server's clock. */
  readonly glassLatencySeconds: number | undefined;
  /** Of the media itself, audio and video. */
  readonly bitsPerSecond: number | undefined;
  /** What the network gave, as estimated. */
  readonly throughputBitsPerSecond: number | undefined;
  readonly framesPerSecond: number | undefined;
  /** Codecs in RFC 6381 form, video first. */
  readonly codecs: readonly string[];
  readonly edgeLocation: string | undefined;
  /** The last `X-Cache`, word for word. */
  readonly xCache: string | undefined;
  readonly cacheVerdicts: readonly CacheVerdict[];
  readonly hitRatio: number | undefined;
}

/** One way of playing a live playlist in a media element. */
export interface PlaybackSession {
  /** Why it has stopped for good; `reload` or `recoverMedia` clears it. */
  readonly failure: Failure | undefined;
  /** The playlist has ended. */
  readonly over: boolean;
  /** How long the playlist has not grown; undefined before the first, or where the browser does not tell. */
  readonly playlistStillMs: number | undefined;
  /**
   * How much further behind the live edge it is than it aims to be; undefined where that is not known, and where the
   * viewer has gone back in time on purpose.
   */
  readonly lagSeconds: number | undefined;
  figures(): SessionFigures;
  reload(): void;
  recoverMedia(): void;
  jumpToLive(): void;
  destroy(): void;
}

/** Where nothing is known. */
export const noFigures: SessionFigures = {
  latencySeconds: undefined,
  glassLatencySeconds: undefined,
  bitsPerSecond: undefined,
  throughputBitsPerSecond: undefined,
  framesPerSecond: undefined,
  codecs: [],
  edgeLocation: undefined,
  xCache: undefined,
  cacheVerdicts: [],
  hitRatio: undefined,
};
