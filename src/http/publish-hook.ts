import type { Clock } from '../base/clock.ts';
import { LimitError, StreamFrontError, UpstreamError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { reasonOf } from '../base/thrown.ts';
import { type PublishHookEvent, type PublishHookVerdict, readHookAnswer } from '../policy/publish-hook.ts';
import type { PublishHookSettings } from '../policy/publish-settings.ts';
import { SignedPost } from './signed-post.ts';

/** Publishers that may wait for an answer at once: beyond it a newcomer is refused, however failures are met. */
const maxQuestions = 256;

/** `unpublish` events that may wait; a further one is dropped and counted. */
const maxWaitingEvents = 1_000;

/** Of one `unpublish` event, the first among them. */
const maxAttempts = 5;

/** Before the second attempt; doubled each time. */
const firstRetryMs = 500;

export interface PublishHookStats {
  readonly asked: number;
  readonly admitted: number;
  readonly refused: number;
  /** Questions without a usable answer. */
  readonly failed: number;
  /** `unpublish` events given up after their last attempt, or for want of room. */
  readonly eventsDropped: number;
  readonly eventsWaiting: number;
}

/**
 * A server of the operator's that is asked about every publisher and told when one has left. Questions are answered
 * within the timeout; `unpublish` events go out one after another in the background, each tried a few times.
 */
export class PublishHook {
  readonly #settings: PublishHookSettings;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #post: SignedPost;
  readonly #closing = new AbortController();
  readonly #waiting: PublishHookEvent[] = [];
  #delivery: Promise<void> | undefined;
  #questions = 0;
  #stats = { asked: 0, admitted: 0, refused: 0, failed: 0, eventsDropped: 0 };

  constructor(settings: PublishHookSettings, { clock, log }: { readonly clock: Clock; readonly log: Log }) {
    this.#settings = settings;
    this.#clock = clock;
    this.#log = log;
    this.#post = new SignedPost(settings.url, settings.secret);
  }

  stats(): PublishHookStats {
    return { ...this.#stats, eventsWaiting: this.#waiting.length };
  }

  /**
   * Asks about a `publish` event. A failure is a verdict too. Rejects with the reason of `signal` when the encoder has
   * left meanwhile, and with a `LimitError` when too many wait already.
   */
  async ask(event: PublishHookEvent, signal: AbortSignal): Promise<PublishHookVerdict> {
    if (this.#questions >= maxQuestions) {
      throw new LimitError('PUBLISH_HOOK_BUSY', 'publishers that wait for the publish hook at once', {
        limit: maxQuestions,
        value: this.#questions + 1,
      });
    }
    this.#questions++;
    this.#stats.asked++;
    try {
      const answer = await this.#send(event, signal);
      const verdict = readHookAnswer(answer, [this.#settings.secret, event.key ?? '']);
      this.#stats[verdict.kind]++;
      return verdict;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof StreamFrontError)) throw error;
      this.#stats.failed++;
      return { kind: 'failed', sentence: error.message };
    } finally {
      this.#questions--;
    }
  }

  /** Sends an `unpublish` event when those before it are done. Returns at once. */
  tell(event: PublishHookEvent): void {
    if (this.#waiting.length >= maxWaitingEvents || this.#closing.signal.aborted) {
      this.#drop(event, 'too many wait already');
      return;
    }
    this.#waiting.push(event);
    this.#delivery ??= this.#deliver().finally(() => {
      this.#delivery = undefined;
    });
  }

  /** Lets waiting events go out for `graceMs`, then gives them up. */
  async close(graceMs: number): Promise<void> {
    const timer = this.#clock.after(graceMs, () => this.#closing.abort(closingError()));
    await this.#delivery;
    timer.cancel();
    this.#closing.abort(closingError());
    await this.#post.close();
  }

  async #deliver(): Promise<void> {
    for (let event = this.#waiting[0]; event !== undefined; event = this.#waiting[0]) {
      // It counts as waiting until it is done.
      await this.#deliverOne(event);
      this.#waiting.shift();
    }
  }

  async #deliverOne(event: PublishHookEvent): Promise<void> {
    const { signal } = this.#closing;
    let problem = '';
    for (let attempt = 1; attempt <= maxAttempts && !signal.aborted; attempt++) {
      try {
        const { status } = await this.#send(event, signal);
        // Whatever it says about an event that asks for nothing: it has been told.
        if (status < 500 && status !== 408 && status !== 429) return;
        problem = `it answered ${status}`;
      } catch (error) {
        problem = reasonOf(error);
      }
      if (attempt < maxAttempts) await this.#pause(firstRetryMs * 2 ** (attempt - 1));
    }
    this.#drop(event, problem);
  }

  /** Until the time is over or the hook is closed. */
  #pause(delayMs: number): Promise<void> {
    const { signal } = this.#closing;
    return new Promise((resolve) => {
      if (signal.aborted) {
        resolve();
        return;
      }
      const end = () => {
        timer.cancel();
        signal.removeEventListener('abort', end);
        resolve();
      };
      const timer = this.#clock.after(delayMs, end);
      signal.addEventListener('abort', end, { once: true });
    });
  }

  #drop(event: PublishHookEvent, problem: string): void {
    this.#stats.eventsDropped++;
    this.#log.warn(
      { code: 'PUBLISH_HOOK_EVENT_DROPPED', stream: event.path, publication: event.id },
      `The publish hook ${this.#post.where} was not told that ${event.path} ended: ${problem}`,
    );
  }

  /** One exchange, within the timeout. */
  async #send(event: PublishHookEvent, signal: AbortSignal): Promise<{ status: number; body: string }> {
    const { timeoutMs } = this.#settings;
    const exchange = new AbortController();
    const onAbort = () => exchange.abort(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    const timer = this.#clock.after(timeoutMs, () =>
      exchange.abort(
        new UpstreamError('PUBLISH_HOOK_TIMEOUT', `${this.#post.where} did not answer within ${timeoutMs} ms`),
      ),
    );
    try {
      return await this.#post.send({
        id: `${event.id}-${event.event}`,
        timestampSeconds: Math.floor(this.#clock.wallMs() / 1_000),
        body: JSON.stringify(event),
        signal: exchange.signal,
      });
    } finally {
      timer.cancel();
      signal.removeEventListener('abort', onAbort);
    }
  }
}

function closingError(): UpstreamError {
  return new UpstreamError('PUBLISH_HOOK_CLOSING', 'this server is shutting down');
}
