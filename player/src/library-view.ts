import { element, setText } from './element.ts';
import { schedulePreviews } from './preview-schedule.ts';
import { publishGuide } from './publish-guide.ts';
import { StreamCard } from './stream-card.ts';
import type { StreamEntry } from './stream-list.ts';
import { type StreamListAnswer, StreamPoller } from './stream-poller.ts';
import type { View } from './view.ts';

const pollIntervalMs = 3_000;
const previewsAtMost = 6;
const fewStreams = 3;

/** All live streams as cards; where there are none, the way to publish one. */
export class LibraryView implements View {
  readonly root: HTMLElement;
  readonly #cards = new Map<string, StreamCard>();
  readonly #list = element('ul', { class: 'cards' });
  readonly #count = element('p', { class: 'count', role: 'status' });
  readonly #notice = element('p', { class: 'notice', role: 'status', hidden: true });
  readonly #guideTitle = element('h2');
  readonly #guideLead = element('p', { class: 'lead' });
  readonly #guide: HTMLElement;
  readonly #poller: StreamPoller;
  readonly #ended = new AbortController();
  readonly #calm = window.matchMedia('(prefers-reduced-motion: reduce)').matches;
  readonly #sight = new IntersectionObserver((sights) => this.#see(sights), { threshold: 0.25 });

  constructor() {
    this.#guide = element(
      'section',
      { class: 'library-guide', hidden: true },
      this.#guideTitle,
      this.#guideLead,
      publishGuide(window.location.hostname),
    );
    const heading = element(
      'div',
      { class: 'library-head' },
      element('h1', { tabindex: '-1' }, 'Live now'),
      this.#count,
    );
    const columns = element('div', { class: 'library-columns' }, this.#list, this.#guide);
    this.root = element('main', { class: 'library' }, heading, this.#notice, columns);
    document.addEventListener('visibilitychange', () => this.#schedule(), { signal: this.#ended.signal });
    this.#poller = new StreamPoller(pollIntervalMs, (answer) => this.#hear(answer));
  }

  /** What is known of a stream that the viewer is about to watch. */
  entry(stream: string): StreamEntry | undefined {
    return this.#cards.get(stream)?.entry;
  }

  destroy(): void {
    this.#ended.abort();
    this.#poller.stop();
    this.#sight.disconnect();
    for (const card of this.#cards.values()) card.destroy();
  }

  #hear(answer: StreamListAnswer): void {
    this.#notice.hidden = answer.kind === 'list';
    if (answer.kind === 'list') this.#show(answer.streams);
    else {
      const words =
        answer.kind === 'unreachable'
          ? 'The server does not answer. Trying again every few seconds.'
          : 'This server has no list of streams.';
      setText(this.#notice, words);
    }
  }

  #show(streams: readonly StreamEntry[]): void {
    for (const [name, card] of this.#cards) {
      if (streams.some((entry) => entry.name === name && entry.playlist === card.entry.playlist)) continue;
      this.#sight.unobserve(card.root);
      card.destroy();
      card.root.remove();
      this.#cards.delete(name);
    }
    const ordered = streams.map((entry) => this.#card(entry));
    for (const [place, card] of ordered.entries()) {
      const present = this.#list.children[place];
      if (present !== card.root) this.#list.insertBefore(card.root, present ?? null);
    }
    const live = streams.filter(({ state }) => state === 'live').length;
    setText(this.#count, streams.length === 0 ? '' : live === 1 ? '1 stream' : `${live} streams`);
    this.#list.hidden = streams.length === 0;
    this.#showGuide(streams.length);
    this.#schedule();
  }

  /** Where there is nothing to watch, the guide is the page; beside a stream or two it keeps them company. */
  #showGuide(streams: number): void {
    this.root.classList.toggle('bare', streams === 0);
    this.root.classList.toggle('few', streams > 0 && streams < fewStreams);
    this.#guide.hidden = streams >= fewStreams;
    setText(this.#guideTitle, streams === 0 ? 'Nothing is live yet' : 'Publish your own');
    const ways = streams === 0 ? 'Publish a stream in one of these ways. ' : '';
    setText(this.#guideLead, `${ways}It appears here within seconds.`);
  }

  #card(entry: StreamEntry): StreamCard {
    const known = this.#cards.get(entry.name);
    if (known !== undefined) {
      known.update(entry);
      return known;
    }
    const card = new StreamCard(entry, this.#calm, () => this.#schedule());
    this.#cards.set(entry.name, card);
    this.#sight.observe(card.root);
    return card;
  }

  #see(sights: readonly IntersectionObserverEntry[]): void {
    for (const { target, isIntersecting } of sights) {
      for (const card of this.#cards.values()) if (card.root === target) card.onScreen = isIntersecting;
    }
    this.#schedule();
  }

  /** Lets the chosen cards run and no others; none while the page is hidden. */
  #schedule(): void {
    const cards = [...this.#cards.values()];
    const running = new Set(cards.filter((card) => card.preview.running));
    const wishes = cards.map((card) => ({ id: card, onScreen: card.runnable, favoured: card.favoured }));
    const visible = document.visibilityState === 'visible' && !this.#ended.signal.aborted;
    const chosen = schedulePreviews(visible ? wishes : [], running, previewsAtMost);
    for (const card of cards) {
      if (chosen.has(card)) card.preview.start();
      else card.preview.stop();
    }
  }
}
