import type { FieldLines } from '../formats/http-fields/field-lines.ts';
import type { Upstream } from '../http/upstream.ts';
import type { CachedResponse } from './edge-response.ts';
import type { JudgedRequest } from './judge-response.ts';
import type { PlaylistRequest } from './recent-playlists.ts';

/** What an origin is to be asked, and on whose behalf. */
export interface FetchOrder extends JudgedRequest {
  readonly cacheKey: string;
  readonly upstream: Upstream;
  readonly method: 'GET' | 'HEAD';
  /** Path and query. */
  readonly target: string;
  /** Where a playlist is asked for. */
  readonly playlist: PlaylistRequest | undefined;
  /** Without conditions: those are the fetch's own. */
  readonly requestFields: FieldLines;
  /** What is in the store already and may not be used as it is. */
  readonly stale: CachedResponse | undefined;
  /** Whether the viewer lets the answer be kept (RFC 9111 §5.2.1.5). */
  readonly mayStore: boolean;
  /** The viewer would rather have the origin's error than something stored (`insists`). */
  readonly insisting: boolean;
  /**
   * `together`: whoever asks for the same meanwhile waits for this fetch. `alone`: it is one viewer's. `background`:
   * it goes on without anybody waiting.
   */
  readonly kind: 'together' | 'alone' | 'background';
  /** Of a large object only the first slice is wanted now: its version is to be known, and where to begin to read. */
  readonly firstSliceOnly?: boolean;
}
