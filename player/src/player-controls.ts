import 'media-chrome';
import 'media-chrome/menu';
import { formatAudioTrack, type NamedTrack } from './audio-preference.ts';
import { customElement, element } from './element.ts';

const forwardedKeys = new Set([' ', 'k', 'm', 'f', 'ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown']);

/** Whatever makes something of keys itself. A heading that has the focus after a change of view does not. */
const usesKeys = 'a, button, input, select, textarea, dialog, media-controller, [tabindex="0"]';

/**
 * The video under media-chrome's controls. `over` stands over the picture and under the controls. `seekToLive` is
 * called in place of media-chrome's own way, which goes to the very end of the buffer and stalls there.
 */
export function playerControls(video: HTMLVideoElement, over: HTMLElement, seekToLive: () => void): HTMLElement {
  over.slot = 'centered-chrome';
  over.setAttribute('noautohide', '');
  video.slot = 'media';
  const controller = customElement(
    'media-controller',
    {
      class: 'controls',
      defaultstreamtype: 'live',
      liveedgeoffset: '8',
      noautoseektolive: true,
      autohide: '2.5',
      'aria-label': 'Video player',
    },
    video,
    customElement('media-loading-indicator', { slot: 'centered-chrome', noautohide: true }),
    over,
    customElement('media-captions-menu', { hidden: true, anchor: 'auto', 'aria-label': 'Captions' }),
    audioTrackMenu(),
    customElement('media-rendition-menu', { hidden: true, anchor: 'auto', 'aria-label': 'Quality' }),
    element('div', { class: 'shade' }),
    customElement('media-time-range', { 'aria-label': 'Position in the last minute' }),
    customElement(
      'media-control-bar',
      {},
      customElement('media-play-button'),
      customElement('media-mute-button'),
      customElement('media-volume-range'),
      customElement('media-live-button'),
      element('span', { class: 'spacer' }),
      customElement('media-captions-menu-button'),
      customElement('media-audio-track-menu-button'),
      customElement('media-rendition-menu-button'),
      customElement('media-pip-button'),
      customElement('media-fullscreen-button'),
    ),
  );
  controller.addEventListener(
    'mediaseektoliverequest',
    (event) => {
      event.stopImmediatePropagation();
      seekToLive();
    },
    { capture: true },
  );
  return controller;
}

function audioTrackMenu(): HTMLElement {
  const menu = customElement('media-audio-track-menu', { hidden: true, anchor: 'auto', 'aria-label': 'Audio' });
  return Object.assign(menu, {
    formatMenuItemText: (_label: string, track: NamedTrack) => formatAudioTrack(track),
  });
}

/** Gives media-chrome the keys that are pressed while nothing else on the page has the focus. */
export function forwardKeys(controller: HTMLElement, signal: AbortSignal): void {
  document.addEventListener(
    'keydown',
    (event) => {
      const taken = event.target instanceof Element && event.target.closest(usesKeys) !== null;
      if (taken || event.ctrlKey || event.metaKey || event.altKey || !forwardedKeys.has(event.key)) return;
      event.preventDefault();
      const { key, code } = event;
      controller.dispatchEvent(new KeyboardEvent('keydown', { key, code }));
      controller.dispatchEvent(new KeyboardEvent('keyup', { key, code }));
    },
    { signal },
  );
}
