import type { VerifiedGrant } from '../http/grant-verifier.ts';
import type { PublishAuthority } from '../http/publish-authority.ts';
import {
  announcingRelease,
  type PublishAdmission,
  type PublishCircumstances,
  type PublishGate,
} from '../rtmp/publish-gate.ts';
import type { PlayLimits } from './limits/play-limits.ts';
import { relayCode } from './relay.ts';
import { withoutStreamGrant } from '../policy/grants/stream-grant.ts';
import type { PublishRefused, PublishRequest } from '../policy/publish-request.ts';
import type { RelayOptions } from './relay-options.ts';
import { RelayedPublication, type RelayedPublicationStats } from './relayed-publication.ts';
import type { StreamDoor } from './stream-door.ts';
import type { RoutedStream, StreamingRoutes } from './streaming-routes.ts';

/** Where it goes, and the grant that lets its encoder in, if there has to be one. */
interface FoundPublication {
  readonly routed: RoutedStream;
  readonly grant: VerifiedGrant | undefined;
}

/**
 * Lets encoders publish through an edge: admitted here by its credentials, then by the origin, whose answer is the one
 * that counts. The keys that the encoder gave are passed on, so that the origin knows who it is.
 */
export class RelayPublish implements PublishGate {
  readonly #routes: StreamingRoutes;
  readonly #authority: PublishAuthority;
  readonly #door: StreamDoor;
  readonly #limits: PlayLimits;
  readonly #options: RelayOptions;
  readonly #publications = new Set<RelayedPublication>();
  /** Those that the origin has not answered yet. */
  #asking = 0;

  constructor(
    routes: StreamingRoutes,
    authority: PublishAuthority,
    { door, limits }: { readonly door: StreamDoor; readonly limits: PlayLimits },
    options: RelayOptions,
  ) {
    this.#door = door;
    this.#limits = limits;
    this.#routes = routes;
    this.#authority = authority;
    this.#options = options;
  }

  /** Those that are passed on now. */
  stats(): readonly RelayedPublicationStats[] {
    return [...this.#publications].map((publication) => publication.stats());
  }

  examine(request: PublishRequest): PublishRefused | undefined {
    const routed = this.#route(request);
    return 'kind' in routed ? routed : this.#authority.examine(request);
  }

  async admit(request: PublishRequest, circumstances: PublishCircumstances): Promise<PublishAdmission> {
    const found = this.#route(request);
    if ('kind' in found) return found;
    const { routed, grant } = found;
    const asked = { limits: routed.behaviour.limits, path: routed.path };
    const early = this.#limits.refusesEncoder(asked, request);
    if (early !== undefined) return early;
    const { signal } = circumstances;
    const permission = await this.#authority.authorize(request, signal);
    if (permission.kind === 'refused') return permission;
    const { maxLiveStreams } = this.#options;
    if (this.#publications.size + this.#asking >= maxLiveStreams) {
      permission.ended('not-started');
      return refused(
        routed.path,
        'PUBLISH_FULL',
        `this edge passes on ${maxLiveStreams} publications already (setting edge.maxLiveStreams)`,
      );
    }
    const entered = this.#limits.enterEncoder(asked, request, grant, circumstances);
    if (entered.kind === 'refused') {
      permission.ended('not-started');
      return entered;
    }
    const notStarted = () => {
      entered.leave();
      permission.ended('not-started');
    };
    this.#asking++;
    try {
      const opened = await RelayedPublication.open(
        {
          ...this.#options,
          routed,
          query: passedOnQuery(request, routed.behaviour.publishKeyGroups.length > 0),
          encoder: request.encoder,
          via: request.via ?? [],
          onTakenOver: () => {
            permission.ended('taken-over');
            circumstances.onTakenOver();
          },
          onEnded: (error) => circumstances.onEnded(error),
        },
        signal,
      );
      if (!(opened instanceof RelayedPublication)) {
        notStarted();
        return opened;
      }
      this.#publications.add(opened);
      const sink = announcingRelease(opened, () => {
        this.#publications.delete(opened);
        entered.leave();
        permission.ended('ended');
      });
      return { kind: 'admitted', path: routed.path, sink };
    } catch (error) {
      notStarted();
      throw error;
    } finally {
      this.#asking--;
    }
  }

  #route(request: PublishRequest): FoundPublication | PublishRefused {
    const { tcUrl, app, streamName } = request;
    const routed = this.#routes.publish(tcUrl, app, streamName);
    if (routed.kind === 'unrouted') {
      return refused(undefined, relayCode(routed.code), `${routed.code}: ${routed.sentence}`);
    }
    const { path } = routed;
    if (!routed.behaviour.publish) {
      return refused(path, 'PUBLISH_NOT_HERE', `${path} cannot be published through this edge`);
    }
    const letIn = this.#door.mayPublish(routed, request);
    if (letIn !== undefined) return { routed, grant: letIn.grant };
    const sentence = `${path} needs a signed name that is good for publishing it now`;
    return { ...refused(path, 'PUBLISH_GRANT_MISSING', sentence), statusCode: 'NetStream.Publish.Unauthorized' };
  }
}

function refused(path: string | undefined, code: string, sentence: string): PublishRefused {
  return { kind: 'refused', statusCode: 'NetStream.Publish.BadName', code, path, sentence };
}

/** What the encoder said in its queries, a grant for this edge left out, behind the name: `?key=…`, or nothing. */
function passedOnQuery({ streamName, app, tcUrl }: PublishRequest, granted: boolean): string {
  const queries = [streamName, app, tcUrl ?? '']
    .map((text) => text.slice(text.indexOf('?') + 1 || text.length))
    .map((query) => (granted ? withoutStreamGrant(query) : query))
    .filter((query) => query !== '');
  const [first, ...rest] = new Set(queries);
  return first === undefined ? '' : `?${[first, ...rest].join('&')}`;
}
