import { attributeTag, quotedString } from './attribute-list.ts';
import { type EncryptionKey, KeyTags } from './encryption-key.ts';

/** What a segment has before its parts are known. */
export interface SegmentHead {
  /** Time or configuration does not go on from the segment before. */
  readonly discontinuity: boolean;
  /** It begins with a keyframe. */
  readonly independent: boolean;
  readonly initUri: string;
  /** What it is encrypted with, its initialisation segment excepted; empty when it is not. */
  readonly keys: readonly EncryptionKey[];
  /** Wall clock of its start: a date of ISO 8601 with time zone and milliseconds. */
  readonly programDateTime: string;
}

/** The tags before a segment's parts; those that stay in force are written where they change. */
export class SegmentHeads {
  readonly #lines: string[];
  readonly #keys = new KeyTags();
  #initUri: string | undefined;

  constructor(lines: string[]) {
    this.#lines = lines;
  }

  /**
   * MAP and KEY of the segments that are left out are written again: a player that holds them takes them for what they
   * are, and hls.js looks for no keys before the update.
   */
  skip(last: SegmentHead | undefined): void {
    if (last !== undefined && last.keys.length > 0) this.#keys.forget();
  }

  /** DISCONTINUITY, then MAP, then KEY, then PROGRAM-DATE-TIME: hls.js takes them in this order for one segment. */
  push(head: SegmentHead): void {
    const lines = this.#lines;
    if (head.discontinuity) lines.push('#EXT-X-DISCONTINUITY');
    if (head.discontinuity || head.initUri !== this.#initUri) {
      lines.push(...this.#keys.beforeMap(), attributeTag('EXT-X-MAP', { URI: quotedString(head.initUri) }));
      this.#initUri = head.initUri;
    }
    lines.push(...this.#keys.before(head.keys), `#EXT-X-PROGRAM-DATE-TIME:${head.programDateTime}`);
  }
}
