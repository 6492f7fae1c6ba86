import { element } from './element.ts';
import { publishButton } from './publish-guide.ts';
import { themeButton } from './theme.ts';

/** The head of every page: the name, the way to publish, the colours. */
export function siteHead(): HTMLElement {
  const mark = element('img', { src: '/favicon.svg', alt: '', width: '28', height: '28' });
  const home = element(
    'a',
    { href: '/', class: 'home', 'aria-label': 'StreamFront, all streams' },
    mark,
    'StreamFront',
  );
  const tools = element('div', { class: 'tools' }, publishButton(window.location.hostname), themeButton());
  return element('header', { class: 'site-head' }, home, tools);
}
