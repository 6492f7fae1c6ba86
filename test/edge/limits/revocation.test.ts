import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { rawClient } from '../../http/test-listener.ts';
import { eventually } from '../../support/condition.ts';
import { cannedGrant, customGrant, grantSigner, policyFor, trusting } from '../../support/grant-signer.ts';
import { LiveHouse } from '../../support/live-relay.ts';
import { gate, get, openGet, startTestEdge, startTestOrigin, type TestEdge } from '../test-edge.ts';

const viewers = grantSigner('rsa', 'KVIEW');
const others = grantSigner('rsa', 'KOTHER');

/** A client that reads nothing of its answer at first. `received`: what came up to the end of the connection. */
function stuckClient(edge: TestEdge, target: string): { readonly received: () => Promise<number> } {
  const { socket } = rawClient(edge.httpPort);
  socket.pause();
  socket.on('error', () => {});
  socket.write(`GET ${target} HTTP/1.1\r\nHost: a.example\r\n\r\n`);
  // The one is never said of a connection that was reset, the other of one of which something was not read.
  const over = Promise.race([once(socket, 'end'), once(socket, 'close')]);
  const received = async () => {
    let bytes = 0;
    socket.on('data', (piece) => (bytes += piece.length));
    socket.resume();
    await over;
    return bytes;
  };
  return { received };
}

