import type { LimitError } from '../../src/base/errors.ts';
import { FlvReader, type FlvTag } from '../../src/formats/flv/flv-file.ts';
import type { Player, PlayerConnection } from '../../src/live/player-feed.ts';

export const audioType = 8;
export const videoType = 9;
export const dataType = 18;

/** A player whose connection takes what it gets, or does not. */
export class TestPlayer implements Player {
  readonly pieces: Uint8Array[] = [];
  /** The same as they were given, which is theirs only until they have been taken. */
  readonly given: Uint8Array[] = [];
  /** Pieces that left together count as one. */
  writes = 0;
  reading = true;
  queuedBytes = 0;
  ended = 0;
  stalled: LimitError[] = [];
  #together = false;
  readonly connection: PlayerConnection;

  constructor() {
    const queued = () => this.queuedBytes;
    this.connection = {
      get queuedBytes() {
        return queued();
      },
      write: (bytes) => this.#write(bytes),
      together: (action) => {
        this.writes++;
        this.#together = true;
        action();
        this.#together = false;
      },
    };
  }

  onStreamEnd(): void {
    this.ended++;
  }

  onStalled(error: LimitError): void {
    this.stalled.push(error);
  }

  /** The connection takes all that waits. */
  drain(): void {
    this.queuedBytes = 0;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.pieces);
  }

  tags(): FlvTag[] {
    return new FlvReader({ maxTagBytes: 1 << 20 }).push(this.bytes);
  }

  /** Timestamps of the tags of this type which are no sequence headers. */
  times(typeId: number): number[] {
    return this.tags()
      .filter((tag) => tag.typeId === typeId && tag.payload[1] === 1)
      .map((tag) => tag.timestampMs);
  }

  #write(bytes: Uint8Array): boolean {
    this.pieces.push(Uint8Array.from(bytes));
    this.given.push(bytes);
    if (!this.#together) this.writes++;
    if (!this.reading) this.queuedBytes += bytes.length;
    return this.reading;
  }
}
