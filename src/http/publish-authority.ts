import { createHash, createHmac, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';
import { CloseBudget } from '../base/close-budget.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import {
  decidePublish,
  offeredStreamKey,
  publishParameters,
  type PublishDecision,
  type PublishRefusal,
} from '../policy/publish-credentials.ts';
import type { PublicationEnd, PublishHookEvent } from '../policy/publish-hook.ts';
import type { PublishRefused, PublishRequest } from '../policy/publish-request.ts';
import type { PublishSettings } from '../policy/publish-settings.ts';
import { PublishHook, type PublishHookStats } from './publish-hook.ts';

export interface PublishPermitted {
  readonly kind: 'admitted';
  readonly path: string;
  /** Who comes with the same one takes the stream over; `undefined` never does. */
  readonly credential: string | undefined;
  /** Call when the publication is over, or did not begin after all; only the first call counts. */
  readonly ended: (reason: PublicationEnd) => void;
}

export interface PublishAuthorityOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** The applications that take streams; `live` alone if left out. */
  readonly apps?: readonly string[];
}

/** What `unpublish` events get when the server closes, and what is kept for them whoever else is slow to close. */
const closeGraceMs = 1_000;
const leastCloseGraceMs = 500;

const refusalCodes = {
  'app-unknown': 'PUBLISH_APP_UNKNOWN',
  'name-invalid': 'PUBLISH_NAME_INVALID',
  'name-is-key': 'PUBLISH_NAME_IS_KEY',
  'key-missing': 'PUBLISH_KEY_MISSING',
  'key-wrong': 'PUBLISH_KEY_WRONG',
} as const;

/** Who decides who may publish: the configured stream keys, and then the publish hook where there is one. */
export class PublishAuthority {
  readonly #settings: PublishSettings;
  readonly #options: PublishAuthorityOptions;
  readonly #hook: PublishHook | undefined;
  /** Makes a name for a stream key that says nothing about it. */
  readonly #fingerprintKey = randomBytes(32);

  constructor(settings: PublishSettings, options: PublishAuthorityOptions) {
    this.#settings = settings;
    this.#options = options;
    this.#hook = settings.hook === undefined ? undefined : new PublishHook(settings.hook, options);
  }

  /** Of the hook, where there is one. */
  hookStats(): PublishHookStats | undefined {
    return this.#hook?.stats();
  }

  /** Whether `authorize` would refuse, as far as the settings alone can tell. */
  examine(attempt: PublishRequest): PublishRefused | undefined {
    const decision = this.#decide(attempt);
    return decision.kind === 'refused' ? denied(decision) : undefined;
  }

  /** Who `authorize` would admit as what; `undefined` where the hook has the last word. */
  foresee(attempt: PublishRequest): { readonly path: string; readonly credential: string | undefined } | undefined {
    const decision = this.#decide(attempt);
    return decision.kind === 'refused' || this.#hook !== undefined ? undefined : decision;
  }

