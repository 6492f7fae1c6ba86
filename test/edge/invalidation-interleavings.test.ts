import type { ServerResponse } from 'node:http';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/condition.ts';
import { get, startTestEdge, startTestOrigin, type TestEdge, type TestOrigin } from './test-edge.ts';

const paths = ['/p/0', '/p/1'] as const;
type Path = (typeof paths)[number];

/** What an invalidation may say, and whom it concerns. */
const invalidations: readonly (readonly [string, readonly Path[]])[] = [
  ['/p/0', ['/p/0']],
  ['/p/1*', ['/p/1']],
  ['/*', paths],
  ['#p0', ['/p/0']],
  ['#all', paths],
];

type Event =
  | { readonly kind: 'ask'; readonly path: Path }
  /** The origin does something about one of the requests that it has. */
  | { readonly kind: 'answer'; readonly which: number; readonly how: 'store' | 'begin' | 'private' | 'break' }
  | { readonly kind: 'invalidate'; readonly what: number }
  | { readonly kind: 'time goes by' };

const anyEvent: fc.Arbitrary<Event> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('ask'), path: fc.constantFrom(...paths) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('answer'),
      which: fc.nat(9),
      how: fc.constantFrom('store', 'store', 'begin', 'private', 'break'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('invalidate'), what: fc.nat(invalidations.length - 1) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('time goes by') }) },
);

/** A request that the origin has not answered to its end. What it says was true when it was asked. */
interface Pending {
  readonly path: Path;
  readonly version: number;
  readonly conditional: boolean;
  readonly response: ServerResponse;
}

class Interleaving {
  readonly #edge: TestEdge;
  readonly #pending: Pending[] = [];
  readonly #versions: Record<Path, number> = { '/p/0': 0, '/p/1': 0 };
  readonly #viewers: Promise<void>[] = [];
  #done = 0;
  /** Bodies that were too old for who got them. */
  readonly tooOld: string[] = [];

  constructor(edge: TestEdge, origin: TestOrigin) {
    this.#edge = edge;
    origin.answer = (request, response) => {
      const path = paths.find((known) => known === request.url) ?? '/p/0';
      const conditional = request.headers['if-none-match'] !== undefined;
      this.#pending.push({ path, version: this.#versions[path], conditional, response });
    };
  }

  async happen(event: Event): Promise<void> {
    switch (event.kind) {
      case 'ask':
        await this.#ask(event.path);
        return;
      case 'answer':
        this.#answer(event.which, event.how);
        await this.#roundTrip();
        return;
      case 'invalidate': {
        const [item, concerned] = invalidations[event.what] ?? ['/*', paths];
        for (const path of concerned) this.#versions[path]++;
        this.#edge.invalidations.create({ distribution: undefined, items: [item] });
        return;
      }
      case 'time goes by':
        this.#edge.clock.advance(61_000);
    }
  }

  /** Everybody gets what they wait for. */
  async end(): Promise<void> {
    await eventually('all have been answered', () => {
      while (this.#pending.length > 0) this.#answer(0, 'store');
      return this.#done === this.#viewers.length;
    });
    await Promise.all(this.#viewers);
  }

  async #ask(path: Path): Promise<void> {
    const atLeast = this.#versions[path];
    const before = this.#edge.stats().counters.requests;
    const viewer = get(this.#edge.httpPort, path)
      .then(({ status, text }) => {
        if (status === 200 && Number(text) < atLeast) this.tooOld.push(`${path}: ${text} after ${atLeast}`);
      })
      // A body that the origin broke off.
      .catch(() => {})
      .finally(() => this.#done++);
    this.#viewers.push(viewer);
    for (let i = 0; i < 1_000 && this.#edge.stats().counters.requests === before; i++) await this.#roundTrip();
  }

  /** Everything in this process has a turn, so that events mostly meet what those before them have led to. */
  async #roundTrip(): Promise<void> {
    await get(this.#edge.httpPort, '/healthz');
  }

  #answer(which: number, how: (Event & { kind: 'answer' })['how']): void {
    const [pending] = this.#pending.splice(which % Math.max(1, this.#pending.length), 1);
    if (pending === undefined) return;
    const { conditional, path, response, version } = pending;
    const fields = {
      'Cache-Control': how === 'private' ? 'private' : 'max-age=60, stale-while-revalidate=600, stale-if-error=600',
      'Cache-Tag': `all, p${path.at(-1)}`,
      ETag: '"always the same"',
    };
    if (how === 'break') response.destroy();
    else if (response.headersSent) response.end();
    else if (how === 'private') response.writeHead(200, fields).end(String(version));
    else if (conditional) response.writeHead(304, fields).end();
    else if (how === 'store') response.writeHead(200, fields).end(String(version));
    else {
      response.writeHead(200, fields).write(String(version));
      this.#pending.push(pending);
    }
  }
}

describe('invalidations among requests', () => {
  it('give nobody what is older than the last one before their request, in any order of events', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyEvent, { minLength: 10, maxLength: 60 }), async (events) => {
        await using origin = await startTestOrigin(() => {});
        await using edge = await startTestEdge(
          origin.url,
          {},
          {
            origins: { main: { url: origin.url, connectAttempts: 1 } },
            distributions: [{ name: 'site', cacheTags: { header: 'Cache-Tag' }, behaviours: [{}] }],
          },
        );
        const interleaving = new Interleaving(edge, origin);
        for (const event of events) await interleaving.happen(event);
        await interleaving.end();
        expect(interleaving.tooOld).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });
});
