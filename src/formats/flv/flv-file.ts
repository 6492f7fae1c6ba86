import { LimitError, ProtocolError } from '../../base/errors.ts';

/** One tag of an FLV file: like an RTMP message without a stream. */
export interface FlvTag {
  /** 8 audio, 9 video, 18 script data: the numbers of the RTMP message types. */
  readonly typeId: number;
  /** Unsigned, 32 bits. */
  readonly timestampMs: number;
  readonly payload: Uint8Array;
}

/** How much a file may make us hold. */
export interface FlvLimits {
  readonly maxTagBytes: number;
}

/** What stands before the body of a tag (§E.4.1). */
export interface FlvTagHeader {
  /** 8 audio, 9 video, 18 script data, or what else is written there. */
  readonly typeId: number;
  /** `Filter`: nobody without the key of the publisher reads the body. */
  readonly encrypted: boolean;
  readonly bodyBytes: number;
  /** Unsigned, 32 bits. */
  readonly timestampMs: number;
  /** `StreamID`: always 0. */
  readonly streamId: number;
}

const signature = [0x46, 0x4c, 0x56] as const;
const shortestHeaderBytes = 9;
export const flvTagHeaderBytes = 11;
/** After each tag, the length of that tag; before the first one, 0. */
export const previousTagSizeBytes = 4;

/** More than the nine bytes of today are allowed, for versions to come (Adobe FLV 10.1 §E.2); not without end. */
const longestHeaderBytes = 1_024;

const noBytes = new Uint8Array(0);

/**
 * Reads an FLV file (Adobe FLV 10.1 annex E), or FLV over HTTP, in whatever pieces it comes. What `PreviousTagSize`
 * says is not looked at: many writers get it wrong.
 */
export class FlvReader {
  readonly #limits: FlvLimits;
  #state: 'file-header' | 'skip' | 'tag-header' | 'tag-body' = 'file-header';
  /** What is being collected, and how much of it has come. */
  #collected: Uint8Array = new Uint8Array(shortestHeaderBytes);
  #collectedBytes = 0;
  #wantedBytes = shortestHeaderBytes;
  #typeId = 0;
  #timestampMs = 0;
  #offset = 0;

  constructor(limits: FlvLimits) {
    this.#limits = limits;
  }

