import { UpstreamError } from '../base/errors.ts';
import { type FieldLines, fieldValue } from '../formats/http-fields/field-lines.ts';
import type { Upstream, UpstreamExchange, UpstreamHandler } from '../http/upstream.ts';
import { judgePart, type WantedPart } from '../policy/slicing.ts';
import type { ResponseHead, SlicedManifest } from './edge-response.ts';

/** Where the missing bytes of an object are to be had. */
export interface SliceSource {
  readonly upstream: Upstream;
  /** Path and query. */
  readonly target: string;
  /** What the origin gets to see of the request, without Range and conditions. */
  readonly requestFields: () => FieldLines;
}

/** Why the bytes that were asked for do not come. */
export type SliceFailure =
  /** The origin has another version now, or none. */
  | { readonly kind: 'changed'; readonly error: UpstreamError }
  /** What it says of ranges cannot be relied on. */
  | { readonly kind: 'invalid'; readonly error: UpstreamError }
  /** It could not be asked, or broke off: it may do so another time. */
  | { readonly kind: 'failed'; readonly error: UpstreamError };

/** Told what comes back: `onBegin`, `onData`…, `onEnd`; or `onFailure` at any point, and then nothing. */
export interface SliceHandler {
  /** `whole`: it comes from the first byte of the object to the last. */
  onBegin(kind: 'part' | 'whole'): void;
  onData(bytes: Buffer): void;
  onEnd(): void;
  onFailure(failure: SliceFailure): void;
}

/**
 * Asks for a part of a known version of an object, or for all of it when `part` is `undefined`. `If-Match` makes an
 * origin that has another version say so before it sends a byte; one that does not know the field is found out by the
 * ETag of its answer.
 */
export function requestSlices(
  source: SliceSource,
  head: ResponseHead,
  manifest: SlicedManifest,
  part: { readonly first: number; readonly last: number } | undefined,
  handler: SliceHandler,
): UpstreamExchange {
  const { first, last } = part ?? { first: 0, last: manifest.lengthBytes - 1 };
  const range = part === undefined ? [] : ['Range', `bytes=${first}-${last}`];
  const wanted: WantedPart = {
    entityTag: manifest.entityTag,
    lengthBytes: manifest.lengthBytes,
    contentEncoding: fieldValue(head.fields, 'content-encoding'),
    first,
    last,
  };
  const fields = [...source.requestFields(), ...range, 'If-Match', manifest.entityTag];
  const answer = new PartAnswer(wanted, handler);
  const exchange = source.upstream.fetch({ method: 'GET', target: source.target, fields }, answer);
  answer.attach(exchange);
  return exchange;
}

class PartAnswer implements UpstreamHandler {
  readonly #wanted: WantedPart;
  readonly #handler: SliceHandler;
  #exchange: UpstreamExchange | undefined;
  #refused = false;

  constructor(wanted: WantedPart, handler: SliceHandler) {
    this.#wanted = wanted;
    this.#handler = handler;
  }

  attach(exchange: UpstreamExchange): void {
    this.#exchange = exchange;
    if (this.#refused) exchange.abort();
  }

  onHead(status: number, fields: FieldLines): void {
    const verdict = judgePart(status, fields, this.#wanted);
    switch (verdict.kind) {
      case 'part':
      case 'whole':
        this.#handler.onBegin(verdict.kind);
        return;
      case 'changed':
        this.#refuse('changed', 'ORIGIN_CHANGED', `the origin has no version ${this.#wanted.entityTag} any more`);
        return;
      case 'invalid':
        this.#refuse('invalid', 'ORIGIN_RANGE_INVALID', `the origin cannot be relied on for ranges: ${verdict.reason}`);
        return;
      case 'failed':
        this.#refuse('failed', 'ORIGIN_STATUS', `the origin answered ${status} to a request for a part`);
    }
  }

  onData(bytes: Buffer): void {
    if (!this.#refused) this.#handler.onData(bytes);
  }

  onEnd(): void {
    if (!this.#refused) this.#handler.onEnd();
  }

  onError(error: UpstreamError): void {
    if (!this.#refused) this.#handler.onFailure({ kind: 'failed', error });
  }

  #refuse(kind: SliceFailure['kind'], code: string, sentence: string): void {
    this.#refused = true;
    this.#exchange?.abort();
    this.#handler.onFailure({ kind, error: new UpstreamError(code, sentence) });
  }
}
