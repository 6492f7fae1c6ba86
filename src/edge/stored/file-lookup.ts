import { UpstreamError } from '../../base/errors.ts';
import { fieldValue } from '../../formats/http-fields/field-lines.ts';
import type { PlayRefused } from '../../live/play-gate.ts';
import { freshness } from '../../policy/freshness.ts';
import { originRequestFields } from '../../policy/origin-request.ts';
import { parseRequestTarget } from '../../policy/request-target.ts';
import { addressOf, orderOf, sharedProtocol } from '../asked.ts';
import { recallDeadlineMs } from '../await-recall.ts';
import { CachedResponse, type GrowingResponse, selectVariant } from '../edge-response.ts';
import type { FetchOutcome } from '../fetch-waiters.ts';
import { isGuarded } from '../grant-admission.ts';
import { OriginFetch } from '../origin-fetch.ts';
import type { EdgeContext } from '../request-steps.ts';
import type { Behaviour, Distribution } from '../routes.ts';
import type { SliceSource } from '../slice-request.ts';
import type { StoredMediaSettings } from '../streaming-settings.ts';
import { FileVersion } from './file-version.ts';

export type FoundFile =
  | { readonly kind: 'found'; readonly version: FileVersion }
  | { readonly kind: 'absent' }
  /** Its behaviour is not for everybody, and the door stays closed. */
  | { readonly kind: 'closed'; readonly refusal: PlayRefused }
  /** The origin fails, or gives it in a way that it cannot be played from. */
  | { readonly kind: 'failed'; readonly error: UpstreamError };

/** Why a viewer does not get a file of a behaviour that is not for everybody, if so. `path`: below the library, plain text. */
export type FileDoor = (behaviour: Behaviour, path: string) => PlayRefused | undefined;

/** What the lookup of files shares with that of requests over HTTP. */
export type LookupSurroundings = Pick<
  EdgeContext,
  | 'bans'
  | 'clock'
  | 'counters'
  | 'fetches'
  | 'identity'
  | 'log'
  | 'maxObjectBytes'
  | 'maxWaiting'
  | 'nextRequestId'
  | 'playlists'
  | 'slices'
  | 'store'
>;

/** Where a file is, for this edge and for its origin. */
interface Address {
  readonly behaviour: Behaviour;
  readonly cacheKey: string;
  readonly source: SliceSource;
}

/**
 * Finds files of a library in the edge's cache, under the keys that they have over HTTP, and asks the origin for the first
 * slice of what is not there, or whether what is there for longer than `ttlMs` is still the version. An origin that fails
 * is no reason to play nothing: what is there is played.
 */
export class FileLookup {
  readonly #edge: LookupSurroundings;
  readonly #distributions: ReadonlyMap<string, Distribution>;

  constructor(edge: LookupSurroundings, distributions: readonly Distribution[]) {
    this.#edge = edge;
    this.#distributions = new Map(distributions.map((distribution) => [distribution.name, distribution]));
  }

  /** `path`: below the library, plain text; `viewerAddress`: for the origin. Never rejects. */
  async find(library: StoredMediaSettings, path: string, viewerAddress: string, door: FileDoor): Promise<FoundFile> {
    const address = this.#addressOf(library, path, viewerAddress);
    if (address === undefined) return { kind: 'absent' };
    const { behaviour } = address;
    const refusal = isGuarded(behaviour) || behaviour.served !== undefined ? door(behaviour, path) : undefined;
    if (refusal !== undefined) return { kind: 'closed', refusal };
    const { store } = this.#edge;
    const { requestFields } = address.source;
    const stored =
      selectVariant(store.get(address.cacheKey), requestFields) ??
      selectVariant(await this.#recalled(address.cacheKey), requestFields);
    if (stored !== undefined && this.#isGoodEnough(stored, library.ttlMs)) return this.#judged(address, stored);
    const found = await this.#fetched(address, stored);
    if (found.kind !== 'failed' || stored?.head.status !== 200) return found;
    this.#edge.log.warn({ err: found.error, cacheKey: address.cacheKey }, 'a stored version is played on');
    return this.#judged(address, stored);
  }

  #addressOf(
    { distribution, path: folder }: StoredMediaSettings,
    path: string,
    viewerAddress: string,
  ): Address | undefined {
    const escaped = escapedPath(path);
    const target = escaped === undefined ? undefined : parseRequestTarget(`${folder}/${escaped}`);
    if (target?.kind !== 'resource') return undefined;
    const behaviour = this.#distributions.get(distribution)?.behaviourAt(target.path);
    if (behaviour === undefined || typeof behaviour === 'string') return undefined;
    const { identity, nextRequestId } = this.#edge;
    const own = addressOf(behaviour, { path: target.path, query: '' });
    const requestFields = () =>
      originRequestFields(
        {
          acceptEncoding: undefined,
          forwardedFor: undefined,
          connectedFrom: viewerAddress,
          viewerProtocol: sharedProtocol(behaviour),
          via: undefined,
          cdnLoop: undefined,
          requestId: nextRequestId(),
          viewerFields: [],
        },
        identity,
        [],
      );
    const source = { upstream: behaviour.upstream, target: own.target, requestFields };
    return { behaviour, cacheKey: own.cacheKey, source };
  }

  #isGoodEnough({ head: { facts, status } }: CachedResponse, ttlMs: number): boolean {
    const state = freshness(facts, this.#edge.clock.monotonicMs());
    // What is not there may be there soon: as HTTP has it.
    return status === 200 ? state.ageMs < ttlMs : state.kind === 'fresh';
  }

  async #recalled(cacheKey: string): Promise<readonly CachedResponse[]> {
    const { clock, fetches, store } = this.#edge;
    const recalled = fetches.isComing(cacheKey) ? undefined : store.recall(cacheKey);
    if (recalled === undefined) return [];
    return new Promise((resolve) => {
      const deadline = clock.after(recallDeadlineMs, () => resolve([]));
      void recalled.then(resolve).finally(() => deadline.cancel());
    });
  }