describe('a revocation', () => {
  it('ends what players and encoders have running, by grant, key, session and address', async () => {
    await using house = new LiveHouse();
    const origin = await house.origin();
    const edge = await house.edge(
      [origin.rtmpPort],
      {},
      {
        ...trusting({ viewers: [viewers, others] }),
        streaming: [{ name: 'live', behaviours: [{ stream: 'live/*', trustedKeyGroups: ['viewers'] }] }],
      },
    );
    const publisher = await house.publish(edge.rtmpPort, 'stage').started();
    const expires = Math.floor(Date.now() / 1_000) + 600;
    const stage = `stage?${cannedGrant(viewers, 'stage', expires)}`;
    const any = `stage?${customGrant(others, policyFor('live/*', expires))}`;
    const overRtmp = await house.viewer(edge.rtmpPort, stage);
    await overRtmp.getsFrames(2);
    const flv = new AbortController();
    house.defer(() => flv.abort());
    const overHttp = await fetch(`http://127.0.0.1:${edge.httpPort}/live/stage.flv?${any.slice(6)}`, {
      signal: flv.signal,
    });
    const overWebSocket = new WebSocket(`ws://127.0.0.1:${edge.httpPort}/live/stage.flv?${any.slice(6)}`);
    house.defer(() => overWebSocket.close());
    let isWebSocketOpen = true;
    overWebSocket.addEventListener('close', () => (isWebSocketOpen = false));
    const sessions = await eventually('four sessions', () => {
      const list = edge.access.sessions();
      return list.length === 4 && list;
    });
    expect(sessions.map(({ protocol, stream, keyPairId }) => [protocol, stream, keyPairId])).toEqual([
      ['publish', 'live/stage', undefined],
      ['rtmp', 'live/stage', 'KVIEW'],
      ['http-flv', 'live/stage', 'KOTHER'],
      ['ws-flv', 'live/stage', 'KOTHER'],
    ]);
    await eventually('bytes that were counted', () => (edge.access.sessions()[1]?.sentBytes ?? 0) > 0);
    expect(edge.access.revoke('grant', sessions[1]?.grantId ?? '', undefined)).toMatchObject({
      kind: 'grant',
      ended: 1,
    });
    await eventually('the end of the player', () => overRtmp.connection.closed);
    const [again] = [await house.viewer(edge.rtmpPort, stage)];
    const told = await eventually('a refusal', () =>
      again.connection.statuses().find(({ level }) => level === 'error'),
    );
    expect(told.code).toBe('NetStream.Play.Unauthorized');
    // One viewing of a grant that others have too: of the other kind nothing is touched.
    expect(edge.access.revoke('session', sessions[3]?.id ?? '', 60_000)).toMatchObject({ ended: 2 });
    await eventually('the end of the WebSocket', () => !isWebSocketOpen);
    await overHttp.arrayBuffer();
    expect(publisher.failure).toBeUndefined();
    const third = await house.viewer(edge.rtmpPort, `stage?${cannedGrant(others, 'live/stage', expires)}`);
    await third.getsFrames(1);
    expect(edge.access.revoke('key', 'KOTHER', undefined).ended).toBe(1);
    await eventually('the end by key', () => third.connection.closed);
    expect(edge.access.revoke('address', '127.0.0.1', undefined).ended).toBe(1);
    await eventually('the end of the encoder', () => publisher.failure);
    expect(publisher.failure?.message).toContain('ACCESS_REVOKED');
    await expect(house.publish(edge.rtmpPort, 'stage').started()).rejects.toThrow(/access was revoked/);
    expect(edge.access.sessions()).toEqual([]);
    expect(edge.stats().limited).toMatchObject({ REVOKED_GRANT: 1, REVOKED_ADDRESS: 1 });
    expect(edge.log.text).not.toMatch(/Signature=|Policy=/);
  });

  it('breaks off answers over HTTP, on the fast path and on the slow one, and refuses what comes', async () => {
    const rest = gate();
    await using origin = await startTestOrigin(async ({ url }, response) => {
      response.writeHead(200, { 'Cache-Control': 'max-age=60', 'Content-Type': 'video/mp4' });
      if (url !== '/slow') return response.end(Buffer.alloc(30_000_000)) && undefined;
      response.write('the beginning');
      await rest.opened;
      response.end();
    });
    await using edge = await startTestEdge(origin.url, {});
    await get(edge.httpPort, '/large');
    const quick = stuckClient(edge, '/large');
    await eventually('a hit', () => edge.stats().quickHits === 1);
    const slow = await openGet(edge.httpPort, '/slow', { 'x-unknown': '1' });
    const joined = stuckClient(edge, '/slow');
    await eventually('one more for it', () => edge.stats().quickJoins === 1);
    expect(edge.access.revoke('address', '127.0.0.2', undefined).ended).toBe(0);
    expect(slow.destroyed).toBe(false);
    expect(edge.access.revoke('address', '::ffff:127.0.0.1', 60_000).ended).toBe(3);
    expect(await quick.received()).toBeLessThan(30_000_000);
    expect(await joined.received()).toBeLessThan(1_000);
    // Long before the origin's own end, or its deadline.
    await eventually('the end of the slow answer', () => slow.destroyed);
    for (const fields of [{}, { 'x-unknown': '1' }]) {
      const refused = await get(edge.httpPort, '/large', fields);
      expect([refused.status, refused.headers['content-type']]).toEqual([403, 'text/xml']);
      expect(refused.text).toContain('<Code>AccessDenied</Code>');
    }
    edge.clock.advance(60_000);
    rest.open();
    expect((await get(edge.httpPort, '/large')).status).toBe(200);
  });

  it('of an HLS session is for this grant at this address and this stream', async () => {
    await using origin = await startTestOrigin((_request, response) => {
      response.writeHead(200, { 'Cache-Control': 'max-age=600', 'Content-Type': 'application/vnd.apple.mpegurl' });
      response.end('#EXTM3U');
    });
    await using edge = await startTestEdge(
      origin.url,
      {},
      {
        distributions: [{ name: 'site', behaviours: [{ trustedKeyGroups: ['viewers'] }] }],
        ...trusting({ viewers: [viewers] }),
      },
    );
    const expires = Math.floor(edge.clock.wallMs() / 1_000) + 3_600;
    const grant = customGrant(viewers, policyFor('http://a.example/*', expires));
    const status = async (path: string) => (await get(edge.httpPort, `${path}?${grant}`, { host: 'a.example' })).status;
    for (const path of ['/a/index.m3u8', '/a/1.m4s', '/b/index.m3u8']) expect(await status(path)).toBe(200);
    const [session] = edge.access.sessions();
    expect(session).toMatchObject({ protocol: 'hls', stream: 'site/a/', address: '127.0.0.1', keyPairId: 'KVIEW' });
    edge.access.revoke('session', session?.id ?? '', undefined);
    expect([await status('/a/index.m3u8'), await status('/a/1.m4s'), await status('/b/index.m3u8')]).toEqual([
      403, 403, 200,
    ]);
    expect(edge.access.takeBack('session', session?.id ?? '')).toBe(true);
    expect([await status('/a/index.m3u8'), edge.access.revocations()]).toEqual([200, []]);
    edge.access.revoke('key', 'KVIEW', undefined);
    expect(await status('/b/index.m3u8')).toBe(403);
    expect(() => edge.access.revoke('session', 'x', undefined)).toThrow(/there is no session "x"/);
    expect(() => edge.access.revoke('address', 'localhost', undefined)).toThrow(/is no address/);
    // As the list of sessions has it.
    const network = edge.access.revoke('address', '2001:db8:1:2::/64', undefined).id;
    expect([network, edge.access.takeBack('address', '2001:db8:1:2:3:4:5:6')]).toEqual(['2001:db8:1:2::/64', true]);
    // As some programs write an address of IPv4.
    const mapped = edge.access.revoke('address', '::ffff:c000:207', undefined).id;
    expect([mapped, edge.access.takeBack('address', '192.0.2.7')]).toEqual(['192.0.2.7', true]);
  });

  it('outlives a restart, in a file for its owner', async () => {
    const dataFolder = mkdtempSync(join(tmpdir(), 'streamfront-revoked-'));
    try {
      await using origin = await startTestOrigin((_request, response) => void response.end('x'));
      const first = await startTestEdge(origin.url, {}, {}, { dataFolder });
      first.access.revoke('address', '127.0.0.1', undefined);
      first.access.revoke('key', 'K1', 5_000);
      await first.close();
      expect(statSync(join(dataFolder, 'revocations.json')).mode & 0o777).toBe(0o600);
      const second = await startTestEdge(origin.url, {}, {}, { dataFolder });
      expect((await get(second.httpPort, '/')).status).toBe(403);
      expect(second.access.revocations().map(({ kind, id }) => [kind, id])).toEqual([
        ['key', 'K1'],
        ['address', '127.0.0.1'],
      ]);
      await second.close();
      writeFileSync(join(dataFolder, 'revocations.json'), '{');
      await expect(startTestEdge(origin.url, {}, {}, { dataFolder })).rejects.toThrow(/revocations.json is damaged/);
    } finally {
      rmSync(dataFolder, { recursive: true, force: true });
    }
  });
});
