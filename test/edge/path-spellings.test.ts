import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileDistributions, compileRoutes } from '../../src/edge/routes.ts';
import { edgeSchema } from '../../src/edge/settings.ts';
import { Upstream } from '../../src/http/upstream.ts';
import { parseRequestTarget } from '../../src/policy/request-target.ts';
import { get, startTestEdge, startTestOrigin } from './test-edge.ts';
import { LogRecorder } from '../support/log-recorder.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const distributions = [{ name: 'site', behaviours: [{ path: '/private/*' }, { path: '*' }] }];

describe('a path that is written in an unusual way', () => {
  it.each(['/private/a', '/%70rivate/a', '/x/../private/a', '/x/%2e%2E/private/a', '/./private/a', '/private/./a'])(
    '%s is the same object under the same behaviour',
    async (spelling) => {
      await using origin = await startTestOrigin((_request, response) => {
        response.writeHead(200, { 'Cache-Control': 'max-age=60' }).end('one');
      });
      await using edge = await startTestEdge(origin.url, {}, { distributions });
      await get(edge.httpPort, '/private/a');
      const answer = await get(edge.httpPort, spelling);
      expect(answer.headers['x-cache']).toBe('Hit from streamfront');
      expect(origin.requests.map(({ url }) => url)).toEqual(['/private/a']);
    },
  );

  it.each([
    '/private%2Fa',
    '/private%2fa',
    '//private/a',
    '/x/..//private%5Ca',
    '/private%5ca',
    '/private\\a',
    '/private;v=1/a',
    '/x/..%2fprivate/a',
    '/%c0%ae%c0%ae%c0%afprivate/a',
    '/private%e0%80%afa',
  ])('%s reaches no origin: some would take it for a path of another behaviour', async (spelling) => {
    await using origin = await startTestOrigin((_request, response) => {
      response.end('one');
    });
    await using edge = await startTestEdge(origin.url, {}, { distributions });
    const answer = await get(edge.httpPort, spelling);
    expect(answer.status).toBe(400);
    expect(origin.requests).toEqual([]);
  });

  it.each(['/a%2Fb', '/a//b', '/a;v=1/b', '/private/x%2Fy', '/private/;v/y'])(
    '%s goes to the origin as it is when every reading has the same behaviour',
    async (path) => {
      await using origin = await startTestOrigin((_request, response) => {
        response.end('one');
      });
      await using edge = await startTestEdge(origin.url, {}, { distributions });
      expect((await get(edge.httpPort, path)).status).toBe(200);
      expect(origin.requests.map(({ url }) => url)).toEqual([path]);
    },
  );

  it('never escapes its behaviour, whatever an origin decodes, merges or leaves out', () => {
    const settings = edgeSchema.parse({ distributions });
    const upstreams = new Map(Object.entries(settings.origins).map(([name, server]) => [name, new Upstream(server)]));
    const route = compileRoutes(
      compileDistributions(settings.distributions, upstreams, { clock: new VirtualClock(), log: new LogRecorder() }),
    );
    const parts = fc.constantFrom(
      'private',
      '%70rivate',
      'x',
      '/',
      '//',
      '%2f',
      '%2F',
      '\\',
      '%5c',
      '..',
      '.',
      '%2e',
      ';',
    );
    const more = fc.constantFrom(';a=b', '%c0%af', '%c0%ae', '%e0%80%af', '%e0%80%ae', '%f0%80%80%af', '%c1%9c', 'a');
    fc.assert(
      fc.property(fc.array(fc.oneof(parts, more), { maxLength: 10 }), (pieces) => {
        const target = parseRequestTarget(`/${pieces.join('')}`);
        if (target.kind !== 'resource') return;
        const behaviour = route('', target.path);
        if (typeof behaviour === 'string') return;
        for (const origin of lenientOrigins) {
          expect(origin(target.path).startsWith('/private/')).toBe(behaviour.path === '/private/*');
        }
      }),
      { numRuns: 5_000 },
    );
  });
});

/** How servers read a path, each in its own words and not in those of the program. */
const lenientOrigins: ((path: string) => string)[] = [
  // nginx: decodes, merges slashes, resolves dots.
  (path) => dotsResolved(decodeURIComponent(onlyAscii(path)).replaceAll(/\/+/g, '/')),
  // Servlet containers: parameters go first, escaped slashes are taken for slashes.
  (path) => dotsResolved(decodeURIComponent(onlyAscii(path.replaceAll(/;[^/]*/g, '')))),
  // Windows: backslashes are slashes.
  (path) => dotsResolved(decodeURIComponent(onlyAscii(path)).replaceAll('\\', '/').replaceAll(/\/+/g, '/')),
  // Old decoders of UTF-8, which took the long forms.
  (path) =>
    dotsResolved(
      path.replaceAll(/%C0%A([EF])|%E0%80%A([EF])|%F0%80%80%A([EF])/g, (_all, ...ends: (string | undefined)[]) =>
        ends.slice(0, 3).includes('E') ? '.' : '/',
      ),
    ),
  // As it is.
  (path) => path,
];

/** What is no ASCII stays escaped, so that `decodeURIComponent` leaves it alone. */
function onlyAscii(path: string): string {
  return path.replaceAll(/%(?=[89A-F])/g, '%25');
}

function dotsResolved(path: string): string {
  const kept: string[] = [];
  for (const segment of path.split('/').slice(1)) {
    if (segment === '..') kept.pop();
    else if (segment !== '.') kept.push(segment);
  }
  return `/${kept.join('/')}${/\/\.{1,2}$/.test(path) ? '/' : ''}`;
}