  /**
   * Takes what came and returns the tags that it completes. Payloads are copies. Throws `ProtocolError` (with the offset
   * in the file) for what is no FLV file and for encrypted tags, `LimitError` for a tag beyond the limit; the reader
   * cannot be used afterwards.
   */
  push(bytes: Uint8Array): FlvTag[] {
    const tags: FlvTag[] = [];
    let at = 0;
    while (at < bytes.length) {
      const length = Math.min(bytes.length - at, this.#wantedBytes - this.#collectedBytes);
      if (this.#state !== 'skip') this.#collect(bytes.subarray(at, at + length));
      this.#collectedBytes += length;
      this.#offset += length;
      at += length;
      if (this.#collectedBytes === this.#wantedBytes) this.#step(tags);
    }
    return tags;
  }

  /** Grows as bytes come: an announced length alone costs nothing. */
  #collect(bytes: Uint8Array): void {
    const length = this.#collectedBytes + bytes.length;
    if (length > this.#collected.length) {
      const grown = new Uint8Array(Math.min(this.#wantedBytes, Math.max(length, this.#collected.length * 2)));
      grown.set(this.#collected);
      this.#collected = grown;
    }
    this.#collected.set(bytes, this.#collectedBytes);
  }

  #step(tags: FlvTag[]): void {
    const collected = this.#collected;
    switch (this.#state) {
      case 'file-header':
        this.#want('skip', flvDataOffset(collected) - shortestHeaderBytes + previousTagSizeBytes);
        break;
      case 'skip':
        this.#want('tag-header', flvTagHeaderBytes);
        break;
      case 'tag-header': {
        const bodyBytes = this.#tagHeader(collected);
        if (bodyBytes > 0) {
          this.#want('tag-body', bodyBytes);
          break;
        }
        tags.push({ typeId: this.#typeId, timestampMs: this.#timestampMs, payload: noBytes });
        this.#want('skip', previousTagSizeBytes);
        break;
      }
      case 'tag-body':
        tags.push({ typeId: this.#typeId, timestampMs: this.#timestampMs, payload: collected });
        this.#want('skip', previousTagSizeBytes);
        break;
    }
  }

  #want(state: 'skip' | 'tag-header' | 'tag-body', bytes: number): void {
    this.#state = state;
    this.#wantedBytes = bytes;
    this.#collected = noBytes;
    this.#collectedBytes = 0;
  }

  /** Length of the body. */
  #tagHeader(header: Uint8Array): number {
    const { typeId, encrypted, bodyBytes, timestampMs } = parseFlvTagHeader(header);
    const byteOffset = this.#offset - flvTagHeaderBytes;
    if (encrypted) throw encryptedTag(byteOffset);
    this.#typeId = typeId;
    this.#timestampMs = timestampMs;
    if (bodyBytes > this.#limits.maxTagBytes) throw tagTooLarge(byteOffset, bodyBytes, this.#limits.maxTagBytes);
    return bodyBytes;
  }
}

/**
 * `DataOffset` of a file's header, nine bytes of which are there: behind it stands a length of 0, then the first tag.
 * Throws `ProtocolError` for what is no FLV file.
 */
export function flvDataOffset(header: Uint8Array): number {
  if (signature.some((byte, index) => header[index] !== byte) || header[3] !== 1) {
    throw new ProtocolError('FLV_HEADER', 'this is no FLV file of version 1', { byteOffset: 0, section: 'FLV §E.2' });
  }
  const dataOffset = new DataView(header.buffer, header.byteOffset).getUint32(5);
  if (dataOffset < shortestHeaderBytes || dataOffset > longestHeaderBytes) {
    throw new ProtocolError('FLV_HEADER', `an FLV header of ${dataOffset} bytes`, {
      byteOffset: 5,
      section: 'FLV §E.2',
    });
  }
  return dataOffset;
}

/** The eleven bytes before the body of a tag. */
export function parseFlvTagHeader(header: Uint8Array): FlvTagHeader {
  const view = new DataView(header.buffer, header.byteOffset, flvTagHeaderBytes);
  const first = view.getUint8(0);
  return {
    typeId: first & 0x1f,
    encrypted: (first & 0x20) !== 0,
    bodyBytes: view.getUint32(0) & 0xff_ff_ff,
    timestampMs: ((view.getUint8(7) << 24) | (view.getUint32(4) >>> 8)) >>> 0,
    streamId: view.getUint32(7) & 0xff_ff_ff,
  };
}

export function encryptedTag(byteOffset: number): ProtocolError {
  return new ProtocolError('FLV_ENCRYPTED', 'an encrypted tag', { byteOffset, section: 'FLV §E.4.1' });
}

export function tagTooLarge(byteOffset: number, bodyBytes: number, maxTagBytes: number): LimitError {
  return new LimitError('FLV_TAG_TOO_LARGE', `an FLV tag at byte ${byteOffset}`, {
    limit: maxTagBytes,
    value: bodyBytes,
  });
}

/** The beginning of an FLV file, up to the first tag (§E.2, §E.3). */
export function encodeFlvHeader(content: { readonly audio: boolean; readonly video: boolean }): Uint8Array {
  const flags = (content.audio ? 0x04 : 0) | (content.video ? 0x01 : 0);
  return Uint8Array.of(...signature, 1, flags, 0, 0, 0, shortestHeaderBytes, 0, 0, 0, 0);
}

/** What stands before the body of a tag (§E.4.1). Throws `LimitError` for a body longer than a tag can be. */
export function encodeFlvTagHeader({
  typeId,
  timestampMs,
  bodyBytes,
}: Pick<FlvTagHeader, 'typeId' | 'timestampMs' | 'bodyBytes'>): Uint8Array {
  if (bodyBytes > 0xff_ff_ff) {
    throw new LimitError('FLV_TAG_TOO_LARGE', 'an FLV tag longer than the format allows', {
      limit: 0xff_ff_ff,
      value: bodyBytes,
    });
  }
  const bytes = new Uint8Array(flvTagHeaderBytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bodyBytes);
  view.setUint8(0, typeId);
  // The upper eight bits of the timestamp come last.
  view.setUint32(4, (timestampMs << 8) >>> 0);
  view.setUint8(7, timestampMs >>> 24);
  return bytes;
}

/** What stands behind the body of a tag: its length, with its header. */
export function encodePreviousTagSize(bodyBytes: number): Uint8Array {
  const bytes = new Uint8Array(previousTagSizeBytes);
  new DataView(bytes.buffer).setUint32(0, flvTagHeaderBytes + bodyBytes);
  return bytes;
}

/** A tag with the length that follows it (§E.4.1). Throws `LimitError` for a payload longer than a tag can be. */
export function encodeFlvTag({ typeId, timestampMs, payload }: FlvTag): Uint8Array {
  const bytes = new Uint8Array(flvTagHeaderBytes + payload.length + previousTagSizeBytes);
  bytes.set(encodeFlvTagHeader({ typeId, timestampMs, bodyBytes: payload.length }));
  bytes.set(payload, flvTagHeaderBytes);
  bytes.set(encodePreviousTagSize(payload.length), flvTagHeaderBytes + payload.length);
  return bytes;
}
