import type { ServerResponse } from 'node:http';
import type { Clock, Timer } from '../../base/clock.ts';
import { UpstreamError } from '../../base/errors.ts';
import type { FlvDialect } from '../../formats/flv/client-capabilities.ts';
import { encodeFlvTag, encodeFlvTagHeader, encodePreviousTagSize } from '../../formats/flv/flv-file.ts';
import { accessUnitTagHeader, encodeTrackConfigTag } from '../../formats/flv/track-tag.ts';
import type { AccessUnit } from '../../formats/media/access-unit.ts';
import type { StoredItem } from '../../formats/media/stored-media.ts';
import { type TrackConfig, trackNumber } from '../../formats/media/track.ts';
import { messageType } from '../../formats/rtmp/message.ts';
import { writeTogether } from '../../sockets/write-together.ts';
import type { StoredFile } from '../stored-file.ts';
import { ByteLanes } from './byte-lanes.ts';
import { ItemRun } from './item-run.ts';
import { patienceMs, SourcePatience } from './source-patience.ts';

/** Where a download goes: the answer to a viewer. */
export interface DownloadTaker {
  /** `false`: no more until `drain`. */
  write(bytes: Uint8Array): boolean;
  end(): unknown;
  destroy(): unknown;
  /** What `action` writes leaves in one piece. */
  together(action: () => void): void;
  once(event: 'drain', listener: () => void): unknown;
}

export interface FlvDownloadOptions {
  readonly file: StoredFile;
  readonly taker: DownloadTaker;
  /** What is sent before the frames. */
  readonly beginning: Uint8Array;
  readonly fromMs: number;
  /** Tracks that are sent, as `beginning` has set them up. */
  readonly trackConfigs: readonly TrackConfig[];
  readonly dialect: FlvDialect;
  readonly clock: Clock;
  /** Called once: the media is damaged, or its source has failed. The connection is gone then. */
  readonly onFailed: (error: unknown) => void;
}

/** An answer whose head has been written. */
export function downloadTaker(response: ServerResponse): DownloadTaker {
  return {
    write: (bytes) => response.write(bytes),
    end: () => response.end(),
    destroy: () => response.destroy(),
    // Not the answer's own cork: what is taken at once then is never said to have drained.
    together: (action) => (response.socket === null ? action() : writeTogether(response.socket, action)),
    once: (event, listener) => response.once(event, listener),
  };
}

/** Written without letting others have a turn, where the viewer takes all of it. */
const maxTurnBytes = 524_288;

/** A viewer that takes nothing for so long has no slices held for it: players read ahead, and then pause. */
const stallMs = 2_000;

/**
 * Sends a stored file as FLV over HTTP, at the pace at which the viewer takes it: read by ranges, and of what has been
 * read no more is held than waits in the socket.
 */
export class FlvDownload {
  readonly #options: FlvDownloadOptions;
  readonly #lanes: ByteLanes;
  readonly #configs = new Map<number, TrackConfig>();
  readonly #items: ItemRun;
  readonly #patience = new SourcePatience();
  #full = false;
  #turning = false;
  #over = false;
  /** Of the unit that was sent last. */
  #lastMs = 0;
  #timer: Timer | undefined;

  constructor(options: FlvDownloadOptions) {
    this.#options = options;
    const { file, fromMs, trackConfigs } = options;
    this.#lanes = new ByteLanes(file, () => this.#turn());
    this.#items = new ItemRun(file.media, fromMs);
    for (const config of trackConfigs) this.#configs.set(trackNumber(config), config);
  }

  start(): void {
    this.#written(this.#options.taker.write(this.#options.beginning));
    this.#turn();
  }

  /** The viewer has left, or has everything. */
  end(): void {
    this.#over = true;
    this.#timer?.cancel();
    this.#lanes.letGo();
  }

  #turn(): void {
    if (this.#turning || this.#over) return;
    this.#turning = true;
    const { taker } = this.#options;
    let leftBytes = maxTurnBytes;
    taker.together(() => {
      try {
        while (!this.#over && !this.#full && leftBytes > 0) {
          const sentBytes = this.#step();
          if (sentBytes === undefined) break;
          leftBytes -= sentBytes;
        }
      } catch (error) {
        this.#starve(error);
      }
    });
    this.#turning = false;
    if (leftBytes <= 0 && !this.#full) this.#wait(0, () => this.#turn());
  }

  /** How much it has sent; `undefined` when there is nothing now. */
  #step(): number | undefined {
    // What was looked at on the way to the place is not needed any more.
    const item = this.#items.next(this.#lanes, () => this.#lanes.close());
    if (item === 'waiting') {
      this.#starve(undefined);
      return undefined;
    }
    this.#rest();
    if (item === undefined) {
      this.end();
      this.#options.taker.end();
      return undefined;
    }
    return this.#send(item);
  }

  #send(item: StoredItem): number {
    if (item.kind === 'data') return 0;
    const number = trackNumber(item.kind === 'config' ? item.config : item.unit);
    const config = this.#configs.get(number);
    if (config === undefined) return 0;
    if (item.kind === 'unit') return this.#sendUnit(config, item.unit);
    this.#configs.set(number, item.config);
    const payload = encodeTrackConfigTag(item.config, this.#options.dialect);
    if (payload === undefined) return 0;
    const tag = encodeFlvTag({ typeId: messageType[item.config.kind], timestampMs: this.#lastMs, payload });
    this.#written(this.#options.taker.write(tag));
    return tag.length;
  }

  #sendUnit(config: TrackConfig, unit: AccessUnit): number {
    const { taker } = this.#options;
    const { data, kind, timestampMs } = unit;
    this.#lastMs = timestampMs;
    const header = accessUnitTagHeader(config, unit);
    const bodyBytes = header.length + data.length;
    const before = Buffer.concat([encodeFlvTagHeader({ typeId: messageType[kind], timestampMs, bodyBytes }), header]);
    const behind = encodePreviousTagSize(bodyBytes);
    // A copy: a view that waits in the socket of a slow viewer would hold all of the slice that it lies in.
    const tag = Buffer.concat([before, data, behind]);
    this.#written(taker.write(tag));
    return tag.length;
  }

  #written(taken: boolean): void {
    if (taken || this.#full) return;
    this.#full = true;
    this.#wait(stallMs, () => this.#lanes.close());
    this.#options.taker.once('drain', () => {
      this.#full = false;
      this.#rest();
      this.#turn();
    });
  }

  #rest(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#patience.rest();
  }

  #wait(delayMs: number, action: () => void): void {
    this.#timer?.cancel();
    this.#timer = this.#options.clock.after(delayMs, () => {
      this.#timer = undefined;
      action();
    });
  }

  #starve(error: unknown): void {
    const waitMs = this.#patience.waitMs(error, this.#options.clock.monotonicMs());
    if (waitMs === undefined) this.#fail(error ?? noBytes());
    else this.#wait(waitMs, () => this.#turn());
  }

  #fail(error: unknown): void {
    if (this.#over) return;
    this.end();
    // Half a file is not taken for a whole one: its length was said, or its last chunk does not come.
    this.#options.taker.destroy();
    this.#options.onFailed(error);
  }
}

function noBytes(): UpstreamError {
  return new UpstreamError('STORED_BYTES_TIMEOUT', `no bytes of the file have come for ${patienceMs / 1_000} s`);
}
