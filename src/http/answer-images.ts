/** What many answers begin with. */
export class QuickHead {
  /**
   * Status line and fields without those about the connection, up to the value of the last one, `X-Request-Id`; each
   * character is a byte.
   */
  readonly text: string;
  /** Where among the images the last answer with it may still lie. */
  imageIndex = 0;

  constructor(text: string) {
    this.text = text;
  }
}

/** An answer as it goes out, to be written at once: the next one may lie in the same bytes. */
export interface AnswerImage {
  /** The first `length` of them. */
  readonly bytes: Buffer;
  readonly length: number;
}

interface KeptImage extends AnswerImage {
  readonly head: QuickHead;
  readonly body: Buffer | string;
  readonly requestIdAt: number;
  readonly requestIdBytes: number;
}

/** A small body, its head, and some more. */
const imageBytes = 8_192;
const keptImages = 64;
/** When all places are taken: where there are more answers than places, each would only be made to give way. */
const turnedAway = 15;

/**
 * Small answers as they go out. Two answers with the same head differ in the request id only: so they stay as bytes, and
 * only that is written into them.
 */
export class AnswerImages {
  readonly #headEnd: string;
  readonly #images: KeptImage[] = [];
  #next = 0;
  #turnedAway = 0;

  /** `headEnd`: what follows the request id up to the body. */
  constructor(headEnd: string) {
    this.#headEnd = headEnd;
  }

  /** `body`: bytes, or a character for each; always the same with one head. Returns `undefined` if there is no place for it. */
  of(head: QuickHead, requestId: string, body: Buffer | string): AnswerImage | undefined {
    const kept = this.#images[head.imageIndex];
    if (kept?.head !== head || kept.body !== body || kept.requestIdBytes !== requestId.length) {
      return this.#make(head, requestId, body);
    }
    kept.bytes.write(requestId, kept.requestIdAt, 'latin1');
    return kept;
  }

  #make(head: QuickHead, requestId: string, body: Buffer | string): AnswerImage | undefined {
    const length = head.text.length + requestId.length + this.#headEnd.length + body.length;
    if (length > imageBytes) return undefined;
    if (this.#images.length === keptImages && this.#images[head.imageIndex]?.head !== head) {
      this.#turnedAway = (this.#turnedAway + 1) % (turnedAway + 1);
      if (this.#turnedAway !== 0) return undefined;
    }
    const index = this.#next;
    this.#next = (index + 1) % keptImages;
    const bytes = this.#images[index]?.bytes ?? Buffer.allocUnsafeSlow(imageBytes);
    const requestIdAt = bytes.write(head.text, 0, 'latin1');
    const headEndAt = requestIdAt + bytes.write(requestId, requestIdAt, 'latin1');
    const bodyAt = headEndAt + bytes.write(this.#headEnd, headEndAt, 'latin1');
    if (typeof body === 'string') bytes.write(body, bodyAt, 'latin1');
    else bytes.set(body, bodyAt);
    const image = { bytes, length, head, body, requestIdAt, requestIdBytes: requestId.length };
    this.#images[index] = image;
    head.imageIndex = index;
    return image;
  }
}
