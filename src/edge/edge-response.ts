import type { FieldLines } from '../formats/http-fields/field-lines.ts';
import type { FreshnessFacts } from '../policy/freshness.ts';
import type { CrossSite } from './cross-site.ts';
import { plainLines } from './own-fields.ts';
import { variantKey } from '../policy/variants.ts';
import type { Storable } from '../stores/cache-store.ts';
import type { QuickHead } from '../http/answer-images.ts';
import type { GrowingBody } from '../stores/growing-body.ts';
import type { PartBytes } from '../stores/part-memory.ts';
import type { SliceBytes } from '../stores/slice-memory.ts';

/** What is known of a response apart from its body. */
export interface ResponseHead {
  readonly status: number;
  /** End-to-end fields as the origin sent them, with a Date, without Age and Content-Length: those are counted. */
  readonly fields: FieldLines;
  readonly facts: FreshnessFacts;
  /** The request fields that chose it (`selectingFields`). */
  readonly selecting: readonly string[];
  readonly variantKey: string;
  /** The ban list's number when the fetch began (`policy/ban-list.ts`). */
  readonly sequence: number;
  /** What the origin calls it for invalidation, in lower case. */
  readonly tags: readonly string[];
  /** What the origin said to surrogates, where that is listened to: viewers do not see it. */
  readonly surrogateControl?: string;
  /** Its behaviour keeps it off the disk. */
  readonly memoryOnly?: boolean;
  /** It is kept in slices: the store holds it under its cache key without a body (`sliced-objects.ts`). */
  readonly sliced?: SlicedManifest;
  /** It is one slice of the version of this identity. */
  readonly sliceOf?: string;
}

/** A large response of which the store holds slices, one entry each. */
export interface SlicedManifest {
  /** Tells this version of the response from every other: its slices name it. */
  readonly identity: string;
  readonly lengthBytes: number;
  /** Of all slices but the last. */
  readonly sliceBytes: number;
  /** As the origin sent it: a strong one. */
  readonly entityTag: string;
}

/** What a hit sends on the fast path, and what the log says of it. */
export interface QuickHit {
  readonly head: QuickHead;
  readonly contentType: string | undefined;
  readonly contentLength: string;
}

/** What a hit sends in a certain second. */
export interface HitFields {
  readonly ageSeconds: number;
  readonly ttlSeconds: number;
  readonly cors: CrossSite;
  /** The value of the request id is last. Made when they are first asked for. */
  lines: string[] | undefined;
  /** The same for the fast path; likewise. */
  quick: QuickHit | undefined;
}

/** A complete response in the store, or the manifest of a sliced one, or a slice. */
export class CachedResponse implements Storable {
  readonly head: ResponseHead;
  /**
   * A small body as text with a character for each byte: with the head it makes one write, and it takes half of the
   * memory that a buffer of its own takes. Others as they came.
   */
  readonly keptBody: Buffer | string;
  readonly costBytes: number;
  /** Up to which ban it has been looked at. */
  sequence: number;
  /**
   * What a hit sends, made for one second and used for all hits within it (`viewer-fields.ts`); or its age in seconds when
   * it was asked for the last time, once.
   */
  hitFields: HitFields | number | undefined;
  /**
   * With the next two all that a hit on the fast path needs beside the body, in one place: among a million objects each
   * look at another one costs more than what is done with it. `undefined`: it is not for everybody as it is.
   */
  readonly plainLines: string | undefined;
  /** When it was new at its origin, monotonic, in whole milliseconds, rather too early. */
  readonly bornMs: number;
  /** Rather too short. */
  readonly lifetimeSeconds: number;

  /** `body`: also as another response keeps it. */
  constructor(head: ResponseHead, body: Buffer | string) {
    this.head = head;
    this.keptBody = typeof body !== 'string' && body.length <= maxTextBytes ? body.toString('latin1') : body;
    this.sequence = head.sequence;
    const { facts, fields, selecting, sliced, sliceOf, status } = head;
    const isPlain = status === 200 && sliced === undefined && sliceOf === undefined && selecting.length === 0;
    this.plainLines = isPlain ? plainLines(fields) : undefined;
    this.bornMs = Math.floor(facts.receivedMs - facts.initialAgeMs);
    this.lifetimeSeconds = Math.floor(facts.lifetimeMs / 1_000);
    this.hitFields = undefined;
    this.costBytes = body.length + textsCostBytes(head.fields) + textsCostBytes(head.tags) + fixedCostBytes;
  }

  get body(): Buffer {
    return typeof this.keptBody === 'string' ? Buffer.from(this.keptBody, 'latin1') : this.keptBody;
  }

  get variantKey(): string {
    return this.head.variantKey;
  }

  get tags(): readonly string[] {
    return this.head.tags;
  }

  /** Of the body that a viewer gets. */
  get lengthBytes(): number {
    return this.head.sliced?.lengthBytes ?? this.keptBody.length;
  }
}

/** One slice, or what is kept beside slices. */
export class CachedSlice extends CachedResponse implements SliceBytes {
  readonly memory?: PartBytes;

  constructor(head: ResponseHead, { bytes, memory }: SliceBytes) {
    super(head, bytes);
    if (memory !== undefined) this.memory = memory;
  }

  get bytes(): Buffer {
    return this.body;
  }
}

/** Larger ones are cheaper to write as they are. */
const maxTextBytes = 4_096;

/** The objects around a body. */
const fixedCostBytes = 500;

/** Three times: as they came, and as hits send them, as text and within a second. */
function textsCostBytes(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + (text.length + 16) * 3, 0);
}

/** A response whose body is arriving. */
export interface GrowingResponse {
  readonly head: ResponseHead;
  /** As announced; of the answer to a HEAD too, which has no body. */
  readonly lengthBytes: number | undefined;
  readonly body: GrowingBody;
  /** Whether it will be stored when it is complete. */
  readonly storable: boolean;
  /** A viewer has left: the fetch ends if nobody else reads and it is not for the store. */
  onReaderLeft(): void;
}

/** The same with another status. */
export function withStatus(response: CachedResponse | GrowingResponse, status: number): typeof response {
  const head = { ...response.head, status };
  return response instanceof CachedResponse ? new CachedResponse(head, response.keptBody) : { ...response, head };
}

/** The variant that answers a request with these fields (as the origin would see them), the newest if several do. */
export function selectVariant<Response extends { readonly head: ResponseHead }>(
  variants: readonly Response[],
  requestFields: () => FieldLines,
): Response | undefined {
  return variants.find(({ head }) => isVariantFor(head, requestFields));
}

export function isVariantFor(head: ResponseHead, requestFields: () => FieldLines): boolean {
  return head.selecting.length === 0 || variantKey(head.selecting, requestFields()) === head.variantKey;
}
