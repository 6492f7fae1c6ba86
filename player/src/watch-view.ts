import { copyField } from './copy-field.ts';
import { element, setText } from './element.ts';
import { FiguresPanel } from './figures-panel.ts';
import { Fold } from './fold.ts';
import { formatElapsed } from './format.ts';
import { icon } from './icon.ts';
import { type PageAddress, playlistPath, withGrant } from './page-address.ts';
import type { DirectoryWord } from './recovery.ts';
import type { StreamEntry } from './stream-list.ts';
import { type StreamListAnswer, StreamPoller } from './stream-poller.ts';
import type { View } from './view.ts';
import { type PlayerFigures, WatchPlayer } from './watch-player.ts';

const calmIntervalMs = 3_000;
/** While the picture stands still, the list of streams is what tells that the stream is back. */
const anxiousIntervalMs = 2_000;

/** One stream, its player, and the panel that tells how it arrives. */
export class WatchView implements View {
  readonly root: HTMLElement;
  readonly #stream: string;
  readonly #grant: string;
  readonly #player: WatchPlayer;
  readonly #panel = new FiguresPanel();
  readonly #poller: StreamPoller;
  readonly #ended = new AbortController();
  readonly #badge = element('span', { class: 'badge' });
  readonly #facts = element('p', { class: 'facts' });
  #entry: StreamEntry | undefined;
  #state: PlayerFigures['state'] = 'starting';

  /** `entry`: what the library knew, if the viewer comes from there. `askedAtMs`: see `WatchPlayer`. */
  constructor({ stream, grant }: PageAddress & { page: 'watch' }, entry: StreamEntry | undefined, askedAtMs: number) {
    this.#stream = stream;
    this.#grant = grant;
    this.#entry = entry;
    const playlist = withGrant(entry?.playlist ?? playlistPath(stream), grant);
    this.#player = new WatchPlayer(stream, playlist, askedAtMs, (figures) => this.#show(figures));
    const elsewhere = new URL(playlist, window.location.href).href;
    const panel = element(
      'aside',
      { class: 'panel', id: 'details', 'aria-label': 'Details' },
      this.#panel.root,
      element(
        'div',
        { class: 'elsewhere' },
        element('h2', {}, 'Play it elsewhere'),
        element('p', {}, 'VLC, ffplay, a television: open this address.'),
        copyField(elsewhere, 'Copy the address of the playlist'),
      ),
    );
    const layout = element('div', { class: 'watch-layout' });
    const fold = new Fold(panel, 'details', 'Details', (open) => layout.classList.toggle('folded', !open));
    fold.listen(this.#ended.signal);
    const heading = element('h1', { tabindex: '-1' }, stream);
    const title = element('div', { class: 'watch-title' }, heading, this.#badge);
    const bar = element('div', { class: 'watch-bar' }, element('div', {}, title, this.#facts), fold.button);
    const back = element('a', { href: '/', class: 'back' }, icon('back'), 'All streams');
    layout.append(element('div', { class: 'watch-main' }, back, this.#player.root, bar), panel);
    this.root = element('main', { class: 'watch' }, layout);
    this.#poller = new StreamPoller(
      anxiousIntervalMs,
      (answer) => this.#hear(answer),
      () => this.#state === 'playing' || this.#state === 'paused',
    );
  }

  destroy(): void {
    this.#ended.abort();
    this.#poller.stop();
    this.#player.destroy();
  }

  #hear(answer: StreamListAnswer): void {
    const words: Record<Exclude<StreamListAnswer['kind'], 'list'>, DirectoryWord> = {
      unreachable: 'unreachable',
      'no-list': 'unknown',
    };
    if (answer.kind !== 'list') {
      this.#player.note(words[answer.kind], undefined);
      return;
    }
    const entry = answer.streams.find(({ name }) => name === this.#stream);
    this.#entry = entry ?? this.#entry;
    this.#player.note(entry?.state ?? 'missing', entry && withGrant(entry.playlist, this.#grant));
  }

  #show(figures: PlayerFigures): void {
    this.#state = figures.state;
    this.#poller.intervalMs = figures.state === 'playing' ? calmIntervalMs : anxiousIntervalMs;
    this.#panel.show(figures, this.#entry);
    // Of a stream that does not exist there are no details.
    this.root.classList.toggle('bare', figures.state === 'absent' || figures.state === 'unsupported');
    const live = figures.state === 'playing' || figures.state === 'buffering' || figures.state === 'paused';
    this.#badge.hidden = !live && figures.state !== 'waiting';
    this.#badge.classList.toggle('live', live);
    setText(this.#badge, live ? 'Live' : 'Waiting');
    const since = this.#entry?.sinceWallMs;
    const facts = [
      live && since !== undefined ? `Running for ${formatElapsed(Date.now() - since)}` : undefined,
      live && this.#entry?.encoder !== undefined ? `sent by ${this.#entry.encoder}` : undefined,
    ];
    setText(this.#facts, facts.filter((fact) => fact !== undefined).join(' · '));
  }
}
