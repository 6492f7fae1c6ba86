import type { IncomingHttpHeaders } from 'node:http';
import { expect } from 'vitest';
import { formatHttpDate } from '../../src/formats/http-fields/http-date.ts';
import { type Answer, get, startTestEdge, startTestOrigin, type TestEdge, type TestOrigin } from './test-edge.ts';

type FieldValue = string | string[] | Moment;
type Fields = Record<string, FieldValue>;

/** An HTTP-date so many seconds from when the origin answers. */
interface Moment {
  readonly inSeconds: number;
}

export function at(inSeconds: number): Moment {
  return { inSeconds };
}

/** One request through the edge, what the origin would answer to it, and what is to come of it. */
export interface Exchange {
  /** Time passes before it. */
  readonly afterMs?: number;
  readonly method?: string;
  /** Behind the script's path. */
  readonly query?: string;
  readonly ask?: Record<string, string>;
  /** `close`: the origin breaks the connection off. 304 is answered to conditional requests only. */
  readonly origin?: { readonly status?: number; readonly fields?: Fields; readonly body?: string } | 'close';
  /** `hit`: the origin is not asked. `miss`: it is, without a condition. `confirmed`: it is, with one. */
  readonly comes: 'hit' | 'miss' | 'confirmed' | 'either';
  /** Of the answer; body: by default that of the last answer of the origin that had one. */
  readonly status?: number;
  readonly fields?: Record<string, string | undefined>;
  readonly body?: string;
  /** Texts that fields of the answer hold. */
  readonly containing?: Record<string, string>;
  /** What the origin was asked. */
  readonly asked?: Record<string, string | undefined>;
}

/** An edge before an origin that answers as told, one path for each script. */
export interface Stage {
  play(exchanges: readonly Exchange[]): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function openStage(behaviour: Parameters<typeof startTestEdge>[1]): Promise<Stage> {
  let answer: Exchange['origin'];
  const origin: TestOrigin = await startTestOrigin((request, response) => {
    request.resume();
    if (answer === 'close') {
      response.destroy();
      return;
    }
    const { status = 200, fields = {}, body = '' } = answer ?? {};
    response.writeHead(status, fieldsAt(fields, edge.clock.wallMs()));
    response.end(status === 304 || request.method === 'HEAD' ? undefined : body);
  });
  const edge: TestEdge = await startTestEdge(origin.url, behaviour);
  let scripts = 0;
  return {
    play: async (exchanges) => {
      const path = `/script-${scripts++}`;
      let lastBody = '';
      for (const [index, exchange] of exchanges.entries()) {
        const { afterMs = 0, method = 'GET', query = '', ask = {} } = exchange;
        edge.clock.advance(afterMs);
        const body = exchange.origin === 'close' ? '' : (exchange.origin?.body ?? `answer ${index}`);
        answer = exchange.origin === 'close' ? 'close' : { ...exchange.origin, body };
        const before = origin.requests.length;
        const received = await get(
          edge.httpPort,
          path + query,
          ask,
          method,
          ['POST', 'PUT'].includes(method) ? 'x' : undefined,
        );
        const asked = origin.requests.slice(before);
        const has = exchange.origin !== 'close' && exchange.origin?.status !== 304 && method !== 'HEAD';
        if (exchange.comes !== 'hit' && has) lastBody = body;
        check(`exchange ${index}`, exchange, received, asked, lastBody);
      }
    },
    [Symbol.asyncDispose]: async () => {
      await edge.close();
      await origin.stop();
    },
  };
}

function check(
  name: string,
  exchange: Exchange,
  answer: Answer,
  asked: readonly { headers: IncomingHttpHeaders }[],
  lastBody: string,
): void {
  const conditional = asked.some(
    ({ headers }) => headers['if-none-match'] !== undefined || headers['if-modified-since'] !== undefined,
  );
  const came = asked.length === 0 ? 'hit' : conditional ? 'confirmed' : 'miss';
  if (exchange.comes !== 'either') expect([name, came]).toEqual([name, exchange.comes]);
  expect([name, answer.status]).toEqual([name, exchange.status ?? 200]);
  const bodiless = exchange.method === 'HEAD' || [204, 304].includes(answer.status);
  if (exchange.body !== undefined || exchange.status === undefined) {
    expect([name, answer.text]).toEqual([name, exchange.body ?? (bodiless ? '' : lastBody)]);
  }
  for (const [field, value] of Object.entries(exchange.fields ?? {})) {
    expect([name, field, answer.headers[field]?.toString()]).toEqual([name, field, value]);
  }
  for (const [field, text] of Object.entries(exchange.containing ?? {})) {
    expect([name, field, answer.headers[field]]).toEqual([name, field, expect.stringContaining(text)]);
  }
  for (const [field, value] of Object.entries(exchange.asked ?? {})) {
    expect([name, field, asked.at(-1)?.headers[field]?.toString()]).toEqual([name, field, value]);
  }
}

function fieldsAt(fields: Fields, nowMs: number): Record<string, string | string[]> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      typeof value === 'object' && 'inSeconds' in value ? formatHttpDate(nowMs + value.inSeconds * 1_000) : value,
    ]),
  );
}
