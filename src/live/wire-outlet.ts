import { totalLength } from '../base/byte-pieces.ts';
import { noteFreed } from '../base/freed-memory.ts';
import type { AccessUnit } from '../formats/media/access-unit.ts';
import type { ColorInfo } from '../formats/media/color-info.ts';
import { type DataMessage, metadataName } from '../formats/media/data-message.ts';
import { type TrackConfig, trackNumber } from '../formats/media/track.ts';
import { encodeAmf0 } from '../formats/amf0/encode.ts';
import { wireFormOf, wireFormOfColorInfo } from '../formats/flv/client-capabilities.ts';
import { accessUnitTagHeader, encodeColorInfoTag, encodeTrackConfigTag } from '../formats/flv/track-tag.ts';
import { messageType } from '../formats/rtmp/message.ts';
import type { LiveStream } from './live-stream.ts';
import { playerMetadata } from './player-metadata.ts';
import type { WireForm } from './wire-form.ts';

export interface WireOutletOptions {
  readonly stream: LiveStream;
  readonly form: WireForm;
  /** Of the running GOP, for late joiners: a longer one is not kept. */
  readonly maxBurstBytes: number;
  readonly nowMs: () => number;
  /** Calls `flush` when what has been gathered shall be written. */
  readonly scheduleFlush: (outlet: WireOutlet) => void;
}

/** The rest of what has come, from the first place on where a decoder can start. */
export interface Restart {
  readonly media: Uint8Array;
  /** The first timestamp in it. */
  readonly startMs: number;
}

/** Who is given a stream in a wire form. */
export interface OutletFeed {
  /** What it was given has been taken: nobody reads it any more. */
  readonly isDrained: boolean;
  /** What has come. `restart`: from where in it a decoder can start, if it can. Must return at once. */
  take(bytes: Uint8Array, restart: Restart | undefined, nowMs: number): void;
  /** To begin with, at once; `startMs` is the first timestamp in it. */
  start(media: Uint8Array, startMs: number): void;
}

/** Where in the stream a feed stands. */
export interface FeedPosition {
  readonly gop: number;
  readonly at: number;
  /** The latest timestamp before it. */
  readonly timestampMs: number;
}

/** A feed that has joined since the last flush: what it has been given already. */
interface Served {
  at: number;
  readonly timestampMs: number;
}

/** For streams whose GOPs are not known yet. */
const firstBufferBytes = 65_536;

/** Without a GOP to keep, a buffer is exchanged for another one beyond this. */
const rollingBufferBytes = 32_768;

/** A buffer that is so many times as large as it need be is not used again. */
const tooLargeTimes = 4;

/**
 * A stream in one wire form. What comes is written once, into a buffer that holds the running GOP and, before it, what
 * of the one before had not been given to the players when it began: what a merge window has gathered and what a late
 * joiner begins with are views on it, shared by all players. When they have taken everything that is in it by its end, it
 * is used for the GOP after the next one; otherwise it is left to the collector.
 */
export class WireOutlet {
  readonly #options: WireOutletOptions;
  readonly #feeds = new Set<OutletFeed>();
  /** Joined since the last flush, with the place in the buffer up to which they have been served. */
  readonly #joined = new Map<OutletFeed, Served>();
  /** Of the tracks that players of this form get, by `trackNumber`. */
  readonly #configs = new Map<number, TrackConfig>();
  #buffer = Buffer.allocUnsafeSlow(firstBufferBytes);
  /** Of the GOP before, which nobody reads any more. */
  #spare: Buffer<ArrayBuffer> | undefined;
  /** Somebody who has left may still read the buffer. */
  #isHeld = false;
  /** Written into the buffer, and of that, given to the feeds. */
  #writtenTo = 0;
  #flushedTo = 0;
  /** Where the running GOP begins, if `#burstPossible`. */
  #gopAt = 0;
  /** Counts buffers. */
  #gop = 0;
  /** There is a keyframe at `#gopAt`, and nothing of the GOP is missing. */
  #burstPossible = false;
  /** In what waits for the next flush: the first place where a decoder can start. */
  #restartAt: number | undefined;
  /** The publication has come to a place where a decoder can start. */
  #begun = false;
  /** Of the access units: the latest written, the latest given to the feeds. */
  #latestMs = 0;
  #flushedMs = 0;
  /** The earliest of the running GOP, and from `#restartAt` on; `undefined` while there is none. */
  #gopFromMs: number | undefined;
  #restartFromMs: number | undefined;
  /** The video whose keyframes are where a decoder can start; `undefined` for sound alone. */
  #mainVideoId: number | undefined;

  constructor(options: WireOutletOptions) {
    this.#options = options;
  }

  /** What a publication before has left is of no use to a decoder of the next one. */
  restart(): void {
    this.flush();
    this.#configs.clear();
    this.#mainVideoId = undefined;
    this.#begun = false;
    this.#burstPossible = false;
  }

