import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/condition.ts';
import { gate, get, startTestEdge, startTestOrigin, type TestEdge, type TestOrigin } from './test-edge.ts';

const viewers = 500;

/** So many viewers ask for the same while the origin is held; then it is let go. What each got, with how often. */
async function together(edge: TestEdge, origin: TestOrigin, release: () => void): Promise<Map<string, number>> {
  const before = edge.stats().counters.requests;
  const asked = origin.requests.length;
  const answers = Array.from({ length: viewers }, () => get(edge.httpPort, '/a'));
  await eventually('all wait', () => {
    return edge.stats().counters.requests === before + viewers && origin.requests.length > asked;
  });
  release();
  return tally(await Promise.all(answers));
}

function tally(answers: readonly { status: number; text: string }[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { status, text } of answers) {
    const what = `${status} ${text.split('\n')[0]?.replace(`${status} `, '')}`;
    counts.set(what, (counts.get(what) ?? 0) + 1);
  }
  return counts;
}

/** An origin that answers at once while `open`, and holds what comes when it is not. */
async function holdingOrigin(fields: Record<string, string>) {
  const held: ServerResponse[] = [];
  const state = { open: true, fails: undefined as ((response: ServerResponse) => void) | undefined };
  const origin = await startTestOrigin((_request, response) => {
    if (state.open) response.writeHead(200, fields).end('good');
    else if (state.fails !== undefined) state.fails(response);
    else held.push(response);
  });
  /** Everything that is held, and all that comes from now on, fails so. */
  const failAs = (fails: (response: ServerResponse) => void) => (): void => {
    state.fails = fails;
    for (const response of held.splice(0)) fails(response);
  };
  return { origin, state, failAs };
}

const reset = (response: ServerResponse): void => void response.socket?.resetAndDestroy();
const unavailable = (response: ServerResponse): void => void response.writeHead(503).end('busy');

describe.each(['cloudfront', 'standards'] as const)('500 viewers and an origin that fails, by policy %s', (policy) => {
  it('a 503: all get it, from one request', async () => {
    const { origin, state, failAs } = await holdingOrigin({});
    await using _origin = origin;
    await using edge = await startTestEdge(origin.url, { policy });
    state.open = false;
    expect(await together(edge, origin, failAs(unavailable))).toEqual(new Map([['503 busy', viewers]]));
    expect(origin.requests).toHaveLength(1);
  });

  it('a 503 when something stale may stand in: all get that, then and for the next second, from one request', async () => {
    const { origin, state, failAs } = await holdingOrigin({ 'Cache-Control': 'max-age=10, stale-if-error=60' });
    await using _origin = origin;
    await using edge = await startTestEdge(origin.url, { policy });
    await get(edge.httpPort, '/a');
    edge.clock.advance(11_000);
    state.open = false;
    expect(await together(edge, origin, failAs(unavailable))).toEqual(new Map([['200 good', viewers]]));
    const later = await Promise.all(Array.from({ length: 50 }, () => get(edge.httpPort, '/a')));
    expect(tally(later)).toEqual(new Map([['200 good', 50]]));
    expect(origin.requests).toHaveLength(2);
  });

  it('a connection that breaks: all get 502, then and for the next second, from the attempts of one request', async () => {
    const { origin, state, failAs } = await holdingOrigin({});
    await using _origin = origin;
    await using edge = await startTestEdge(origin.url, { policy });
    state.open = false;
    const answers = await together(edge, origin, failAs(reset));
    expect(answers).toEqual(new Map([['502 The origin cannot be reached', viewers]]));
    const later = await Promise.all(Array.from({ length: 50 }, () => get(edge.httpPort, '/a')));
    expect(tally(later)).toEqual(new Map([['502 The origin cannot be reached', 50]]));
    expect(origin.requests).toHaveLength(3);
    expect(edge.stats().counters.originRequests).toBe(1);
  });

  it('a connection that breaks when something stale is there: all get that', async () => {
    const { origin, state, failAs } = await holdingOrigin({ 'Cache-Control': 'max-age=10' });
    await using _origin = origin;
    await using edge = await startTestEdge(origin.url, { policy });
    await get(edge.httpPort, '/a');
    edge.clock.advance(11_000);
    state.open = false;
    expect(await together(edge, origin, failAs(reset))).toEqual(new Map([['200 good', viewers]]));
    expect(edge.stats().counters.originRequests).toBe(2);
  });

  it('no answer in time: all get 504, from one request', async () => {
    const { origin, state } = await holdingOrigin({});
    await using _origin = origin;
    const origins = { main: { url: origin.url, responseTimeout: '1s' } };
    await using edge = await startTestEdge(origin.url, { policy }, { origins });
    state.open = false;
    const answers = await together(edge, origin, () => undefined);
    expect(answers).toEqual(new Map([['504 The origin is too slow', viewers]]));
    expect(origin.requests).toHaveLength(1);
  });
});

describe('hit-for-miss', () => {
  it('an origin that cannot be reached is not asked by each of those who must ask alone', async () => {
    const origin = await startTestOrigin((_request, response) => {
      response.writeHead(200, { 'Cache-Control': 'private' }).end('mine');
    });
    await using edge = await startTestEdge(origin.url);
    await get(edge.httpPort, '/a');
    await origin.stop();
    expect((await get(edge.httpPort, '/a')).status).toBe(502);
    const before = edge.stats().counters.originRequests;
    const answers = await Promise.all(Array.from({ length: viewers }, () => get(edge.httpPort, '/a')));
    expect(tally(answers)).toEqual(new Map([['502 The origin cannot be reached', viewers]]));
    expect(edge.stats().counters.originRequests).toBe(before);
  });

  it('by policy standards, who waited for an answer that must be confirmed has it confirmed', async () => {
    const release = gate();
    await using origin = await startTestOrigin(async (request, response) => {
      if (origin.requests.length === 1) await release.opened;
      const known = request.headers['if-none-match'] === '"a"';
      response
        .writeHead(known ? 304 : 200, { 'Cache-Control': 'no-cache', ETag: '"a"' })
        .end(known ? undefined : 'page');
    });
    await using edge = await startTestEdge(origin.url, { policy: 'standards' });
    const answers = Array.from({ length: 5 }, () => get(edge.httpPort, '/a'));
    await eventually('all wait', () => edge.stats().counters.requests === 5);
    release.open();
    expect(tally(await Promise.all(answers))).toEqual(new Map([['200 page', 5]]));
    expect(origin.requests).toHaveLength(5);
    expect((await get(edge.httpPort, '/a')).headers['cache-status']).toContain('fwd=stale; fwd-status=304');
  });

  it('by policy standards, a request with Authorization waits for nobody, and nobody for it', async () => {
    const held: { authorization: string | undefined; response: ServerResponse }[] = [];
    await using origin = await startTestOrigin((request, response) => {
      held.push({ authorization: request.headers.authorization, response });
    });
    await using edge = await startTestEdge(origin.url, { policy: 'standards' });
    const credentials = [undefined, 'Basic a', 'Basic b'];
    const answers = credentials.map((authorization) =>
      get(edge.httpPort, '/a', authorization === undefined ? {} : { authorization }),
    );
    await eventually('all are at the origin', () => held.length === 3);
    for (const { authorization, response } of held) {
      response.writeHead(200, { 'Cache-Control': 'max-age=60' }).end(`for ${authorization ?? 'all'}`);
    }
    expect((await Promise.all(answers)).map(({ text }) => text)).toEqual(['for all', 'for Basic a', 'for Basic b']);
    expect((await get(edge.httpPort, '/a')).text).toBe('for all');
  });
});
