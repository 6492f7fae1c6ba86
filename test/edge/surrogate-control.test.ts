import { expect, it } from 'vitest';
import { get, startTestEdge, startTestOrigin, type TestOrigin } from './test-edge.ts';

/** Says the same in each 200, and nothing to surrogates in a 304. */
function startOrigin(): Promise<TestOrigin> {
  return startTestOrigin((request, response) => {
    response.setHeader('Cache-Control', 'no-store');
    response.setHeader('ETag', '"v1"');
    if (request.headers['if-none-match'] === '"v1"') response.writeHead(304).end();
    else response.writeHead(200, { 'Surrogate-Control': 'max-age=60' }).end('text');
  });
}

const comes = ({ headers }: { headers: NodeJS.Dict<string | string[]> }) => String(headers['x-cache']).split(' ')[0];

it.each(['cloudfront', 'standards'] as const)(
  'Surrogate-Control, where it is listened to, takes the place of Cache-Control and is not shown, by policy %s',
  async (policy) => {
    await using origin = await startOrigin();
    await using edge = await startTestEdge(origin.url, { policy, surrogateControl: true });
    const ask = () => get(edge.httpPort, '/a');
    const answers = [await ask(), await ask()];
    edge.clock.advance(61_000);
    answers.push(await ask(), await ask());
    expect(answers.map(comes)).toEqual(['Miss', 'Hit', 'RefreshHit', 'Hit']);
    for (const { headers } of answers) {
      expect([headers['surrogate-control'], headers['cache-control']]).toEqual([undefined, 'no-store']);
    }
  },
);

it('what the origin says to the edge alone is not shown with answers that are passed through either', async () => {
  await using origin = await startTestOrigin((_request, response) => {
    response.writeHead(200, { 'Surrogate-Control': 'no-store', 'Cache-Tag': 'secret' }).end();
  });
  await using edge = await startTestEdge(
    origin.url,
    {},
    {
      distributions: [
        {
          name: 'site',
          cacheTags: { header: 'Cache-Tag' },
          behaviours: [{ methods: 'all', surrogateControl: true }],
        },
      ],
    },
  );
  const { headers } = await get(edge.httpPort, '/a', {}, 'POST', 'text');
  expect([headers['x-cache'], headers['surrogate-control'], headers['cache-tag']]).toEqual([
    'Miss from streamfront',
    undefined,
    undefined,
  ]);
});

it('Surrogate-Control, where nobody says that it counts, is passed on unread', async () => {
  await using origin = await startOrigin();
  await using edge = await startTestEdge(origin.url);
  const answers = [await get(edge.httpPort, '/a'), await get(edge.httpPort, '/a')];
  expect(answers.map(comes)).toEqual(['Miss', 'Miss']);
  expect(answers[0]?.headers['surrogate-control']).toBe('max-age=60');
});
