import type { SessionPlay } from './session-play.ts';
import type { SessionPublication } from './session-publication.ts';

/** What a message stream (RTMP 1.0 §7.2.1.3) is used for. Only one that publishes takes media. */
export type MessageStreamUse = SessionPublication | SessionPlay;

/** The message streams of one connection, by id. */
export class MessageStreams {
  /** `undefined`: created, and not in use. */
  readonly #streams = new Map<number, MessageStreamUse | undefined>();
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  /** Returns the id of a new stream, or `undefined` when there are too many. */
  create(): number | undefined {
    if (this.#streams.size >= this.#max) return undefined;
    let id = 1;
    while (this.#streams.has(id)) id++;
    this.#streams.set(id, undefined);
    return id;
  }

  has(id: number): boolean {
    return this.#streams.has(id);
  }

  use(id: number): MessageStreamUse | undefined {
    return this.#streams.get(id);
  }

  begin(id: number, use: MessageStreamUse): void {
    this.#streams.set(id, use);
  }

  /** The stream is there and idle again. */
  setIdle(id: number): void {
    if (this.#streams.has(id)) this.#streams.set(id, undefined);
  }

  delete(id: number): void {
    this.#streams.delete(id);
  }

  *uses(): Generator<readonly [id: number, use: MessageStreamUse], void, undefined> {
    for (const [id, use] of this.#streams) if (use !== undefined) yield [id, use];
  }
}
