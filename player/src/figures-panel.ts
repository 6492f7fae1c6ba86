import { element, setText } from './element.ts';
import {
  formatBitrate,
  formatCodec,
  formatQuality,
  formatSeconds,
  formatShare,
  formatSize,
  formatSound,
} from './format.ts';
import { HistoryLine } from './history-line.ts';
import type { StreamEntry } from './stream-list.ts';
import { VerdictStrip } from './verdict-strip.ts';
import type { PlayerFigures } from './watch-player.ts';

const historyLength = 120;
/** Before it has found the live edge, a player is as far behind as the playlist is long. */
const settlingTicks = 4;

function unbroken(text: string): string {
  return text.replaceAll(' ', '\u00a0');
}

/** A term and its figure; a second line for what stands behind it. */
class Figure {
  readonly root: HTMLElement;
  readonly #value = element('span', { class: 'figure-value' });
  readonly #note = element('span', { class: 'figure-note' });

  constructor(term: string, explanation: string) {
    const description = element('dd', {}, this.#value, this.#note);
    this.root = element('div', { class: 'figure', title: explanation }, element('dt', {}, term), description);
  }

  set(value: string, note = ''): void {
    setText(this.#value, value);
    setText(this.#note, note);
  }
}

/** How the stream arrives: what came, from where, how far behind. */
export class FiguresPanel {
  readonly root: HTMLElement;
  readonly #quality = new Figure('Quality', 'Size of the picture, frame rate and codecs');
  readonly #latency = new Figure('Latency', 'How far the picture is behind the newest media that the server has');
  readonly #glass = new Figure('From camera', 'An estimate, by the time at which the server received the picture');
  readonly #buffer = new Figure('Buffer', 'Media that is here and has not been shown');
  readonly #bitrate = new Figure('Bitrate', 'Measured on the media of the last seconds');
  readonly #edge = new Figure('Edge', 'The edge location that answers');
  readonly #cache = new Figure('Cache', 'X-Cache of the last response, and the share of hits among the last sixty');
  readonly #frames = new Figure('Dropped frames', 'Frames that arrived and could not be shown in time');
  readonly #stalls = new Figure('Stalls', 'How often the picture has stood still for want of media');
  readonly #latencyLine = new HistoryLine(historyLength, 'Latency over the last half minute');
  readonly #verdicts = new VerdictStrip();
  #movingTicks = 0;

  constructor() {
    this.#latency.root.append(this.#latencyLine.root);
    this.#cache.root.append(this.#verdicts.root);
    this.root = element(
      'dl',
      { class: 'figures' },
      this.#latency.root,
      this.#glass.root,
      this.#buffer.root,
      this.#quality.root,
      this.#bitrate.root,
      this.#edge.root,
      this.#cache.root,
      this.#frames.root,
      this.#stalls.root,
    );
  }

  show(figures: PlayerFigures, entry: StreamEntry | undefined): void {
    const framesPerSecond = figures.framesPerSecond ?? entry?.video?.framesPerSecond;
    const sound = formatSound(entry?.audio?.sampleRate, entry?.audio?.channels);
    const listed = [entry?.video?.codec, entry?.audio?.codec].filter((codec) => codec !== undefined);
    const codecs = (figures.codecs.length > 0 ? figures.codecs : listed).map(formatCodec);
    const soundOnly = figures.width === 0 && figures.codecs.length > 0;
    this.#quality.set(
      soundOnly ? 'Sound only' : formatQuality({ width: figures.width, height: figures.height, framesPerSecond }),
      [formatSize(figures), ...codecs, sound]
        .filter((text) => text !== '–')
        .map(unbroken)
        .join(' · '),
    );
    const moving = figures.state === 'playing' || figures.state === 'buffering';
    this.#latency.set(
      formatSeconds(moving ? figures.latencySeconds : undefined),
      figures.playbackRate > 1 ? `catching up at ×${figures.playbackRate.toFixed(2)}` : 'behind the live edge',
    );
    if (moving) this.#movingTicks += 1;
    if (moving && this.#movingTicks > settlingTicks) this.#latencyLine.add(figures.latencySeconds);
    this.#glass.set(formatSeconds(moving ? figures.glassLatencySeconds : undefined), 'estimate');
    this.#buffer.set(formatSeconds(figures.bufferSeconds));
    this.#bitrate.set(
      formatBitrate(figures.bitsPerSecond),
      figures.throughputBitsPerSecond === undefined ? '' : `network ${formatBitrate(figures.throughputBitsPerSecond)}`,
    );
    this.#edge.set(figures.edgeLocation ?? '–');
    this.#cache.set(
      figures.xCache ?? '–',
      figures.hitRatio === undefined ? '' : `${formatShare(figures.hitRatio)} hits`,
    );
    this.#verdicts.show(figures.cacheVerdicts);
    this.#frames.set(`${figures.droppedFrames}`, figures.totalFrames > 0 ? `of ${figures.totalFrames}` : '');
    this.#stalls.set(`${figures.stalls}`);
  }
}