  config(config: TrackConfig, timestampMs: number): void {
    const { form } = this.#options;
    const number = trackNumber(config);
    const changed = this.#configs.has(number);
    // What came before was for another decoder, or for none.
    if (changed) this.#burstPossible = false;
    const sent = wireFormOf(config, form.client) === 'send';
    if (sent) this.#configs.set(number, config);
    else this.#configs.delete(number);
    this.#mainVideoId = lowestVideoId(this.#configs.values());
    if (!sent) return;
    const payload = encodeTrackConfigTag(config, form.client.dialect);
    if (payload !== undefined) this.#append(form.frame(messageType[config.kind], timestampMs, [payload]));
  }

  colorInfo(trackId: number, colorInfo: ColorInfo | undefined, timestampMs: number): void {
    const { form } = this.#options;
    const config = this.#configs.get(trackNumber({ kind: 'video', trackId }));
    if (config?.kind !== 'video' || wireFormOfColorInfo(config, form.client) === 'drop') return;
    this.#append(form.frame(messageType.video, timestampMs, [encodeColorInfoTag(config, colorInfo)]));
  }

  data(message: DataMessage, timestampMs: number): void {
    // Cues of a picture that nobody gets. Metadata describes what is to come.
    if (!this.#begun && message.name !== metadataName) return;
    this.#append(this.#dataFrame(message, timestampMs));
  }

  unit(unit: AccessUnit, timestampMs: number): void {
    const config = this.#configs.get(trackNumber(unit));
    if (config === undefined) return;
    const { form, maxBurstBytes } = this.#options;
    const soundAlone = this.#mainVideoId === undefined;
    const startsGop = unit.kind === 'video' && unit.keyframe && unit.trackId === this.#mainVideoId;
    if (!this.#begun && !soundAlone && !startsGop) return;
    this.#begun = true;
    this.#latestMs = timestampMs;
    if (startsGop) {
      this.#exchangeBuffer(Math.ceil((this.#writtenTo - this.#gopAt) * 1.125));
      this.#burstPossible = true;
    }
    // With sound alone one can begin anywhere.
    if (startsGop || soundAlone) this.#restartAt ??= this.#writtenTo;
    const frame = form.frame(messageType[unit.kind], timestampMs, [accessUnitTagHeader(config, unit), unit.data]);
    if (this.#burstPossible && this.#writtenTo - this.#gopAt + totalLength(frame) > maxBurstBytes) {
      this.#exchangeBuffer(firstBufferBytes);
      this.#burstPossible = false;
    }
    this.#gopFromMs = earlier(this.#gopFromMs, timestampMs);
    if (this.#restartAt !== undefined) this.#restartFromMs = earlier(this.#restartFromMs, timestampMs);
    this.#append(frame);
  }

  /** Gives the feeds what has been gathered: the same bytes to each. */
  flush(): void {
    const from = this.#flushedTo;
    const to = this.#writtenTo;
    const restartAt = this.#restartAt ?? to;
    const restart =
      restartAt < to
        ? { media: this.#buffer.subarray(restartAt, to), startMs: this.#restartFromMs ?? this.#latestMs }
        : undefined;
    this.#flushedTo = to;
    this.#flushedMs = this.#latestMs;
    this.#restartAt = undefined;
    this.#restartFromMs = undefined;
    if (to > from) {
      const nowMs = this.#options.nowMs();
      const bytes = this.#buffer.subarray(from, to);
      for (const feed of this.#feeds) feed.take(bytes, restart, nowMs);
      for (const [feed, { at }] of this.#joined) {
        if (at < to) feed.take(this.#buffer.subarray(at, to), at <= restartAt ? restart : undefined, nowMs);
      }
    }
    for (const feed of this.#joined.keys()) this.#feeds.add(feed);
    this.#joined.clear();
    if (!this.#burstPossible && to > rollingBufferBytes) this.#exchangeBuffer(firstBufferBytes);
  }

  /**
   * From now on `feed` gets what comes. It starts at once with the running GOP, or with what has come since `position`
   * if that is in it; else where the next one begins.
   */
  join(feed: OutletFeed, position: FeedPosition | undefined): void {
    if (!this.#burstPossible) {
      this.#feeds.add(feed);
      return;
    }
    if (this.#writtenTo === this.#flushedTo) this.#feeds.add(feed);
    else this.#joined.set(feed, { at: this.#writtenTo, timestampMs: this.#latestMs });
    if (position?.gop === this.#gop) {
      feed.start(this.#buffer.subarray(position.at, this.#writtenTo), position.timestampMs);
    } else {
      feed.start(this.#buffer.subarray(this.#gopAt, this.#writtenTo), this.#gopFromMs ?? this.#latestMs);
    }
  }

  /** `feed` gets nothing more. Returns where it stands. */
  leave(feed: OutletFeed): FeedPosition {
    const served = this.#joined.get(feed) ?? { at: this.#flushedTo, timestampMs: this.#flushedMs };
    this.#joined.delete(feed);
    this.#feeds.delete(feed);
    this.#isHeld ||= !feed.isDrained;
    return { gop: this.#gop, ...served };
  }

  /**
   * Metadata and the configurations in force, after the opening of the form if `first`. The configurations carry
   * `startMs`, the first timestamp of what follows: no player sees time go back behind them.
   */
  headers(first: boolean, startMs: number): Uint8Array {
    const { form, stream } = this.#options;
    const configs = [...this.#configs.values()];
    const has = (kind: TrackConfig['kind']) => configs.some((config) => config.kind === kind);
    const pieces: Uint8Array[] = first ? [form.opening({ audio: has('audio'), video: has('video') })] : [];
    if (stream.metadata !== undefined) pieces.push(...this.#dataFrame(stream.metadata, 0));
    for (const config of configs) {
      const payload = encodeTrackConfigTag(config, form.client.dialect);
      if (payload !== undefined) pieces.push(...form.frame(messageType[config.kind], startMs, [payload]));
      const colorInfo = config.kind === 'video' ? stream.colorInfo(config.trackId) : undefined;
      if (config.kind === 'video' && colorInfo !== undefined && wireFormOfColorInfo(config, form.client) === 'send') {
        pieces.push(...form.frame(messageType.video, startMs, [encodeColorInfoTag(config, colorInfo)]));
      }
    }
    return Buffer.concat(pieces);
  }

  #dataFrame({ name, values }: DataMessage, timestampMs: number): readonly Uint8Array[] {
    const isMetadata = name === metadataName;
    const payload = encodeAmf0([name, ...(isMetadata ? playerMetadata(values) : values)]);
    // ffmpeg takes metadata of any other time for a line of subtitles.
    return this.#options.form.frame(messageType.dataAmf0, isMetadata ? 0 : timestampMs, [payload]);
  }

  #append(frame: readonly Uint8Array[]): void {
    const needed = this.#writtenTo + totalLength(frame);
    if (needed > this.#buffer.length) {
      // Views on the old one stay what they are.
      const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 2));
      this.#buffer.copy(grown, 0, 0, this.#writtenTo);
      this.#buffer = grown;
      this.#isHeld = false;
    }
    for (const piece of frame) {
      this.#buffer.set(piece, this.#writtenTo);
      this.#writtenTo += piece.length;
    }
    this.#options.scheduleFlush(this);
  }

  /**
   * What is appended next begins a GOP of this length, likely. What the feeds have not been given yet comes along before
   * it: a keyframe does not cost every player another write.
   */
  #exchangeBuffer(gopBytes: number): void {
    const flushedTo = this.#flushedTo;
    const before = this.#buffer;
    const waiting = before.subarray(flushedTo, this.#writtenTo);
    this.#buffer = this.#bufferOf(waiting.length + Math.max(firstBufferBytes, gopBytes));
    this.#buffer.set(waiting);
    this.#spare = this.#isRead() ? undefined : before;
    if (this.#spare !== undefined) noteFreed(this.#spare);
    this.#isHeld = false;
    this.#flushedTo = 0;
    this.#writtenTo = waiting.length;
    this.#gopAt = waiting.length;
    this.#gopFromMs = undefined;
    if (this.#restartAt !== undefined) this.#restartAt -= flushedTo;
    for (const served of this.#joined.values()) served.at -= flushedTo;
    this.#gop++;
  }

  #bufferOf(bytes: number): Buffer<ArrayBuffer> {
    const spare = this.#spare;
    const fits = spare !== undefined && spare.length >= bytes && spare.length <= bytes * tooLargeTimes;
    return fits ? spare : Buffer.allocUnsafeSlow(bytes);
  }

  /** Whether anybody still reads what he was given. To ask a connection takes a while: it is done once for each GOP. */
  #isRead(): boolean {
    if (this.#isHeld) return true;
    for (const feed of this.#feeds) if (!feed.isDrained) return true;
    for (const feed of this.#joined.keys()) if (!feed.isDrained) return true;
    return false;
  }
}

/** Of two timestamps, unsigned counts of 32 bits that wrap. */
function earlier(a: number | undefined, b: number): number {
  return a === undefined || ((b - a) | 0) < 0 ? b : a;
}

function lowestVideoId(configs: Iterable<TrackConfig>): number | undefined {
  let lowest: number | undefined;
  for (const { kind, trackId } of configs) {
    if (kind === 'video' && trackId <= (lowest ?? trackId)) lowest = trackId;
  }
  return lowest;
}