  async #fetched(address: Address, stale: CachedResponse | undefined): Promise<FoundFile> {
    const { clock, fetches, maxWaiting } = this.#edge;
    const { cacheKey, source } = address;
    const arriving = selectVariant(fetches.growing(cacheKey), source.requestFields);
    if (arriving !== undefined) return this.#whenWhole(address, arriving);
    const verdict = fetches.verdict(cacheKey, clock.monotonicMs());
    if (verdict?.kind === 'failed') return { kind: 'failed', error: verdict.error };
    const running = fetches.waiting(cacheKey);
    if (running !== undefined && running.waiterCount >= maxWaiting) return notUsable('too many wait for it already');
    const order = orderOf(
      {
        behaviour: address.behaviour,
        cacheKey,
        method: 'GET',
        playlist: undefined,
        requestFields: source.requestFields,
        target: source.target,
        wants: undefined,
      },
      'together',
      stale,
    );
    const fetch = running ?? new OriginFetch(this.#edge, { ...order, firstSliceOnly: true });
    return new Promise((resolve) => {
      // At once: what nobody reads goes on only if it is for the store.
      fetch.wait({ onInformation: () => {}, onOutcome: (outcome) => resolve(this.#answered(address, outcome)) });
      if (running === undefined) fetch.start();
    });
  }

  #answered(address: Address, outcome: FetchOutcome): FoundFile | Promise<FoundFile> {
    switch (outcome.kind) {
      case 'failed':
        return outcome;
      case 'not-shared':
        return keptByNobody;
      case 'slicing':
      case 'confirmed':
        return this.#judged(address, outcome.response);
      case 'arriving':
        return this.#whenWhole(address, outcome.response);
    }
  }

  /** What is not kept in slices is played when all of it is there: it is small. */
  #whenWhole(address: Address, response: GrowingResponse): FoundFile | Promise<FoundFile> {
    const { body, head, storable } = response;
    const refusal = refusalOf(head) ?? (storable && body.keeping ? undefined : keptByNobody);
    if (refusal !== undefined) {
      response.onReaderLeft();
      return refusal;
    }
    return new Promise((resolve) => {
      const end = () => {
        if (body.state.kind === 'growing') return;
        reader?.close();
        const whole = body.whole();
        resolve(
          whole === undefined ? notUsable('it broke off') : this.#judged(address, new CachedResponse(head, whole)),
        );
      };
      const reader = body.openReader(end);
      end();
    });
  }

  #judged({ cacheKey, source }: Address, response: CachedResponse): FoundFile {
    const refusal = refusalOf(response.head);
    if (refusal !== undefined) return refusal;
    return { kind: 'found', version: new FileVersion(this.#edge.slices, cacheKey, response, source) };
  }
}

/** `undefined`: it can be played from. */
function refusalOf({ fields, status }: CachedResponse['head']): FoundFile | undefined {
  if (status >= 500) return notUsable(`its origin answered ${status}`);
  if (status >= 400) return { kind: 'absent' };
  if (status !== 200) return notUsable(`its origin answered ${status}, which is no file`);
  const coding = fieldValue(fields, 'content-encoding');
  return coding === undefined ? undefined : notUsable(`its origin gives it in the coding ${coding}`);
}

function notUsable(reason: string): FoundFile & { kind: 'failed' } {
  return { kind: 'failed', error: new UpstreamError('STORED_FILE_UNUSABLE', `the file cannot be had: ${reason}`) };
}

const keptByNobody = notUsable(
  'it is being written at this moment, or its origin has no strong ETag and no ranges for it or forbids to keep it',
);

/** `undefined`: it is no text that could be in a URL. */
function escapedPath(path: string): string | undefined {
  try {
    return path.split('/').map(encodeURIComponent).join('/');
  } catch {
    return undefined;
  }
}
