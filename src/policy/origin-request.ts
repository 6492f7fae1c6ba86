/** What the edge says of a viewer's request to the origin. Nothing else of it gets there. */
export interface ForwardedRequest {
  /** Normalised: `gzip` or nothing. */
  readonly acceptEncoding: 'gzip' | undefined;
  /** The viewer's X-Forwarded-For, if any. */
  readonly forwardedFor: string | undefined;
  readonly viewerAddress: string;
  /** The viewer's Via, if any. */
  readonly via: string | undefined;
  /** The viewer's CDN-Loop, if any (RFC 8586). */
  readonly cdnLoop: string | undefined;
  readonly requestId: string;
}

/** How this edge calls itself towards origins. */
export interface EdgeIdentity {
  /** For Via, such as `1.1 local (StreamFront)`. */
  readonly via: string;
  /** For CDN-Loop: differs between any two running edges. */
  readonly cdnId: string;
}

/**
 * The request fields for the origin, by allow list: Cookie, Authorization, X-Forwarded-Host, X-Original-URL and the
 * rest would let one viewer decide what all others get. Host is the origin's own. `conditions` are the edge's own
 * (`revalidationFields`); a viewer's are answered by the edge.
 */
export function originRequestFields(
  request: ForwardedRequest,
  identity: EdgeIdentity,
  conditions: readonly string[],
): string[] {
  const fields = ['User-Agent', 'StreamFront'];
  if (request.acceptEncoding !== undefined) fields.push('Accept-Encoding', request.acceptEncoding);
  fields.push(
    'X-Forwarded-For',
    appended(request.forwardedFor, request.viewerAddress),
    'Via',
    appended(request.via, identity.via),
    'CDN-Loop',
    appended(request.cdnLoop, identity.cdnId),
    'X-Request-Id',
    request.requestId,
    ...conditions,
  );
  return fields;
}

/** A chain longer than this is not a chain of proxies. */
const maxChainLength = 1_024;

function appended(chain: string | undefined, own: string): string {
  return chain === undefined || chain.length > maxChainLength ? own : `${chain}, ${own}`;
}
