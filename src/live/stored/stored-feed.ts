import type { Clock, Timer } from '../../base/clock.ts';
import { LimitError, UpstreamError } from '../../base/errors.ts';
import { encodeAmf0 } from '../../formats/amf0/encode.ts';
import type { FlvClientCapabilities } from '../../formats/flv/client-capabilities.ts';
import { fileMetadata } from '../../formats/flv/file-metadata.ts';
import type { AccessUnit } from '../../formats/media/access-unit.ts';
import { type DataMessage, metadataName } from '../../formats/media/data-message.ts';
import { noKeyframes } from '../../formats/media/keyframe-table.ts';
import type { StoredItem } from '../../formats/media/stored-media.ts';
import type { TrackConfig } from '../../formats/media/track.ts';
import { PlayPace } from '../../policy/play-pace.ts';
import type { StoredFile } from '../stored-file.ts';
import { BurstWriter, type PacedConnection } from './burst-writer.ts';
import { ByteLanes } from './byte-lanes.ts';
import { ItemRun } from './item-run.ts';
import { SentTracks } from './sent-tracks.ts';
import { SentWindow } from './sent-window.ts';
import { patienceMs, SourcePatience } from './source-patience.ts';

/** Looked at without letting others have a turn, whether or not the player gets it; an item is some work by itself. */
const maxTurnBytes = 524_288;
const itemBytes = 128;

/** How long a player that has not paused may take nothing: some stop to read instead of saying so. */
const blockedTimeoutMs = 300_000;

/** A client that takes everything and acknowledges nothing any more is not waited for longer. */
const acknowledgementMs = 5_000;

export interface StoredFeedOptions {
  readonly file: StoredFile;
  readonly connection: PacedConnection;
  readonly chunkBytes: number;
  readonly messageStreamId: number;
  /** After which the client is to acknowledge what has come. */
  readonly windowBytes: number;
  /** What the player can take. */
  readonly client: FlvClientCapabilities;
  readonly clock: Clock;
  /** What comes next is the first media of a start or a jump: what is to be said before it leaves with it. */
  readonly onBegin: () => void;
  /** Everything that was to be played has been sent. A jump goes on from anywhere. */
  readonly onEnd: () => void;
  /** Called once: the rest will not come. Whatever is no `StreamFrontError` is a bug of ours. */
  readonly onFailed: (error: unknown) => void;
}

/**
 * Gives one player a stored file: reads it by ranges, at the pace of the player's buffer, and never more of it than the
 * connection takes. Holds nothing of the media itself.
 */
export class StoredFeed {
  readonly #options: StoredFeedOptions;
  readonly #lanes: ByteLanes;
  readonly #writer: BurstWriter;
  readonly #pace = new PlayPace();
  readonly #window: SentWindow;
  readonly #tracks: SentTracks;
  /** `undefined`: at the end, or over. */
  #items: ItemRun | undefined;
  /** Read, and not sent yet. */
  #next: StoredItem | undefined;
  #begun = false;
  #introduced = false;
  #paused = false;
  /** One picture, for a player that has paused and looks for a place. */
  #stillWanted = false;
  #over = false;
  /** Still to be told. */
  #failure: { readonly error: unknown } | undefined;
  #turning = false;
  #turnBytes = 0;
  #timer: Timer | undefined;
  readonly #patience = new SourcePatience();
  /** Since then nothing more fits into the connection. */
  #blockedSinceMs: number | undefined;
  #untilMs = Infinity;
  #zeroMs = 0;
  /** What comes up to there the player has. */
  #hasUntilMs = -1;
  #positionMs = 0;

