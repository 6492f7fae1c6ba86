import { describe, expect, it } from 'vitest';
import { edgeSchema } from '../../src/edge/settings.ts';
import { get, startTestEdge, startTestOrigin, type TestEdge, type TestOrigin } from './test-edge.ts';

/** Has these pages and nothing else; `/broken` breaks off, `/silent` says nothing. */
function startOrigin(pages: Record<string, string> = { '/errors/404.html': 'our own words\n' }): Promise<TestOrigin> {
  return startTestOrigin((request, response) => {
    const { pathname } = new URL(request.url ?? '', 'http://origin');
    const page = pages[pathname];
    if (pathname === '/broken') request.socket.destroy();
    else if (pathname === '/silent') return;
    else if (page !== undefined) response.writeHead(200, { ETag: '"page"', 'Content-Type': 'text/html' }).end(page);
    else response.writeHead(404, { 'Content-Type': 'text/plain' }).end('the words of the origin');
  });
}

interface ErrorPage {
  readonly status: number;
  readonly page: string;
  readonly respondWith?: number;
}

function startEdge(origin: TestOrigin, errorPages: ErrorPage[], methods: 'read' | 'all' = 'read'): Promise<TestEdge> {
  return startTestEdge(
    origin.url,
    {},
    {
      origins: { main: { url: origin.url, responseTimeout: '100ms', connectAttempts: 1 } },
      distributions: [{ name: 'site', errorPages, behaviours: [{ methods }] }],
    },
  );
}

const page404 = { status: 404, page: '/errors/404.html' };

describe('a page in place of an error', () => {
  it('is asked for once, and given with the status of the error from then on', async () => {
    await using origin = await startOrigin();
    await using edge = await startEdge(origin, [page404]);
    const first = await get(edge.httpPort, '/nothing');
    const hit = await get(edge.httpPort, '/nothing');
    const other = await get(edge.httpPort, '/nothing-else');
    for (const answer of [first, hit, other]) {
      expect([answer.status, answer.text, answer.headers['content-type']]).toEqual([
        404,
        'our own words\n',
        'text/html',
      ]);
      expect(answer.headers['x-cache']).toBe('Error from streamfront');
    }
    expect([first, hit].map(({ headers }) => headers['cache-status'])).toEqual([
      'streamfront-test1; fwd=uri-miss; fwd-status=200; ttl=86400; stored; detail=ERROR_PAGE',
      'streamfront-test1; hit; ttl=86400; detail=ERROR_PAGE',
    ]);
    expect(origin.requests.map(({ url }) => url)).toEqual(['/nothing', '/errors/404.html', '/nothing-else']);
    expect(edge.stats().counters).toMatchObject({ requests: 3, misses: 1, hits: 2, errors: 0 });
  });

  it('may come with another status, as applications in one page want it', async () => {
    await using origin = await startOrigin({ '/index.html': 'the application' });
    await using edge = await startEdge(origin, [{ status: 404, page: '/index.html', respondWith: 200 }]);
    for (let i = 0; i < 2; i++) {
      expect(await get(edge.httpPort, '/some/view')).toMatchObject({ status: 200, text: 'the application' });
    }
    expect((await get(edge.httpPort, '/some/view', { 'if-none-match': '"page"' })).status).toBe(304);
    expect(await get(edge.httpPort, '/some/view', { range: 'bytes=0-2' })).toMatchObject({ status: 206, text: 'the' });
  });

  it('stands for an origin that fails and for one that is too slow, each by its status', async () => {
    await using origin = await startOrigin({ '/502.html': 'failed', '/504.html': 'too slow' });
    await using edge = await startEdge(origin, [
      { status: 502, page: '/502.html' },
      { status: 504, page: '/504.html' },
    ]);
    expect(await get(edge.httpPort, '/broken')).toMatchObject({ status: 502, text: 'failed' });
    expect(await get(edge.httpPort, '/silent')).toMatchObject({ status: 504, text: 'too slow' });
    await origin.stop();
    expect(await get(edge.httpPort, '/elsewhere')).toMatchObject({ status: 502, text: 'failed' });
  });

  it('that cannot be had itself leaves the error, in plain words, and nothing is asked in a circle', async () => {
    await using origin = await startOrigin({});
    await using edge = await startEdge(origin, [page404, { status: 502, page: '/502.html' }]);
    const answer = await get(edge.httpPort, '/nothing');
    expect([answer.status, answer.text.includes('ORIGIN_ERROR')]).toEqual([404, true]);
    expect(origin.requests.map(({ url }) => url)).toEqual(['/nothing', '/errors/404.html']);
    await origin.stop();
    const gone = await get(edge.httpPort, '/elsewhere');
    expect([gone.status, gone.headers['x-cache']]).toEqual([502, 'Error from streamfront']);
  });

  it('is given whole whatever range or condition came for what is not there, and as a head for HEAD', async () => {
    await using origin = await startOrigin();
    await using edge = await startEdge(origin, [page404]);
    for (const headers of [{ range: 'bytes=0-1' }, { 'if-none-match': '"page"' }]) {
      expect(await get(edge.httpPort, '/nothing', headers)).toMatchObject({ status: 404, text: 'our own words\n' });
    }
    const head = await get(edge.httpPort, '/nothing', {}, 'HEAD');
    expect([head.status, head.headers['content-length'], head.text]).toEqual([404, '14', '']);
  });

  it('that may not be kept is had by each viewer for itself, without their ranges', async () => {
    await using origin = await startTestOrigin((request, response) => {
      response.writeHead(request.url === '/errors/404.html' ? 200 : 404, { 'Cache-Control': 'no-store' });
      response.end(`${request.url} ${request.headers.range}`);
    });
    await using edge = await startEdge(origin, [page404]);
    for (let i = 0; i < 3; i++) {
      const answer = await get(edge.httpPort, '/nothing', { range: 'bytes=2000000-' });
      expect(answer).toMatchObject({ status: 404, text: '/errors/404.html undefined' });
    }
  });

  it('is not for what goes well, nor for methods that are passed through', async () => {
    await using origin = await startTestOrigin((request, response) => {
      response.writeHead(request.method === 'POST' ? 404 : 200).end('of the origin');
    });
    await using edge = await startEdge(origin, [page404], 'all');
    expect(await get(edge.httpPort, '/there')).toMatchObject({ status: 200, text: 'of the origin' });
    expect(await get(edge.httpPort, '/there', {}, 'POST')).toMatchObject({ status: 404, text: 'of the origin' });
  });
});

describe('settings of error pages', () => {
  const findings = (errorPages: unknown, path = '*'): string[] => {
    const distributions = [{ name: 'site', errorPages, behaviours: [{ path }] }];
    return edgeSchema.safeParse({ distributions }).error?.issues.map(({ message }) => message) ?? [];
  };

  it('name one page for an error, that some behaviour answers for, with a status that has a body', () => {
    expect(findings([page404])).toEqual([]);
    expect(findings([page404, page404])).toEqual(['there is another page for 404']);
    expect(findings([page404], '/live/*')).toEqual(['no behaviour of its distribution fits']);
    expect(findings([{ status: 404, page: 'errors.html' }])).toEqual(['must be a path such as /errors/404.html']);
    for (const respondWith of [204, 206, 302, 304]) expect(findings([{ ...page404, respondWith }])).toHaveLength(1);
  });
});
