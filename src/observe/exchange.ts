import type { Peer } from '../http/peer.ts';

/** How the edge classified an answer: the words of CloudFront's log. */
export type ResultType = 'Hit' | 'RefreshHit' | 'Miss' | 'Redirect' | 'Error';

export const resultTypes: readonly ResultType[] = ['Hit', 'RefreshHit', 'Miss', 'Redirect', 'Error'];

/** A viewer's request and its answer, when both are over. Texts are as they came or went; each character is a byte. */
export interface Exchange {
  readonly endedWallMs: number;
  /** From the whole request head to the last byte of the answer. */
  readonly durationMs: number;
  /** To the first byte; `undefined` when none was sent. */
  readonly firstByteMs: number | undefined;
  readonly client: Peer;
  readonly method: string;
  /** As it came: a path with its query as a rule. */
  readonly target: string;
  /** May be the same object for many requests of a client: what is made of it is kept. */
  readonly fields: RequestFields;
  readonly requestBytes: number;
  readonly requestId: string | undefined;
  /** 0 when the viewer left before there was an answer. */
  readonly status: number;
  readonly result: ResultType;
  /** Whether the viewer got all of the answer. */
  readonly whole: boolean;
  /** Head and body. */
  readonly sentBytes: number;
  readonly contentType: string | undefined;
  readonly contentLength: string | undefined;
  /** As in `bytes 0-99/1000`. */
  readonly contentRange: string | undefined;
}

/** Fields of a request that the log repeats. */
export interface RequestFields {
  readonly host: string | undefined;
  readonly referer: string | undefined;
  readonly userAgent: string | undefined;
  readonly forwardedFor: string | undefined;
}

/** Takes note of exchanges. */
export interface ExchangeRecorder {
  record(exchange: Exchange): void;
}