  /**
   * Decides. Rejects with the reason of `signal` when the encoder has left meanwhile, and with a `LimitError` when too
   * many wait for the hook.
   */
  async authorize(attempt: PublishRequest, signal: AbortSignal): Promise<PublishPermitted | PublishRefused> {
    const decision = this.#decide(attempt);
    if (decision.kind === 'refused') return denied(decision);
    const { path, credential } = decision;
    if (this.#hook === undefined) {
      return { kind: 'admitted', path, credential: this.#holder(attempt, decision), ended: () => {} };
    }
    return this.#askHook(this.#hook, attempt, { path, credential }, signal);
  }

  /** What to keep for `close` of the time in which a server has to be closed. */
  get leastCloseMs(): number {
    return this.#hook === undefined ? 0 : leastCloseGraceMs;
  }

  /** `unpublish` events that wait get a moment. */
  async close(budget: CloseBudget = CloseBudget.of(this.#options.clock)): Promise<void> {
    await this.#hook?.close(budget.graceMs(closeGraceMs));
  }

  async #askHook(
    hook: PublishHook,
    attempt: PublishRequest,
    local: { readonly path: string; readonly credential: string | undefined },
    signal: AbortSignal,
  ): Promise<PublishPermitted | PublishRefused> {
    const { path } = local;
    const key = this.#settings.auth === 'hook' ? offeredStreamKey(attempt) : undefined;
    const about = this.#eventBase(attempt, local);
    const ended = once((reason: PublicationEnd) =>
      hook.tell({ ...about, event: 'unpublish', time: this.#now(), reason }),
    );
    const event: PublishHookEvent = {
      ...about,
      event: 'publish',
      time: this.#now(),
      ...(key === undefined ? {} : { key }),
    };
    const verdict = await hook.ask(event, signal).catch((error: unknown) => {
      // It may have said yes by now.
      if (signal.aborted) ended('not-started');
      throw error;
    });
    switch (verdict.kind) {
      case 'admitted': {
        const named = verdict.credential === undefined ? undefined : `hook: ${verdict.credential}`;
        return { kind: 'admitted', path, credential: named ?? this.#holder(attempt, local), ended };
      }
      case 'refused':
        return {
          kind: 'refused',
          statusCode: 'NetStream.Publish.Unauthorized',
          code: 'PUBLISH_HOOK_REFUSED',
          path,
          sentence: verdict.sentence,
        };
      case 'failed': {
        const open = this.#settings.hook?.onFailure === 'open';
        this.#options.log.warn(
          { code: 'PUBLISH_HOOK_FAILED', stream: path, admitted: open },
          `The publish hook could not be asked about ${path}, which is ${open ? 'admitted' : 'refused'}: ${verdict.sentence}`,
        );
        if (open) {
          return { kind: 'admitted', path, credential: this.#holder(attempt, local), ended };
        }
        ended('not-started');
        return {
          kind: 'refused',
          statusCode: 'NetStream.Publish.BadName',
          code: 'PUBLISH_HOOK_FAILED',
          path,
          sentence: 'this server cannot find out at the moment who may publish: try again in a minute',
        };
      }
    }
  }

  #eventBase(
    attempt: PublishRequest,
    { path, credential }: { readonly path: string; readonly credential: string | undefined },
  ) {
    // IPv4 over an IPv6 listener as IPv4.
    const address = attempt.peerAddress.replace(/^::ffff:(?=\d)/, '');
    return {
      id: randomUUID(),
      path,
      peer: { address, port: attempt.peerPort },
      encoder: attempt.encoder ?? null,
      parameters: Object.fromEntries(publishParameters(attempt)),
      credential: credential ?? null,
    };
  }

  /**
   * Who publishes: whoever gives the same key, be it one that is configured here, one that the hook knows, or one that
   * only an edge before us has asked for. An edge gives its own key in the tcUrl, for all encoders alike: that one is
   * nobody's.
   */
  #holder(attempt: PublishRequest, local: { readonly path: string; readonly credential: string | undefined }) {
    const relayed = (attempt.via ?? []).length > 0;
    const own = relayed ? { ...attempt, tcUrl: undefined } : attempt;
    const decision = relayed ? this.#decide(own) : undefined;
    const configured = decision === undefined ? local.credential : credentialOf(decision);
    if (configured !== undefined) return configured;
    const key = offeredStreamKey(own);
    if (key === undefined) return undefined;
    const digest = createHmac('sha256', this.#fingerprintKey).update(`${local.path}?${key}`).digest('base64url');
    return `unlisted key ${digest.slice(0, 22)}`;
  }

  #decide(attempt: PublishRequest) {
    const { auth, keys } = this.#settings;
    const { apps } = this.#options;
    return decidePublish({ auth, keys, ...(apps === undefined ? {} : { apps }) }, attempt, equalStreamKeys);
  }

  #now(): string {
    return new Date(this.#options.clock.wallMs()).toISOString();
  }
}

function denied({ reason, path, sentence }: PublishRefusal): PublishRefused {
  const unauthorized = reason === 'key-missing' || reason === 'key-wrong' || reason === 'name-is-key';
  return {
    kind: 'refused',
    statusCode: unauthorized ? 'NetStream.Publish.Unauthorized' : 'NetStream.Publish.BadName',
    code: refusalCodes[reason],
    path,
    sentence,
  };
}

function credentialOf(decision: PublishDecision): string | undefined {
  return decision.kind === 'admitted' ? decision.credential : undefined;
}

function once<T>(action: (value: T) => void): (value: T) => void {
  let done = false;
  return (value) => {
    if (done) return;
    done = true;
    action(value);
  };
}

/** In constant time: digests have one length, whatever the keys have. */
function equalStreamKeys(a: string, b: string): boolean {
  return timingSafeEqual(createHash('sha256').update(a).digest(), createHash('sha256').update(b).digest());
}