  constructor(options: StoredFeedOptions) {
    this.#options = options;
    const { file, connection, chunkBytes, messageStreamId, client } = options;
    this.#window = new SentWindow(options.windowBytes);
    this.#tracks = new SentTracks(client);
    this.#lanes = new ByteLanes(file, () => this.#turn());
    this.#writer = new BurstWriter({
      connection,
      chunkBytes,
      messageStreamId,
      dialect: client.dialect,
      onDrained: () => {
        this.#blockedSinceMs = undefined;
        this.#turn();
      },
    });
  }

  get writtenBytes(): number {
    return this.#writer.writtenBytes;
  }

  /** The time of what was sent last. */
  get positionMs(): number {
    return this.#positionMs;
  }

  /** How much the player wants to have ahead. */
  setBuffer(bufferMs: number): void {
    this.#pace.setBuffer(bufferMs);
    this.#turn();
  }

  /**
   * Plays from the keyframe at or before `fromMs` up to `untilMs`, or one picture where both are the same. Begins anew
   * with what a decoder needs, whatever was played before. Times are sent as those from `zeroMs` on, and nothing is before
   * that.
   */
  play(fromMs: number, untilMs = Infinity, zeroMs = 0): void {
    this.#untilMs = untilMs;
    this.#zeroMs = zeroMs;
    this.#hasUntilMs = -1;
    this.#stillWanted = this.#paused || untilMs === fromMs;
    this.#begun = false;
    this.#jump(fromMs);
  }

  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#pace.pause(this.#options.clock.monotonicMs());
    this.#rest();
    // Nothing is held for a player that may stay away for hours.
    this.#lanes.close();
    const next = this.#next;
    if (next?.kind !== 'unit') return;
    this.#next = { kind: 'unit', unit: { ...next.unit, data: Uint8Array.from(next.unit.data) } };
  }

  /**
   * Goes on where it was; with `hasUntilMs`, the time that the player says it has paused at, with all that comes later
   * (RTMP 1.0 §7.2.2.8), also where that had been sent.
   */
  resume(hasUntilMs?: number): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#stillWanted = false;
    const nowMs = this.#options.clock.monotonicMs();
    this.#pace.resume(nowMs);
    if (hasUntilMs !== undefined && this.#begun && hasUntilMs < this.#positionMs) {
      this.#hasUntilMs = hasUntilMs;
      this.#positionMs = hasUntilMs;
      this.#jump(hasUntilMs);
    } else this.#turn();
  }

  /** Whether sound, or the picture, is to be sent. */
  receive(kind: 'audio' | 'video', wanted: boolean): void {
    this.#tracks.receive(kind, wanted);
  }

  /** Acknowledgement (RTMP 1.0 §5.4.3). */
  acknowledge(sequenceNumber: number): void {
    this.#window.acknowledge(sequenceNumber, this.#writer.writtenBytes);
    this.#turn();
  }

  /** Nothing more is sent, and nothing is called any more. */
  end(): void {
    this.#over = true;
    this.#leavePlace();
  }

  #jump(toMs: number): void {
    this.#leavePlace();
    const { media } = this.#options.file;
    this.#tracks.begin(media.trackConfigs);
    this.#items = new ItemRun(media, toMs);
    this.#lanes.readsOn = false;
    this.#turn();
  }

  #leavePlace(): void {
    this.#items = undefined;
    this.#next = undefined;
    this.#rest();
    this.#lanes.letGo();
  }

  #rest(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#patience.rest();
    this.#blockedSinceMs = undefined;
  }

  #later(delayMs: number, action = () => {}): void {
    this.#timer?.cancel();
    this.#timer = this.#options.clock.after(delayMs, () => {
      this.#timer = undefined;
      action();
      this.#turn();
    });
  }

  /** Sends what may be sent and can be had now; whoever makes more possible calls it again. */
  #turn(): void {
    if (this.#turning) return;
    this.#turning = true;
    const writer = this.#writer;
    this.#turnBytes = 0;
    const nowMs = this.#options.clock.monotonicMs();
    try {
      while (this.#wantsMore()) {
        if (!writer.drained) this.#blocked(nowMs);
        else if (this.#turnBytes >= maxTurnBytes) this.#later(0);
        else if (this.#window.isFull(writer.writtenBytes)) this.#awaitAcknowledgement();
        else if (this.#step(nowMs)) continue;
        break;
      }
    } catch (error) {
      this.#starve(error, nowMs);
    } finally {
      writer.flush();
      this.#turning = false;
    }
    // What is told now comes behind what has been read before.
    if (this.#failure !== undefined) {
      const { error } = this.#failure;
      this.#failure = undefined;
      this.#options.onFailed(error);
    } else if (this.#items === undefined && !this.#over && this.#begun) {
      this.#begun = false;
      this.#options.onEnd();
    }
  }

  #blocked(nowMs: number): void {
    this.#blockedSinceMs ??= nowMs;
    const blockedMs = nowMs - this.#blockedSinceMs;
    if (blockedMs >= blockedTimeoutMs) {
      throw new LimitError('PLAYER_TOO_SLOW', 'milliseconds in which a player has taken nothing', {
        limit: blockedTimeoutMs,
        value: Math.round(blockedMs),
      });
    }
    this.#later(blockedTimeoutMs - blockedMs);
  }

  #awaitAcknowledgement(): void {
    this.#later(acknowledgementMs, () => this.#window.distrust());
  }

  #wantsMore(): boolean {
    return !this.#over && this.#items !== undefined && (!this.#paused || this.#stillWanted);
  }

  /** One step on; `false` when there is none for now, or for good. */
  #step(nowMs: number): boolean {
    const item =
      this.#next ??
      this.#items?.next(this.#lanes, ({ startMs }) => this.#pace.begin(Math.max(startMs, this.#hasUntilMs), nowMs));
    if (item === 'waiting') {
      this.#starve(undefined, nowMs);
      return false;
    }
    this.#patience.rest();
    this.#next = undefined;
    this.#turnBytes += itemBytes + (item?.kind === 'unit' ? item.unit.data.length : 0);
    if (item === undefined) {
      this.#atEnd();
      return false;
    }
    if (item.kind === 'config') this.#config(item.config);
    else if (item.kind === 'data') this.#data(item.message);
    else if (item.unit.timestampMs >= this.#untilMs && this.#begun && !this.#stillWanted) {
      this.#atEnd();
      return false;
    } else if (this.#pace.mayBeSent(item.unit.timestampMs, nowMs)) this.#unit(item.unit, nowMs);
    else {
      this.#next = item;
      this.#later(this.#pace.waitMs(item.unit.timestampMs, nowMs));
      return false;
    }
    return true;
  }

  #atEnd(): void {
    // A file without a single frame was played too.
    if (!this.#begun) this.#begin(0);
    this.#leavePlace();
  }

  /** Bytes do not come, perhaps because of `error`: waits for them, and not for ever. */
  #starve(error: unknown, nowMs: number): void {
    const waitMs = this.#patience.waitMs(error, nowMs);
    if (waitMs !== undefined) {
      this.#later(waitMs);
      return;
    }
    const { path } = this.#options.file;
    this.end();
    this.#failure = {
      error: error ?? new UpstreamError('STORED_FILE_STALLED', `nothing of ${path} has come for ${patienceMs} ms`),
    };
  }

  #config(config: TrackConfig): void {
    if (this.#tracks.inForce(config) && this.#begun) this.#writer.config(config, this.#sentTime(this.#positionMs));
  }

  #data({ name, values, timestampMs }: DataMessage): void {
    // What is true of the file has been said, of all of it.
    if (name === metadataName || !this.#begun || timestampMs <= this.#hasUntilMs) return;
    this.#writer.data(encodeAmf0([name, ...values]), this.#sentTime(timestampMs));
  }

  #unit(unit: AccessUnit, nowMs: number): void {
    const config = this.#tracks.configOf(unit);
    if (config === undefined || unit.timestampMs <= this.#hasUntilMs) return;
    if (this.#stillWanted && unit.kind === 'audio' && this.#tracks.haveVideo) return;
    this.#pace.sent(unit.timestampMs, nowMs);
    if (!this.#begun) {
      // The answers and the first picture leave together: a player that has to wait for the second packet waits for its
      // own delayed acknowledgement of the first one.
      this.#options.connection.together(() => {
        this.#begin(unit.timestampMs);
        this.#send(config, unit);
        this.#writer.flush();
      });
    } else this.#send(config, unit);
    if (!this.#stillWanted) return;
    this.#stillWanted = false;
    if (!this.#paused) this.#leavePlace();
  }

  #send(config: TrackConfig, unit: AccessUnit): void {
    this.#positionMs = unit.timestampMs;
    if (this.#tracks.want(unit)) this.#writer.unit(config, unit, this.#sentTime(unit.timestampMs));
  }

  #sentTime(timeMs: number): number {
    return Math.max(0, timeMs - this.#zeroMs);
  }

  #begin(startMs: number): void {
    this.#options.onBegin();
    this.#begun = true;
    const { durationMs, lengthBytes, framesPerSecond, keyframes } = this.#options.file.media;
    const trackConfigs = this.#tracks.configs;
    // The table is long, and stays what it was.
    const table = this.#introduced ? noKeyframes : keyframes;
    this.#introduced = true;
    const metadata = fileMetadata({ durationMs, lengthBytes, trackConfigs, framesPerSecond, keyframes: table });
    // ffmpeg takes metadata of any other time for a line of subtitles.
    this.#writer.data(encodeAmf0([metadataName, metadata]), 0);
    for (const config of trackConfigs) this.#writer.config(config, this.#sentTime(startMs));
  }
}
