import { element } from './element.ts';
import { icon } from './icon.ts';
import { Remembered } from './remembered.ts';

/** A panel that can be folded away by its button or the Escape key; the choice is remembered. */
export class Fold {
  readonly button: HTMLButtonElement;
  readonly #panel: HTMLElement;
  readonly #remembered: Remembered;
  readonly #onChange: (open: boolean) => void;

  /** `panel` needs an id. */
  constructor(panel: HTMLElement, name: string, label: string, onChange: (open: boolean) => void) {
    this.#panel = panel;
    this.#remembered = new Remembered(name);
    this.#onChange = onChange;
    this.button = element(
      'button',
      { type: 'button', class: 'button quiet', 'aria-controls': panel.id },
      icon('panel'),
      element('span', {}, label),
    );
    this.button.addEventListener('click', () => this.#set(!this.open));
    this.#apply(this.#remembered.value !== 'folded');
  }

  get open(): boolean {
    return !this.#panel.hidden;
  }

  /** Escape folds, unless something else has a use for it: a full screen, an open dialog or menu. */
  listen(signal: AbortSignal): void {
    document.addEventListener(
      'keydown',
      (event) => {
        if (event.key !== 'Escape' || event.defaultPrevented || !this.open) return;
        if (document.fullscreenElement !== null || document.querySelector('dialog[open]') !== null) return;
        if (document.querySelector('media-controller [role="menu"]:not([hidden])') !== null) return;
        if (this.#panel.contains(document.activeElement)) this.button.focus();
        this.#set(false);
      },
      { signal },
    );
  }

  #set(open: boolean): void {
    this.#remembered.value = open ? undefined : 'folded';
    this.#apply(open);
  }

  #apply(open: boolean): void {
    this.#panel.hidden = !open;
    this.button.setAttribute('aria-expanded', `${open}`);
    this.#onChange(open);
  }
}
