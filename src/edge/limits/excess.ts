import type { RevocationKind } from '../../policy/limits/revocations.ts';
import type { PlayRefused } from '../../live/play-gate.ts';
import type { PlainAnswer } from '../error-page.ts';

/** Why somebody who has a grant, or needs none, does not get what it asks for. */
export type Excess =
  | {
      readonly kind: 'limited';
      readonly what: 'requests' | 'bandwidth' | 'sessions' | 'egress' | 'rendition';
      readonly per: 'address' | 'grant' | 'stream' | 'distribution';
      readonly retryAfterSeconds: number;
    }
  | { readonly kind: 'revoked'; readonly what: RevocationKind };

/** For log lines and metrics: `LIMIT_REQUESTS_PER_ADDRESS`, `REVOKED_GRANT`. */
export function excessCode(excess: Excess): string {
  return excess.kind === 'revoked'
    ? `REVOKED_${excess.what.toUpperCase()}`
    : `LIMIT_${excess.what.toUpperCase()}_PER_${excess.per.toUpperCase()}`;
}

const sentences = {
  requests: 'Too many requests in a short time',
  bandwidth: 'Too much data in a short time',
  sessions: 'Too many streams at once',
  egress: 'Too many viewers at once',
  rendition: 'This quality cannot be had at the moment',
};

/**
 * What a viewer is told over HTTP. `query`: of the request; players of HLS take 429 to the request for a steering manifest,
 * which has `_HLS_pathway` in it, for an order to stop steering for good, and 503 for what is meant.
 */
export function excessAnswer(excess: Excess, query: string): PlainAnswer {
  if (excess.kind === 'revoked') {
    return { status: 403, title: 'Forbidden', sentence: 'Access denied', code: 'AccessDenied', form: 'xml' };
  }
  return {
    status: /(?:^|&)_HLS_pathway=/.test(query) ? 503 : 429,
    title: 'Too much',
    sentence: `${sentences[excess.what]}. Please try again in a moment.`,
    code: excessCode(excess),
    fields: ['Retry-After', String(excess.retryAfterSeconds)],
  };
}

/** What a player is told over RTMP and FLV. */
export function excessRefusal(excess: Excess): PlayRefused {
  const code = excessCode(excess);
  if (excess.kind === 'revoked') {
    return { kind: 'refused', statusCode: 'NetStream.Play.Unauthorized', code, sentence: 'access was revoked' };
  }
  return {
    kind: 'refused',
    statusCode: 'NetStream.Play.Failed',
    code,
    sentence: sentences[excess.what],
    retryAfterSeconds: excess.retryAfterSeconds,
  };
}
