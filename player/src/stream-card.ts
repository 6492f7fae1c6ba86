import { CardPreview } from './card-preview.ts';
import { element, setText } from './element.ts';
import { formatBitrate, formatElapsed, formatQuality } from './format.ts';
import { icon } from './icon.ts';
import { watchHref } from './page-address.ts';
import type { StreamEntry } from './stream-list.ts';

/** A stream in the library: its picture, its name, how it is doing. The whole card is one link. */
export class StreamCard {
  readonly root: HTMLLIElement;
  readonly preview: CardPreview;
  readonly #link: HTMLAnchorElement;
  readonly #badge = element('span', { class: 'badge' });
  readonly #quality = element('span', { class: 'tag' });
  readonly #facts = element('p', { class: 'facts' });
  #entry: StreamEntry;
  #favoured = false;
  onScreen = false;

  constructor(entry: StreamEntry, calm: boolean, onFavour: () => void) {
    this.#entry = entry;
    this.preview = new CardPreview(entry.playlist, calm);
    const nameId = `stream-${encodeURIComponent(entry.name)}`;
    const picture = element(
      'div',
      { class: 'card-picture' },
      element('div', { class: 'card-blank' }, icon('broadcast')),
      this.preview.root,
      element('div', { class: 'card-tags' }, this.#badge, this.#quality),
    );
    const name = element('h2', { id: nameId }, entry.name);
    this.#link = element(
      'a',
      { href: watchHref(entry.name), class: 'card', 'aria-labelledby': nameId },
      picture,
      element('div', { class: 'card-words' }, name, this.#facts),
    );
    const favour = (favoured: boolean) => () => {
      this.#favoured = favoured;
      onFavour();
    };
    this.#link.addEventListener('pointerenter', favour(true));
    this.#link.addEventListener('pointerleave', favour(false));
    this.#link.addEventListener('focus', favour(true));
    this.#link.addEventListener('blur', favour(false));
    this.root = element('li', {}, this.#link);
    this.update(entry);
  }

  get entry(): StreamEntry {
    return this.#entry;
  }

  get favoured(): boolean {
    return this.#favoured;
  }

  get runnable(): boolean {
    return this.onScreen && this.#entry.state === 'live' && this.#entry.video !== undefined;
  }

  update(entry: StreamEntry): void {
    this.#entry = entry;
    const live = entry.state === 'live';
    this.#badge.classList.toggle('live', live);
    setText(this.#badge, live ? 'Live' : 'Waiting');
    const quality = entry.video === undefined ? 'Sound' : formatQuality(entry.video);
    this.#quality.hidden = entry.video === undefined && entry.audio === undefined;
    setText(this.#quality, quality);
    const elapsed = entry.sinceWallMs === undefined ? undefined : formatElapsed(Date.now() - entry.sinceWallMs);
    const facts = live
      ? [elapsed, entry.bitsPerSecond === undefined ? undefined : formatBitrate(entry.bitsPerSecond)]
      : ['Waiting for its publisher'];
    setText(this.#facts, facts.filter((fact) => fact !== undefined).join(' · '));
  }

  destroy(): void {
    this.preview.stop();
  }
}
