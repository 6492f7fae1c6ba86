import './styles/base.css';
import './styles/library.css';
import './styles/watch.css';
import { element } from './element.ts';
import { LibraryView } from './library-view.ts';
import { type PageAddress, pageAddress } from './page-address.ts';
import { siteHead } from './site-head.ts';
import type { StreamEntry } from './stream-list.ts';
import { applyTheme } from './theme.ts';
import type { View } from './view.ts';

const title = 'StreamFront';
const place = element('div', { class: 'place' });
let view: View | undefined;
let visit = 0;

function show(next: View): void {
  place.replaceChildren(next.root);
  view = next;
}

function failureView(): View {
  const again = element('button', { type: 'button', class: 'button' }, 'Try again');
  again.addEventListener('click', () => window.location.reload());
  const words = element('p', { class: 'notice', role: 'alert' }, 'A part of this page could not be loaded.');
  return { root: element('main', { class: 'library' }, words, again), destroy() {} };
}

/** The player comes when it is wanted first; usually it has been fetched before. */
async function watchView(
  address: PageAddress & { page: 'watch' },
  entry: StreamEntry | undefined,
  askedAtMs: number,
): Promise<View> {
  try {
    const { WatchView } = await import('./watch-view.ts');
    return new WatchView(address, entry, askedAtMs);
  } catch (error) {
    window.reportError(error);
    return failureView();
  }
}

/** Shows what the address asks for. `askedAtMs`: when the viewer asked, on the clock of `performance.now()`. */
async function open(askedAtMs: number): Promise<void> {
  visit += 1;
  const thisVisit = visit;
  const address = pageAddress(window.location.search);
  const entry = address.page === 'watch' && view instanceof LibraryView ? view.entry(address.stream) : undefined;
  document.title = address.page === 'watch' ? `${address.stream} · ${title}` : title;
  const next = address.page === 'watch' ? await watchView(address, entry, askedAtMs) : new LibraryView();
  if (thisVisit !== visit) {
    next.destroy();
    return;
  }
  view?.destroy();
  show(next);
  window.scrollTo(0, 0);
  if (thisVisit > 1) next.root.querySelector('h1')?.focus({ preventScroll: true });
}

/** Links within the page keep it: connections stay warm, and what is loaded stays loaded. */
function followLinks(): void {
  document.addEventListener('click', (event) => {
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    const plain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
    if (link === null || !plain || event.defaultPrevented || link.target !== '') return;
    const url = new URL(link.href);
    if (url.origin !== window.location.origin || url.pathname !== '/') return;
    event.preventDefault();
    if (url.href !== window.location.href) window.history.pushState(null, '', url);
    void open(event.timeStamp);
  });
  window.addEventListener('popstate', (event) => void open(event.timeStamp));
}

/** What a click on a card will need, fetched before the click. */
function prefetchPlayer(): void {
  const prefetch = () => void import('./watch-view.ts').catch(() => undefined);
  if ('requestIdleCallback' in window) window.requestIdleCallback(prefetch, { timeout: 3_000 });
  else globalThis.setTimeout(prefetch, 1_000);
}

applyTheme();
document.body.prepend(siteHead(), place);
followLinks();
void open(0).then(prefetchPlayer);
