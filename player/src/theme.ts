import { element } from './element.ts';
import { icon, type IconName } from './icon.ts';
import { Remembered } from './remembered.ts';

const themes = ['system', 'light', 'dark'] as const;
type Theme = (typeof themes)[number];

const words: Readonly<Record<Theme, string>> = {
  system: 'Colours as the system has them',
  light: 'Light colours',
  dark: 'Dark colours',
};

const remembered = new Remembered('theme');

function currentTheme(): Theme {
  return themes.find((theme) => theme === remembered.value) ?? 'system';
}

/** Puts the remembered choice on the document; `color-scheme` and every colour follow from it in the style sheet. */
export function applyTheme(): void {
  document.documentElement.dataset['theme'] = currentTheme();
}

/** A button that goes round: system, light, dark. */
export function themeButton(): HTMLButtonElement {
  const button = element('button', { type: 'button', class: 'icon-button' });
  const show = () => {
    const theme: Theme = currentTheme();
    const name: IconName = theme;
    button.replaceChildren(icon(name));
    button.setAttribute('aria-label', `${words[theme]}. Change`);
    button.title = words[theme];
  };
  button.addEventListener('click', () => {
    const next = themes[(themes.indexOf(currentTheme()) + 1) % themes.length] ?? 'system';
    remembered.value = next === 'system' ? undefined : next;
    applyTheme();
    show();
  });
  show();
  return button;
}
