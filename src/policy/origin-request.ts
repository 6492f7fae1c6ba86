import { endToEndFields } from '../formats/http-fields/hop-by-hop.ts';
import { type FieldLines, fieldNames, fieldsWhere } from '../formats/http-fields/field-lines.ts';

/** Which of a viewer's fields reach the origin: all end-to-end ones, or those of these names (lower case). */
export type ForwardedFields = 'all' | ReadonlySet<string>;

/** What the edge says of a viewer's request to the origin. Nothing else of it gets there. */
export interface ForwardedRequest {
  /** Normalised: `gzip` or nothing. */
  readonly acceptEncoding: 'gzip' | undefined;
  /** The viewer's X-Forwarded-For, if any. */
  readonly forwardedFor: string | undefined;
  /** Who has made the connection: it stands last in the X-Forwarded-For of the edge's own request. */
  readonly connectedFrom: string;
  /** How everybody came who gets the answer; `undefined` when that is not the same for all. */
  readonly viewerProtocol: 'http' | 'https' | undefined;
  /** The viewer's Via, if any. */
  readonly via: string | undefined;
  /** The viewer's CDN-Loop, if any (RFC 8586). */
  readonly cdnLoop: string | undefined;
  readonly requestId: string;
  /** Those of the viewer's fields that the behaviour forwards (`viewerFieldsForOrigin`). */
  readonly viewerFields: FieldLines;
}

/** How this edge calls itself towards origins. */
export interface EdgeIdentity {
  /** For Via, such as `1.1 local (StreamFront)`. */
  readonly via: string;
  /** For CDN-Loop: differs between any two running edges. */
  readonly cdnId: string;
}

/** The edge says these itself, or they are of one connection only. */
const ownFields = ['host', 'accept-encoding', 'via', 'cdn-loop', 'x-request-id', 'expect'];

/** A viewer's conditions and ranges on what is cached are answered by the edge (RFC 9110 §13.1, §14.2). */
const answeredFields = [
  'if-match',
  'if-none-match',
  'if-modified-since',
  'if-unmodified-since',
  'if-range',
  'range',
  // Of a body, which such a request does not have.
  'content-length',
  'content-type',
];

/**
 * Names by which frameworks let a request say that it is another request: another host, path, method or scheme. They
 * are in no cache key, so one viewer could decide what all others get; and behind a gateway nobody may say them but it.
 */
const pretendingField =
  /^(?:forwarded|x-forwarded(?:-.*)?|x-original-.*|x-rewrite-.*|x-host|x-http-.*|x-method-override|x-url-scheme|x-scheme|front-end-https|x-proxy-.*|x-real-ip|x-client-ip|x-cluster-client-ip|true-client-ip|client-ip|x-accel-.*|x-sendfile.*|cloudfront-viewer-.*)$/;

/** Whether a field of this name (lower case) may be forwarded at all. */
export function isForwardable(name: string): boolean {
  return !ownFields.includes(name) && !answeredFields.includes(name) && !pretendingField.test(name);
}

/** Of a request whose answer may be shared: what the behaviour lets through. */
export function viewerFieldsForOrigin(fields: FieldLines, forwarded: ForwardedFields): string[] {
  if (forwarded !== 'all' && forwarded.size === 0) return [];
  return fieldsWhere(
    endToEndFields(fields),
    (name) => (forwarded === 'all' || forwarded.has(name)) && isForwardable(name),
  );
}

/** Of a request whose answer is for its viewer alone: all end-to-end fields, conditions on the resource included. */
export function passedThroughFields(fields: FieldLines): string[] {
  return fieldsWhere(endToEndFields(fields), (name) => !ownFields.includes(name) && !pretendingField.test(name));
}

/**
 * The names that tell answers apart whatever Vary says: fields that a behaviour forwards by name. With `all` it is the
 * origin's Vary alone (RFC 9111 §4.1).
 */
export function keyedFields(forwarded: ForwardedFields): readonly string[] {
  return forwarded === 'all' ? [] : [...forwarded].sort();
}

/**
 * The request fields for the origin. Host is the origin's own. `conditions` are the edge's own (`revalidationFields`);
 * a viewer's are answered by the edge.
 */
export function originRequestFields(
  request: ForwardedRequest,
  identity: EdgeIdentity,
  conditions: readonly string[],
): string[] {
  const fields = [...request.viewerFields];
  if (fields.length === 0 || !fieldNames(fields).has('user-agent')) fields.push('User-Agent', 'StreamFront');
  if (request.acceptEncoding !== undefined) fields.push('Accept-Encoding', request.acceptEncoding);
  fields.push(
    'X-Forwarded-For',
    appended(request.forwardedFor, request.connectedFrom),
    ...(request.viewerProtocol === undefined ? [] : ['X-Forwarded-Proto', request.viewerProtocol]),
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
