import {
  type AttributeValue,
  attributeTag,
  enumeratedString,
  hexadecimalSequence,
  quotedString,
} from './attribute-list.ts';

/** How to decrypt segments (EXT-X-KEY, rfc8216bis §4.4.4.4). No key at all is METHOD=NONE. */
export interface EncryptionKey {
  /** AES-128 encrypts whole segments, SAMPLE-AES the samples (`cbcs`), SAMPLE-AES-CTR likewise (`cenc`). */
  readonly method: 'AES-128' | 'SAMPLE-AES' | 'SAMPLE-AES-CTR';
  readonly uri: string;
  /** 16 bytes. Without it the media sequence number is taken. SAMPLE-AES-CTR has none. */
  readonly iv?: Uint8Array;
  /** Without it `identity`. */
  readonly keyFormat?: string;
  /** Such as `1/2`; without it `1`. */
  readonly keyFormatVersions?: string;
}

const noKeyTag = '#EXT-X-KEY:METHOD=NONE';

function keyTag(key: EncryptionKey): string {
  return attributeTag('EXT-X-KEY', keyAttributes(key));
}

/** Lets players fetch a key of the media playlists early (rfc8216bis §4.4.6.5). */
export function sessionKeyTag(key: EncryptionKey): string {
  return attributeTag('EXT-X-SESSION-KEY', keyAttributes(key));
}

function keyAttributes(key: EncryptionKey): Record<string, AttributeValue | undefined> {
  return {
    METHOD: enumeratedString(key.method),
    URI: quotedString(key.uri),
    IV: key.iv && hexadecimalSequence(key.iv),
    KEYFORMAT: key.keyFormat === undefined ? undefined : quotedString(key.keyFormat),
    KEYFORMATVERSIONS: key.keyFormatVersions === undefined ? undefined : quotedString(key.keyFormatVersions),
  };
}

/** The tags that say which keys apply to what follows, as long as that changes from one segment to the next. */
export class KeyTags {
  /** In force for what was written last; `undefined`: whatever stood in a part that is not written. */
  #inForce: readonly EncryptionKey[] | undefined = [];

  /** What stands in the playlist from here on may be encrypted with any key, as far as can be seen. */
  forget(): void {
    this.#inForce = undefined;
  }

  /**
   * To be written before an EXT-X-MAP: an initialisation segment is sent in the clear, which a key that encrypts whole
   * files would deny.
   */
  beforeMap(): readonly string[] {
    const inForce = this.#inForce;
    if (inForce !== undefined && inForce.every(({ method }) => method !== 'AES-128')) return [];
    this.#inForce = [];
    return [noKeyTag];
  }

  /** To be written before a segment with these keys. */
  before(keys: readonly EncryptionKey[]): readonly string[] {
    const inForce = this.#inForce;
    const tags = keys.map(keyTag);
    if (inForce !== undefined && inForce.map(keyTag).join('\n') === tags.join('\n')) return [];
    this.#inForce = keys;
    if (keys.length === 0) return [noKeyTag];
    // A key of another format stays in force beside the new ones until all are taken back.
    const formats = new Set(keys.map(formatOf));
    const isLeftOver = inForce?.some((key) => !formats.has(formatOf(key))) ?? false;
    return isLeftOver ? [noKeyTag, ...tags] : tags;
  }
}

function formatOf({ keyFormat = 'identity' }: EncryptionKey): string {
  return keyFormat;
}
