import { element, setText } from './element.ts';
import { icon } from './icon.ts';
import type { PlayerState } from './recovery.ts';
import { stateWords } from './state-words.ts';
import { StillPicture } from './still-picture.ts';

/** What stands over the picture: its last frame while it is away, words, and the way to sound. */
export class PictureOverlay {
  readonly root: HTMLElement;
  readonly still = new StillPicture();
  readonly #stream: string;
  readonly #title = element('p', { class: 'words-title' });
  readonly #text = element('p', { class: 'words-text' });
  readonly #wayBack = element('a', { href: '/', class: 'button' }, 'All streams');
  readonly #words: HTMLElement;
  readonly #soundOnly: HTMLElement;
  readonly #tap: HTMLButtonElement;

  constructor(stream: string, onTap: () => void) {
    this.#stream = stream;
    this.#words = element('div', { class: 'words', hidden: true }, this.#title, this.#text, this.#wayBack);
    this.#soundOnly = element('div', { class: 'sound-only', hidden: true }, icon('sound'), element('p', {}, stream));
    this.#tap = element('button', { type: 'button', class: 'tap', hidden: true });
    this.#tap.addEventListener('click', onTap);
    const status = element('div', { class: 'words-place', role: 'status' }, this.#words);
    this.root = element('div', { class: 'over' }, this.still.canvas, this.#soundOnly, status, this.#tap);
  }

  /** `soundOnly`: it plays and has no picture. */
  show(state: PlayerState, soundOnly: boolean): void {
    const words = stateWords(state, this.#stream);
    this.#words.hidden = words === undefined;
    this.#soundOnly.hidden = !soundOnly || words !== undefined;
    this.root.classList.toggle('dim', words !== undefined);
    this.#tap.classList.toggle('out-of-place', words !== undefined);
    if (words === undefined) return;
    setText(this.#title, words.title);
    setText(this.#text, words.text);
    this.#wayBack.hidden = !words.wayBack;
  }

  /** The browser wants a gesture before it gives sound, or before it plays at all. */
  askForTap(what: 'sound' | 'play' | 'nothing'): void {
    this.#tap.hidden = what === 'nothing';
    if (what !== 'nothing') {
      this.#tap.replaceChildren(icon('soundOff'), what === 'sound' ? 'Tap for sound' : 'Tap to play');
    }
  }
}
