import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { get, startTestOrigin } from '../../edge/test-edge.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';
import { RestrictedHouse } from './restricted-house.ts';

const [oldSecret, newSecret] = ['old-secret', 'new-secret'].map((name) => `${name}-`.repeat(5)) as [string, string];

/** What reads files again. */
const lookMs = 10_000;

let queries = 0;

/** Each for another object, so that the origin is asked. */
async function statusAt(edge: { httpPort: number }): Promise<number> {
  return (await get(edge.httpPort, `/page.txt?${queries++}`)).status;
}

describe('an origin with access.kind: signed', () => {
  it('answers edges that sign, and refuses all others with a sentence', async () => {
    await using house = new RestrictedHouse();
    const secrets = [{ file: house.secret('secret', oldSecret) }];
    const origin = await house.origin({ access: { kind: 'signed', secrets } });
    const edge = await house.edge({ url: `http://127.0.0.1:${origin.httpPort}`, sign: { secrets } });

    expect((await get(edge.httpPort, '/page.txt')).text).toBe('the page');
    expect((await get(edge.httpPort, '/page.txt?a=%2f~&&b', {}, 'HEAD')).status).toBe(200);

    const sentence = 'this origin answers edges only: the request has no signature of an edge';
    const direct = await get(origin.httpPort, '/page.txt');
    expect([direct.status, direct.text, direct.headers['cache-control']]).toEqual([403, `${sentence}\n`, 'no-store']);
    const others = ['/live/streams.json', '/live/a/index.m3u8', '/live/a.flv', '/library/x', '/', '*'];
    for (const path of others) expect([path, (await get(origin.httpPort, path)).status]).toEqual([path, 403]);
    for (const method of ['HEAD', 'OPTIONS', 'PUT']) {
      expect([method, (await get(origin.httpPort, '/page.txt', {}, method)).status]).toEqual([method, 403]);
    }
    const upgrade = { Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13' };
    expect(
      (await get(origin.httpPort, '/live/a.flv', { ...upgrade, 'Sec-WebSocket-Key': 'x'.repeat(24) })).status,
    ).toBe(403);
    // Whoever looks after machines has no secret.
    expect((await get(origin.httpPort, '/healthz')).status).toBe(200);
    expect(house.log.lines.filter(({ fields }) => fields['code'] === 'ORIGIN_UNSIGNED').length).toBeGreaterThan(0);
    expect(house.log.text).not.toContain('old-secret-');
  });

  it('takes a signature of a viewer for nothing: the edge puts its own in its place', async () => {
    await using house = new RestrictedHouse();
    const secrets = [{ file: house.secret('secret', oldSecret) }];
    const origin = await house.origin({ access: { kind: 'signed', secrets } });
    const edge = await house.edge({ url: `http://127.0.0.1:${origin.httpPort}`, sign: { secrets } });
    const fields = { 'Signature-Input': 'edge1=("x")', signature: 'edge1=:AAAA:' };
    expect((await get(edge.httpPort, '/page.txt', fields)).status).toBe(200);
  });

  it('lets no request fail while secrets are changed, whoever gets the new one first', async () => {
    for (const first of ['origin', 'edge'] as const) {
      await using house = new RestrictedHouse();
      const files = {
        origin: [house.secret('origin-1', oldSecret), house.secret('origin-2', oldSecret)],
        edge: [house.secret('edge-1', oldSecret), house.secret('edge-2', oldSecret)],
      };
      const sources = (side: 'origin' | 'edge') => files[side].map((file) => ({ file }));
      const origin = await house.origin({ access: { kind: 'signed', secrets: sources('origin') } });
      const url = `http://127.0.0.1:${origin.httpPort}`;
      const edge = await house.edge({ url, sign: { secrets: sources('edge') } });
      const statuses = [await statusAt(edge)];
      const second = first === 'origin' ? 'edge' : 'origin';
      // The new one comes beside the old one, on both sides; then the old one goes.
      for (const [side, place] of [
        [first, 0],
        [second, 0],
        [first, 1],
        [second, 1],
      ] as const) {
        writeFileSync(files[side][place] ?? '', newSecret);
        house.clock.advance(lookMs);
        statuses.push(await statusAt(edge));
      }
      expect([first, ...statuses]).toEqual([first, 200, 200, 200, 200, 200]);
      const late = await house.edge({ url, sign: { secrets: [{ file: house.secret('late', oldSecret) }] } });
      expect(await statusAt(late)).toBe(502);
    }
  });

  it('makes a failed request of an edge whose clock is off, and the reason a line in its log', async () => {
    await using house = new RestrictedHouse();
    const secrets = [{ file: house.secret('secret', oldSecret) }];
    const origin = await house.origin({ access: { kind: 'signed', secrets, maxClockSkew: '30s' } });
    const clock = new VirtualClock();
    clock.advance(45_000);
    const edge = await house.edge({ url: `http://127.0.0.1:${origin.httpPort}`, sign: { secrets } }, clock);
    const answer = await get(edge.httpPort, '/page.txt');
    expect(answer.status).toBe(502);
    expect(answer.text).not.toMatch(/clock|secret|signed/i);
    expect(answer.headers['x-streamfront-refusal']).toBeUndefined();
    const reasons = house.log.lines.map(({ fields }) => (fields['err'] instanceof Error ? fields['err'].message : ''));
    expect(reasons.join()).toMatch(/^,*ORIGIN_REFUSES_EDGE: .*45 s ahead of the clock here, and 30 s are allowed/);
  });

  it('does not take the request again that somebody has seen on the way', async () => {
    await using house = new RestrictedHouse();
    const secrets = [{ file: house.secret('secret', oldSecret) }];
    const origin = await house.origin({ access: { kind: 'signed', secrets } });
    const seen: Record<string, string>[] = [];
    await using onTheWay = await startTestOrigin(({ headers }, response) => {
      const { signature, 'signature-input': input } = headers;
      seen.push({ 'Signature-Input': String(input), Signature: String(signature) });
      response.end();
    });
    const edge = await house.edge({ url: onTheWay.url, sign: { secrets } });
    await get(edge.httpPort, '/page.txt');
    const [fields = {}] = seen;
    expect((await get(origin.httpPort, '/page.txt', fields)).text).toBe('the page');
    const again = await get(origin.httpPort, '/page.txt', fields);
    expect([again.status, again.text]).toEqual([
      403,
      'this origin answers edges only: this very request has been made before\n',
    ]);
  });
});
