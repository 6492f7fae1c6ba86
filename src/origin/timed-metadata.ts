import type { Log } from '../base/log.ts';
import { amf0Json } from '../formats/amf0/json.ts';
import { id3Tag, userTextFrame } from '../formats/id3/tag.ts';
import type { DataMessage } from '../formats/media/data-message.ts';
import type { SpliceMarkers } from './splice-markers.ts';
import { type TimedEvent, TimedEvents } from '../policy/timed-events.ts';

export interface TimedMetadataOptions {
  /** `app/name`, for the log. */
  readonly path: string;
  /** Names of the messages that viewers get. */
  readonly names: readonly string[];
  readonly log: Log;
  /** Where a timestamp of the publisher lies in media time; `undefined` while nobody can tell. */
  readonly mediaSecondsAt: (timestampMs: number) => number | undefined;
  /** Gets all messages too. */
  readonly splices: SpliceMarkers;
}

/** Characters of one message, as JSON. */
const maxCharacters = 16_384;
/** Messages that come before the media does. */
const maxWaiting = 64;

/** Puts data messages of a publisher into the media as ID3: what a player gives to its page at the instant it shows. */
export class TimedMetadata {
  readonly #options: TimedMetadataOptions;
  readonly #events = new TimedEvents();
  #waiting: { readonly timestampMs: number; readonly data: Uint8Array }[] = [];
  #hasWarned = false;

  constructor(options: TimedMetadataOptions) {
    this.#options = options;
  }

  onData(message: DataMessage): void {
    this.#options.splices.onData(message);
    if (!this.#options.names.includes(message.name)) return;
    const text = messageText(message);
    if (text === undefined) {
      this.#warn('A data message is too long for timed metadata; left out');
      return;
    }
    const { timestampMs } = message;
    this.#waiting.push({ timestampMs, data: id3Tag([userTextFrame(message.name, text)]) });
    this.#place();
    if (this.#waiting.length > maxWaiting) this.#waiting.shift();
  }

  /** What belongs into a part of this rendition. */
  take(rendition: string, fromSeconds: number, untilSeconds: number): readonly TimedEvent[] {
    if (this.#waiting.length > 0) this.#place();
    this.#options.splices.onReached(untilSeconds);
    return this.#events.take(rendition, fromSeconds, untilSeconds);
  }

  /** Nothing of this publication follows. */
  onPublisherStop(): void {
    this.#waiting = [];
    this.#hasWarned = false;
  }

  #place(): void {
    this.#waiting = this.#waiting.filter(({ timestampMs, data }) => {
      const seconds = this.#options.mediaSecondsAt(timestampMs);
      if (seconds === undefined) return true;
      if (this.#events.add(seconds, data) > 0) this.#warn('There are too many data messages; the oldest are left out');
      return false;
    });
  }

  #warn(sentence: string): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    this.#options.log.warn({ code: 'LIVE_METADATA_DROPPED', stream: this.#options.path }, sentence);
  }
}

/** A text alone as it is, everything else as JSON. */
function messageText({ values }: DataMessage): string | undefined {
  const [first] = values;
  const value = values.length === 1 ? first : values;
  if (typeof value === 'string') return value.length <= maxCharacters ? value : undefined;
  return amf0Json(value, maxCharacters);
}
