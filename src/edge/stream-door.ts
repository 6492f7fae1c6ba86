import type { IncomingMessage } from 'node:http';
import type { Clock } from '../base/clock.ts';
import type { GrantVerifier, VerifiedGrant } from '../http/grant-verifier.ts';
import { isSecure } from '../http/peer.ts';
import type { PlayRefused, PlayRequest } from '../live/play-gate.ts';
import { type AskedResource, askedResource } from '../policy/grants/asked-resource.ts';
import { cookieGrant, type Presented } from '../policy/grants/presented-grant.ts';
import { type StreamWords, streamResources, takeStreamGrant } from '../policy/grants/stream-grant.ts';
import { parseRequestTarget } from '../policy/request-target.ts';
import type { PublishRequest } from '../policy/publish-request.ts';
import { countryPlayRefusal } from './geo/served-countries.ts';
import type { FileDoor } from './stored/file-lookup.ts';
import type { RoutedFile, RoutedStream } from './streaming-routes.ts';

/** Of what nobody gets without a grant. Why a grant is none is not said. */
export const noGrant: PlayRefused = {
  kind: 'refused',
  statusCode: 'NetStream.Play.Unauthorized',
  code: 'PLAY_GRANT_MISSING',
  sentence: 'this needs a signed URL that is good for it now',
};

/** Whether a file was refused for who asks, and not for what it is. */
export function isClosedDoor(found: object | undefined): found is PlayRefused {
  return found === noGrant || found === countryPlayRefusal;
}

/** Somebody gets in; where that takes a grant, by this one. */
export interface LetIn {
  readonly grant: VerifiedGrant | undefined;
}

const everybody: LetIn = { grant: undefined };

/** Looks at countries and grants for streams: RTMP, FLV over HTTP and over WebSocket, and publishing. */
export class StreamDoor {
  readonly #grants: GrantVerifier;
  readonly #clock: Clock;

  constructor(grants: GrantVerifier, clock: Clock) {
    this.#grants = grants;
    this.#clock = clock;
  }

  mayPlay({ behaviour, app, name }: RoutedStream, request: PlayRequest): LetIn | PlayRefused {
    if (behaviour.served?.has(request.peerAddress) === false) return countryPlayRefusal;
    return this.#opens(behaviour.trustedKeyGroups, request, app, [name], request.web) ?? noGrant;
  }

  mayPublish({ behaviour, app, name }: RoutedStream, request: PublishRequest): LetIn | undefined {
    return this.#opens(behaviour.publishKeyGroups, request, app, [name]);
  }

  /** A file has the guards that it has over HTTP. To be asked anew for each request. Who signs may leave the extension out, as players do. */
  toFile({ name }: RoutedFile, request: PlayRequest): LetIn & { readonly refusal: FileDoor } {
    let last: LetIn | undefined;
    return {
      /** What has opened it, once it was found open. */
      get grant() {
        return last?.grant;
      },
      refusal: ({ served, trustedKeyGroups }, path) => {
        if (served?.has(request.peerAddress) === false) return countryPlayRefusal;
        last = this.#opens(trustedKeyGroups, request, name.application, [...new Set([path, name.path])]);
        return last === undefined ? noGrant : undefined;
      },
    };
  }

  #opens(
    trusted: readonly string[],
    request: StreamWords & { readonly peerAddress: string },
    app: string,
    names: readonly string[],
    web?: IncomingMessage,
  ): LetIn | undefined {
    if (trusted.length === 0) return everybody;
    const { presented, rest } = takeStreamGrant(request);
    const asked = streamResources(request, app, names, rest);
    if (web !== undefined) asked.push(...webResources(web, rest));
    const shown: Presented = presented === 'absent' ? cookieGrant(web?.headers.cookie) : presented;
    const comer = { nowMs: this.#clock.wallMs(), address: request.peerAddress };
    const decision = this.#grants.decide(shown, asked, trusted, comer);
    return decision.kind === 'granted' ? { grant: decision.grant } : undefined;
  }
}

/** As any request over HTTP, and with the scheme of WebSocket. */
function webResources({ headers, socket, url = '' }: IncomingMessage, rest: string): AskedResource[] {
  const target = parseRequestTarget(url);
  const site = { secure: isSecure(socket), host: headers.host ?? '' };
  const resource = target.kind === 'resource' ? askedResource(site, url, target, rest) : undefined;
  if (resource === undefined) return [];
  const overWebSocket = (text: string): string => text.replace(/^http/, 'ws');
  return [resource, { url: overWebSocket(resource.url), alsoReadAs: resource.alsoReadAs.map(overWebSocket) }];
}
