import { copyField } from './copy-field.ts';
import { element } from './element.ts';
import { defaultPlace, type PublishPlace, publishPlace } from './publish-place.ts';

const streamName = 'hello';

function step(way: string, title: string, ...content: HTMLElement[]): HTMLElement {
  return element('section', { class: `guide-step ${way}` }, element('h3', {}, title), ...content);
}

/** How to publish a stream of one's own to this server: lines that work as they stand. */
export function publishGuide(hostname: string): HTMLElement {
  const guide = element('div', { class: 'guide' }, ...steps(hostname, defaultPlace));
  void publishPlace().then((place) => guide.replaceChildren(...steps(hostname, place)));
  return guide;
}

function steps(hostname: string, { rtmpPort, streamKeyNeeded }: PublishPlace): HTMLElement[] {
  const host = hostname.includes(':') && !hostname.startsWith('[') ? `[${hostname}]` : hostname;
  const server = `rtmp://${host}:${rtmpPort}/live`;
  const streamKey = streamKeyNeeded ? `${streamName}?key=YOUR-KEY` : streamName;
  const target = streamKeyNeeded ? `'${server}/${streamKey}'` : `${server}/${streamKey}`;
  const testPicture =
    'ffmpeg -re -f lavfi -i testsrc2=size=1280x720:rate=30 -f lavfi -i sine=330 ' +
    `-c:v libx264 -preset veryfast -tune zerolatency -pix_fmt yuv420p -g 60 -c:a aac -f flv ${target}`;
  const file = `ffmpeg -re -stream_loop -1 -i VIDEO.mp4 -c:v libx264 -preset veryfast -g 60 -c:a aac -f flv ${target}`;
  const row = (term: string, field: HTMLElement) =>
    element('div', {}, element('dt', {}, term), element('dd', {}, field));
  return [
    step(
      'obs',
      'From OBS',
      element(
        'dl',
        { class: 'guide-settings' },
        row('Service', element('span', {}, 'Custom… (Settings → Stream)')),
        row('Server', copyField(server, 'Copy the server')),
        row('Stream key', copyField(streamKey, 'Copy the stream key')),
        row('Keyframes', element('span', {}, 'every 2 s (Settings → Output)')),
      ),
    ),
    step(
      'test-picture',
      'From ffmpeg, a test picture',
      copyField(testPicture, 'Copy the ffmpeg line for a test picture'),
    ),
    step('file', 'From ffmpeg, a file of yours', copyField(file, 'Copy the ffmpeg line for a file')),
    element(
      'p',
      { class: 'guide-note' },
      'The stream key is the name under which the stream appears here. If this server asks for a key of its own, write ',
      element('code', {}, `${streamName}?key=YOUR-KEY`),
      ' in its place.',
    ),
  ];
}

/** A button that opens the guide in a dialog. */
export function publishButton(hostname: string): HTMLElement {
  const close = element('button', { type: 'submit', class: 'button quiet' }, 'Close');
  const dialog = element(
    'dialog',
    { class: 'guide-dialog', 'aria-labelledby': 'guide-title' },
    element(
      'form',
      { method: 'dialog', class: 'guide-head' },
      element('h2', { id: 'guide-title' }, 'Publish a stream'),
      close,
    ),
    publishGuide(hostname),
  );
  // A click beside the dialog lands on its backdrop, which is the dialog element itself.
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) dialog.close();
  });
  const button = element(
    'button',
    { type: 'button', class: 'button' },
    element('span', {}, 'Publish', element('span', { class: 'wide-only' }, ' a stream')),
  );
  button.addEventListener('click', () => dialog.showModal());
  return element('div', { class: 'publish' }, button, dialog);
}
