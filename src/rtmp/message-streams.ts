import type { PublicationSink } from './publish-gate.ts';
import type { PublishReceiver } from './publish-receiver.ts';

/** One message stream of a connection (RTMP 1.0 §7.2.1.3). Only one that publishes takes media. */
export type MessageStream = { readonly kind: 'idle' } | PublishingStream;

export interface PublishingStream {
  readonly kind: 'publishing';
  /** As `publish` said it: what `FCUnpublish` will say. May hold a stream key. */
  readonly streamName: string;
  /** `app/name`, for the log. */
  readonly path: string;
  readonly sink: PublicationSink;
  readonly receiver: PublishReceiver;
  readonly startedMs: number;
  /** When the last message of the publication came. */
  lastMessageMs: number;
}

/** The message streams of one connection, by id. */
export class MessageStreams {
  readonly #streams = new Map<number, MessageStream>();
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  /** Returns the id of a new stream, or `undefined` when there are too many. */
  create(): number | undefined {
    if (this.#streams.size >= this.#max) return undefined;
    let id = 1;
    while (this.#streams.has(id)) id++;
    this.#streams.set(id, { kind: 'idle' });
    return id;
  }

  get(id: number): MessageStream | undefined {
    return this.#streams.get(id);
  }

  startPublishing(id: number, stream: PublishingStream): void {
    this.#streams.set(id, stream);
  }

  /** The stream is there and idle again. Returns what it published, if it did; that has been released. */
  stopPublishing(id: number): PublishingStream | undefined {
    const stream = this.#streams.get(id);
    if (stream?.kind !== 'publishing') return undefined;
    this.#streams.set(id, { kind: 'idle' });
    stream.sink.release();
    return stream;
  }

  delete(id: number): PublishingStream | undefined {
    const stopped = this.stopPublishing(id);
    this.#streams.delete(id);
    return stopped;
  }

  publishing(): [id: number, stream: PublishingStream][] {
    const found: [number, PublishingStream][] = [];
    for (const [id, stream] of this.#streams) if (stream.kind === 'publishing') found.push([id, stream]);
    return found;
  }
}
