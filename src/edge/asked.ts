import { normaliseAcceptEncoding } from '../formats/http-fields/accept-encoding.ts';
import type { FieldLines } from '../formats/http-fields/field-lines.ts';
import { parseRequestCacheControl, type RequestCacheControl } from '../formats/http-fields/request-cache-control.ts';
import { isSecure, peerOf } from '../http/peer.ts';
import { viewerAddress } from '../http/viewer-address.ts';
import { cacheKey, chooseQuery } from '../policy/cache-key.ts';
import {
  type EdgeIdentity,
  type ForwardedRequest,
  keyedFields,
  originRequestFields,
  viewerFieldsForOrigin,
} from '../policy/origin-request.ts';
import { insists } from '../policy/request-directives.ts';
import type { RequestTarget } from '../policy/request-target.ts';
import type { Viewer } from './deliver.ts';
import type { CachedResponse } from './edge-response.ts';
import type { PlainAnswer } from './error-page.ts';
import type { FetchOrder } from './fetch-order.ts';
import { fieldsWithoutGrant } from './grant-admission.ts';
import { isPlaylistName } from './personal-playlist.ts';
import { type PlaylistRequest, playlistRequest } from './recent-playlists.ts';
import type { Behaviour } from './routes.ts';

/** What a viewer wants of an origin, if the cache does not have it. */
export interface Asked {
  readonly viewer: Viewer;
  readonly behaviour: Behaviour;
  readonly method: 'GET' | 'HEAD';
  readonly cacheKey: string;
  /** Path and query for the origin. */
  readonly target: string;
  /** Where a playlist is asked for. */
  readonly playlist: PlaylistRequest | undefined;
  /** Likewise: its path, normalised. */
  readonly playlistPath: string | undefined;
  /** What the origin gets to see of the request. */
  readonly requestFields: () => FieldLines;
  /** What the request says about stored answers, where the policy lets it: `undefined` when it says nothing. */
  readonly wants: RequestCacheControl | undefined;
  /** What the origin answers may be for this viewer only: nobody is to wait for it, and it waits for nobody. */
  readonly alone: boolean;
  /** The origin gets to see the viewer's Range (`passed-range.ts`). */
  readonly rangePassed: boolean;
  /** Asked for in place of an error: what the viewer gets if the page cannot be had, and its status if it can. */
  readonly inPlaceOf: { readonly error: PlainAnswer; readonly status: number } | undefined;
  /** How often an answer that was waited for turned out to be for others. */
  readonly tries: number;
  /** Since when it waits for a state of a playlist that the origin would know; monotonic. */
  readonly waitsSinceMs: number | undefined;
}

export function askedOf(
  identity: EdgeIdentity,
  viewer: Viewer,
  behaviour: Behaviour,
  method: 'GET' | 'HEAD',
  target: RequestTarget & { kind: 'resource' },
): Asked {
  const { headers, rawHeaders } = viewer.request;
  const { forwarded } = behaviour;
  const wants = wantsOf(viewer, behaviour);
  const address = addressOf(behaviour, target);
  const authorized = headers.authorization !== undefined && (forwarded === 'all' || forwarded.has('authorization'));
  return {
    viewer,
    behaviour,
    method,
    ...address,
    playlistPath: isPlaylistName(target.path) ? target.path : undefined,
    playlist: method === 'GET' ? playlistRequest(address.cacheKey, target.path) : undefined,
    requestFields: () =>
      originRequestFields(
        forwardedRequest(
          viewer,
          [
            ...fieldsWithoutGrant(behaviour, viewerFieldsForOrigin(rawHeaders, forwarded)),
            ...countryFields(viewer, behaviour),
          ],
          sharedProtocol(behaviour),
        ),
        identity,
        [],
      ),
    wants,
    alone: method === 'HEAD' || authorized || wants?.noStore === true,
    rangePassed: false,
    inPlaceOf: undefined,
    tries: 0,
    waitsSinceMs: undefined,
  };
}

