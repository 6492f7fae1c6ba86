import { element } from './element.ts';
import { icon } from './icon.ts';

const announcementMs = 2_500;

/** Copies, or where the page may not (plain HTTP, other than on this machine), selects. Says which it was. */
async function copyText(text: string, source: HTMLElement): Promise<'copied' | 'selected'> {
  try {
    await navigator.clipboard.writeText(text);
    return 'copied';
  } catch {
    window.getSelection()?.selectAllChildren(source);
    return 'selected';
  }
}

/** A text to be taken elsewhere, with a button that copies it. `label` says what it is: "Copy the server". */
export function copyField(text: string, label: string): HTMLElement {
  // Lines break between words only: "-" and "preset" on two lines are hard to read back together.
  const words = text.split(' ').flatMap((word) => [' ', element('span', {}, word)]);
  const code = element('code', { class: 'copy-text', tabindex: '0' }, ...words.slice(1));
  const announcement = element('span', { class: 'copy-announcement', role: 'status' });
  const button = element(
    'button',
    { type: 'button', class: 'icon-button copy-button', 'aria-label': label, title: 'Copy' },
    icon('copy'),
  );
  const show = (outcome: 'copied' | 'selected' | undefined) => {
    button.replaceChildren(icon(outcome === 'copied' ? 'check' : 'copy'));
    button.classList.toggle('done', outcome === 'copied');
    const words = { copied: 'Copied', selected: 'Selected: now press Ctrl+C' };
    announcement.textContent = outcome === undefined ? '' : words[outcome];
  };
  let timer: number | undefined;
  button.addEventListener('click', () => {
    void copyText(text, code).then((outcome) => {
      show(outcome);
      window.clearTimeout(timer);
      timer = window.setTimeout(() => show(undefined), announcementMs);
    });
  });
  return element('div', { class: 'copy-field' }, code, announcement, button);
}
