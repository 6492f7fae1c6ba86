import { STATUS_CODES } from 'node:http';
import { totalLength } from '../base/byte-pieces.ts';
import type { Clock } from '../base/clock.ts';
import { formatHttpDate } from '../formats/http-fields/http-date.ts';
import type { AnswerTaker, ComingAnswer } from '../http/coming-answer.ts';
import type { QuickResponder } from '../http/quick-connection.ts';
import { parseRequestTarget } from '../policy/request-target.ts';
import type { HeldBytes } from '../stores/segment-window.ts';
import { liveReply, liveTarget, type Reply } from './live-reply.ts';
import type { LiveAnswer, LiveResponder } from './live-responder.ts';

/**
 * Answers plain GETs for what a live stream has on their connection. Of a stream that somebody watches, most of the
 * requests wait for what is coming, and to parse one and to answer it would cost as much as to make what it is for. In
 * the same words as `http-routes`, to which everything else goes.
 */
export function quickLive(live: LiveResponder, clock: Clock): QuickResponder {
  return {
    answer: ({ target }) => (streamTarget(target) === undefined ? 'for-good' : 'whole-way'),
    join: ({ target, fields }) => {
      const asked = streamTarget(target);
      return (
        asked &&
        new LiveDelivery(clock, fields.acceptEncoding, (signal) =>
          live.answer(asked.name, asked.rest, new URLSearchParams(asked.query), signal),
        )
      );
    },
  };
}

/** Not what is told of all streams, and not FLV, which has no end. */
function streamTarget(target: string) {
  const asked = parseRequestTarget(target);
  if (asked.kind !== 'resource' || asked.path.endsWith('.flv')) return undefined;
  const found = liveTarget(asked.path);
  return found && { ...found, query: asked.query };
}

/** One answer: when it is there, it leaves with its head in one write, as far as the viewer takes it. */
class LiveDelivery implements ComingAnswer {
  readonly #clock: Clock;
  readonly #acceptEncoding: string | undefined;
  readonly #answer: (signal: AbortSignal) => Promise<LiveAnswer>;
  readonly #left = new AbortController();
  #taker: AnswerTaker | undefined;
  #body: HeldBytes | undefined;
  /** Not written yet. */
  #pieces: Uint8Array[] = [];

  constructor(clock: Clock, acceptEncoding: string | undefined, answer: (signal: AbortSignal) => Promise<LiveAnswer>) {
    this.#clock = clock;
    this.#acceptEncoding = acceptEncoding;
    this.#answer = answer;
  }

  begin(taker: AnswerTaker): void {
    this.#answer(this.#left.signal).then(
      (answer) => {
        if (answer.kind === 'nobody') return;
        const reply = liveReply(answer, this.#acceptEncoding);
        if (this.#left.signal.aborted) reply.body.release();
        else this.#give(taker, reply);
      },
      // It happens again there, and is told.
      () => taker.passOn(),
    );
  }

  drained(): void {
    const taker = this.#taker;
    if (taker === undefined) return;
    for (let piece = this.#pieces.shift(); piece !== undefined; piece = this.#pieces.shift()) {
      if (!taker.write(Buffer.from(piece.buffer, piece.byteOffset, piece.length))) break;
    }
    if (this.#pieces.length === 0) taker.end();
  }

  ended(): void {
    this.#taker = undefined;
    this.#pieces = [];
    this.#left.abort();
  }

  freed(): void {
    this.#body?.release();
  }

  #give(taker: AnswerTaker, { status, fields, body }: Reply): void {
    const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    const length = totalLength(body.pieces);
    const date = formatHttpDate(this.#clock.wallMs());
    const start = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n`;
    this.#taker = taker;
    this.#body = body;
    this.#pieces = [...body.pieces];
    // In the order in which `node:http` has them; nothing names a request here.
    taker.writeHead(`${start}${lines}Content-Length: ${length}\r\nDate: ${date}`, '', false);
    this.drained();
  }
}