/** The page that is to be given in place of an error, if there is one; a page has none in its place. */
export function askedForPage(
  identity: EdgeIdentity,
  asked: Pick<Asked, 'behaviour' | 'inPlaceOf' | 'method' | 'viewer'>,
  error: PlainAnswer,
): Asked | undefined {
  const page = asked.inPlaceOf === undefined ? asked.behaviour.errorPage(error.status) : undefined;
  if (page === undefined) return undefined;
  const { behaviour, status, target } = page;
  return { ...askedOf(identity, asked.viewer, behaviour, asked.method, target), inPlaceOf: { error, status } };
}

/** What this edge calls a resource: for itself and towards the origin. */
export function addressOf(
  { distribution, chosenQuery }: Behaviour,
  { path, query }: { readonly path: string; readonly query: string },
): { readonly cacheKey: string; readonly target: string } {
  const chosen = chooseQuery(query, chosenQuery);
  return { cacheKey: cacheKey(distribution, path, chosen), target: chosen === '' ? path : `${path}?${chosen}` };
}

function wantsOf({ request }: Viewer, { policy }: Behaviour): RequestCacheControl | undefined {
  if (policy.name !== 'standards') return undefined;
  const { 'cache-control': cacheControl, pragma } = request.headers;
  return cacheControl === undefined && pragma === undefined
    ? undefined
    : parseRequestCacheControl(cacheControl, pragma?.toString());
}

/**
 * How all viewers came who may share an answer; `undefined` if some came so and some otherwise. HTTP and HTTPS are one
 * object: an origin that is told of one viewer's HTTP redirects them all to HTTPS, for ever.
 */
export function sharedProtocol({ viewerProtocol }: Behaviour): 'https' | undefined {
  return viewerProtocol === 'allow-all' ? undefined : 'https';
}

/** How this viewer came. */
export function protocolOf({ request }: Viewer): 'http' | 'https' {
  return isSecure(request.socket) ? 'https' : 'http';
}

/** What the origin is told of where a viewer is. */
export function countryFields({ request }: Viewer, { viewerCountry }: Behaviour): FieldLines {
  return viewerCountry === undefined ? [] : viewerCountry.fieldsFor(viewerAddress(request));
}

/** What the origin gets to see of a request, `viewerFields` of the viewer's own among it. */
export function forwardedRequest(
  { request, requestId }: Viewer,
  viewerFields: FieldLines,
  viewerProtocol: ForwardedRequest['viewerProtocol'],
): ForwardedRequest {
  const { headers, socket } = request;
  return {
    acceptEncoding: normaliseAcceptEncoding(headers['accept-encoding']),
    forwardedFor: singleValue(headers['x-forwarded-for']),
    connectedFrom: peerOf(socket).address ?? 'unknown',
    viewerProtocol,
    via: headers.via,
    cdnLoop: singleValue(headers['cdn-loop']),
    requestId,
    viewerFields,
  };
}

function singleValue(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : value?.join(', ');
}

/** What an order is made of: it may be somebody who speaks no HTTP that has asked. */
type OrderedPart = 'behaviour' | 'cacheKey' | 'method' | 'playlist' | 'requestFields' | 'target' | 'wants';

export function orderOf(
  asked: Pick<Asked, OrderedPart>,
  kind: FetchOrder['kind'],
  stale: CachedResponse | undefined,
): FetchOrder {
  const { behaviour, cacheKey, method, playlist, target, wants } = asked;
  return {
    cacheKey,
    playlist,
    upstream: behaviour.upstream,
    method,
    target,
    requestFields: asked.requestFields(),
    keyed: [...keyedFields(behaviour.forwarded), ...(behaviour.viewerCountry?.keyed ?? [])],
    policy: behaviour.policy,
    tagField: behaviour.tagField,
    surrogateControl: behaviour.surrogateControl,
    disk: behaviour.disk,
    stale,
    mayStore: wants?.noStore !== true,
    insisting: insists(wants),
    kind,
  };
}
