import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { edgeSchema } from '../../src/edge/settings.ts';
import { get, startTestEdge, startTestOrigin } from './test-edge.ts';

let folder: string;
let file: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'streamfront-headers-'));
  file = join(folder, 'verify');
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('edge.origins.NAME.headers', () => {
  it('are on every request to that origin, in place of what a viewer sends, and nowhere else', async () => {
    writeFileSync(file, 'first-value\n');
    chmodSync(file, 0o600);
    await using origin = await startTestOrigin((_, response) => {
      response.writeHead(200, { 'Cache-Control': 'max-age=60' }).end('here');
    });
    const headers = { 'X-Origin-Verify': { file }, Authorization: 'Basic abc' };
    const behaviour = {
      path: '*',
      methods: 'all' as const,
      requestFields: 'all' as const,
      policy: 'standards' as const,
    };
    await using edge = await startTestEdge(origin.url, behaviour, {
      origins: { main: { url: origin.url, headers } },
    });
    const viewer = { 'x-origin-verify': 'mine', 'x-other': 'kept' };
    const answers = [await get(edge.httpPort, '/a', viewer), await get(edge.httpPort, '/b', viewer, 'PUT', 'body')];
    writeFileSync(file, 'second-value');
    edge.clock.advance(10_000);
    answers.push(await get(edge.httpPort, '/c'));
    expect(
      origin.requests.map(({ method, headers: seen }) => [
        method,
        seen['x-origin-verify'],
        seen.authorization,
        seen['x-other'],
      ]),
    ).toEqual([
      ['GET', 'first-value', 'Basic abc', 'kept'],
      ['PUT', 'first-value', 'Basic abc', 'kept'],
      ['GET', 'second-value', 'Basic abc', undefined],
    ]);
    const told = JSON.stringify(answers.map((answer) => [answer.headers, answer.text])) + edge.log.text;
    expect(told).not.toMatch(/first-value|second-value|Basic abc/);
  });

  it('are no names that the edge or the viewer fills', () => {
    const names = [
      'Host',
      'Connection',
      'Cookie',
      'Range',
      'X-Forwarded-For',
      'Signature',
      'Content-Length',
      'bad name',
    ];
    for (const name of names) {
      const origins = { main: { url: 'http://127.0.0.1', headers: { [name]: 'x' } } };
      expect([name, edgeSchema.safeParse({ origins }).success]).toEqual([name, false]);
    }
  });
});
