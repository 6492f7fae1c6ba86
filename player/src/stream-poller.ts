import { parseStreamList, type StreamEntry } from './stream-list.ts';

/** What the last question for the list of streams gave. */
export type StreamListAnswer =
  | { readonly kind: 'list'; readonly streams: readonly StreamEntry[] }
  /** No answer, or an error of the server's. */
  | { readonly kind: 'unreachable' }
  /** An answer, but no list: another server, or one without `streams.json`. */
  | { readonly kind: 'no-list' };

const listPath = '/live/streams.json';
const answerDeadlineMs = 8_000;
const slowestMs = 5_000;

/** Asks for the list of streams again and again; more slowly while nobody answers; not at all while it may rest. */
export class StreamPoller {
  readonly #onAnswer: (answer: StreamListAnswer) => void;
  readonly #mayRest: () => boolean;
  readonly #ended = new AbortController();
  #intervalMs: number;
  #failures = 0;
  #timer: number | undefined;
  #asking = false;

  /** `mayRest` is asked before each question while the page is hidden. */
  constructor(intervalMs: number, onAnswer: (answer: StreamListAnswer) => void, mayRest: () => boolean = () => true) {
    this.#intervalMs = intervalMs;
    this.#onAnswer = onAnswer;
    this.#mayRest = mayRest;
    const { signal } = this.#ended;
    document.addEventListener('visibilitychange', () => this.#wake(), { signal });
    window.addEventListener('online', () => this.#wake(), { signal });
    void this.#ask();
  }

  set intervalMs(intervalMs: number) {
    if (intervalMs === this.#intervalMs) return;
    const sooner = intervalMs < this.#intervalMs;
    this.#intervalMs = intervalMs;
    if (sooner && !this.#asking) this.#schedule();
  }

  stop(): void {
    this.#ended.abort();
    window.clearTimeout(this.#timer);
  }

  #wake(): void {
    if (document.visibilityState === 'visible' && !this.#asking) void this.#ask();
  }

  #schedule(): void {
    window.clearTimeout(this.#timer);
    if (this.#ended.signal.aborted) return;
    const delayMs = Math.min(slowestMs, this.#intervalMs * 2 ** Math.min(this.#failures, 4));
    this.#timer = window.setTimeout(() => void this.#ask(), Math.max(this.#intervalMs, delayMs));
  }

  async #ask(): Promise<void> {
    window.clearTimeout(this.#timer);
    if (document.visibilityState === 'hidden' && this.#mayRest()) {
      this.#schedule();
      return;
    }
    this.#asking = true;
    const answer = await fetchList(this.#ended.signal);
    this.#asking = false;
    if (this.#ended.signal.aborted) return;
    this.#failures = answer.kind === 'unreachable' ? this.#failures + 1 : 0;
    this.#onAnswer(answer);
    this.#schedule();
  }
}

async function fetchList(ended: AbortSignal): Promise<StreamListAnswer> {
  let body: string;
  try {
    const signal = AbortSignal.any([ended, AbortSignal.timeout(answerDeadlineMs)]);
    const response = await fetch(listPath, { signal, headers: { accept: 'application/json' } });
    if (response.status >= 500) return { kind: 'unreachable' };
    if (!response.ok) return { kind: 'no-list' };
    body = await response.text();
  } catch {
    return { kind: 'unreachable' };
  }
  try {
    return { kind: 'list', streams: parseStreamList(JSON.parse(body)) };
  } catch {
    return { kind: 'no-list' };
  }
}
