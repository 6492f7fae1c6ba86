import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { parseToken } from '../../src/policy/grants/carried-grant.ts';
import { eventually } from '../support/condition.ts';
import { asCookies, cannedGrant, customGrant, policyFor } from '../support/grant-signer.ts';
import {
  ask,
  house,
  inSeconds,
  media,
  multivariant,
  playlist,
  signedUrl,
  signer,
  site,
  tokenIn,
} from './carrying-house.ts';
import { type Answer, gate } from './test-edge.ts';

describe('a behaviour that carries grants on in the query', () => {
  it('gives who has a signed URL of a playlist all that it lists, and nothing else', async () => {
    await using h = await house('query');
    const { edge } = h;
    const { text, headers } = await ask(edge, signedUrl(edge, playlist));
    const token = tokenIn(text);
    expect(parseToken(token)?.carried).toMatchObject({ keyPairId: 'KEC', folderDepth: 3 });
    expect(text).toBe(
      multivariant
        .replace('audio.m3u8?x=1', `audio.m3u8?x=1&Grant-Token=${token}`)
        .replace('\nvideo.m3u8', `\nvideo.m3u8?Grant-Token=${token}`),
    );
    expect(headers['content-length']).toBe(String(text.length));
    expect(headers['cache-control']).toBe('private, max-age=60');
    const video = await ask(edge, `/live/a/video.m3u8?Grant-Token=${token}`);
    expect(video.text).toBe(
      media.replace('init.mp4', `init.mp4?Grant-Token=${token}`).replace('1.m4s', `1.m4s?Grant-Token=${token}`),
    );
    const statuses = async (paths: readonly string[], host = 'a.example') =>
      Promise.all(paths.map(async (path) => (await ask(edge, `${path}?Grant-Token=${token}`, { host })).status));
    expect(await statuses(['/live/a/e/init.mp4', '/live/a/e/1.m4s', '/live/a/deep/er/x'])).toEqual([200, 200, 200]);
    expect(
      await statuses(['/live/b/video.m3u8', '/live/x', '/live/ab/x', '/live/a/../b/x', '/live/a/..%2Fb/x']),
    ).toEqual([403, 403, 403, 403, 403]);
    expect(await statuses(['/live/a/others/x', '/live/a/strict/x'])).toEqual([403, 403]);
    expect(await statuses(['/live/a/e/1.m4s'], 'other.example')).toEqual([403]);
  });

  it('keeps one copy for all viewers, and neither cache nor origin sees a token', async () => {
    await using h = await house('query');
    const { edge, origin } = h;
    const texts = new Set<string>();
    for (const seconds of [60, 61]) {
      const { text } = await ask(edge, signedUrl(edge, playlist, seconds));
      texts.add(text);
      await ask(edge, `/live/a/video.m3u8?Grant-Token=${tokenIn(text)}&_HLS_msn=1`);
      await ask(edge, `/live/a/e/1.m4s?Grant-Token=${tokenIn(text)}`);
    }
    expect(texts.size).toBe(2);
    expect(origin.requests.map(({ url }) => url)).toEqual([
      playlist,
      '/live/a/video.m3u8?_HLS_msn=1',
      '/live/a/e/1.m4s',
    ]);
    expect(JSON.stringify(origin.requests)).not.toContain('Token');
  });

  it('packs it as it was packed, names it by its token too, and answers HEAD, ranges and conditions for it', async () => {
    await using h = await house('query');
    const { edge } = h;
    const url = signedUrl(edge, playlist);
    const plain = await ask(edge, url);
    for (let times = 0; times < 2; times++) {
      const packed = await ask(edge, url, { 'accept-encoding': 'gzip' });
      expect(packed.headers['content-encoding']).toBe('gzip');
      expect(packed.headers['content-length']).toBe(String(packed.body.length));
      expect(gunzipSync(packed.body).toString()).toBe(plain.text);
    }
    const etag = plain.headers.etag ?? '';
    expect(etag).toBe(`"i-${tokenIn(plain.text).slice(-8)}"`);
    const head = await ask(edge, url, {}, 'HEAD');
    expect([head.status, head.headers['content-length'], head.headers.etag]).toEqual([
      200,
      plain.headers['content-length'],
      etag,
    ]);
    expect((await ask(edge, url, { 'if-none-match': etag })).status).toBe(304);
    expect((await ask(edge, url, { 'if-none-match': '"i"' })).status).toBe(200);
    const part = await ask(edge, url, { range: 'bytes=7-90' });
    expect([part.status, part.text]).toEqual([206, plain.text.slice(7, 91)]);
  });

  it('answers HEAD without a length where nothing is stored that it could be known of', async () => {
    await using h = await house('query');
    const { edge } = h;
    const head = await ask(edge, signedUrl(edge, playlist), {}, 'HEAD');
    expect([head.status, head.headers['content-length']]).toEqual([200, undefined]);
    expect(head.headers.etag).toMatch(/^"i-[\w-]{8}"$/);
  });

  it('asks the origin once for a crowd with many grants', async () => {
    await using h = await house('query');
    const { edge, origin } = h;
    const arrived = gate();
    origin.answer = async (_request, response) => {
      await arrived.opened;
      response.writeHead(200, { 'Cache-Control': 'max-age=60' });
      response.write(multivariant.slice(0, 90));
      await eventually('all follow', () => edge.stats().counters.requests === 6);
      response.end(multivariant.slice(90));
    };
    const crowd = [60, 61, 62, 63, 64, 65].map((seconds) => ask(edge, signedUrl(edge, playlist, seconds)));
    await eventually('all wait', () => edge.stats().counters.requests === 6);
    arrived.open();
    const tokens = new Set<string>();
    for (const { text } of await Promise.all(crowd)) {
      expect(text.replaceAll(/[?&]Grant-Token=[\w.-]+/g, '')).toBe(multivariant);
      tokens.add(tokenIn(text));
    }
    expect(tokens.size).toBe(6);
    expect(origin.requests).toHaveLength(1);
  });

  it('tells who waits for a playlist that breaks off', async () => {
    await using h = await house('query');
    const { edge, origin } = h;
    origin.answer = (_request, response) => {
      response.writeHead(200, { 'Content-Length': 1_000 }).write(multivariant, () => response.destroy());
    };
    const { status, text } = await ask(edge, signedUrl(edge, playlist));
    expect(status).toBe(502);
    expect(text).toContain('PLAYLIST_BROKEN_OFF');
  });

  it('refuses the next request once the grant is over, while what runs goes on', async () => {
    await using h = await house('query');
    const { edge, origin } = h;
    const token = tokenIn((await ask(edge, signedUrl(edge, playlist))).text);
    const half = gate();
    const begun = gate();
    origin.answer = async (_request, response) => {
      response.writeHead(200, { 'Cache-Control': 'max-age=60' }).write('one ');
      begun.open();
      await half.opened;
      response.end('two');
    };
    const running = ask(edge, `/live/a/e/1.m4s?Grant-Token=${token}`);
    await begun.opened;
    edge.clock.advance(60_000);
    expect((await ask(edge, `/live/a/e/2.m4s?Grant-Token=${token}`)).status).toBe(403);
    half.open();
    expect((await running).text).toBe('one two');
  });

  it('keeps the conditions of the grant, and takes no token beside a signature, or two', async () => {
    await using h = await house('query');
    const { edge } = h;
    const from = (range: string) => ({ IpAddress: { 'AWS:SourceIp': range } });
    const policy = policyFor(`${site}${playlist}`, inSeconds(edge, 60), from('127.0.0.0/8'));
    const token = tokenIn((await ask(edge, `${playlist}?${customGrant(signer, policy)}`)).text);
    expect(parseToken(token)?.carried.source).toEqual({ base: 0x7f00_0000, prefixBits: 8 });
    const target = `/live/a/e/1.m4s?Grant-Token=${token}`;
    expect((await ask(edge, target)).status).toBe(200);
    expect((await ask(edge, `${target}&Grant-Token=${token}`)).status).toBe(403);
    expect((await ask(edge, `${signedUrl(edge, playlist)}&Grant-Token=${token}`)).status).toBe(403);
    expect((await ask(edge, `${playlist}?Grant-Token=`)).status).toBe(403);
  });

  it.each(['grant', 'key'] as const)('lets nobody in by a token once its %s was revoked', async (kind) => {
    await using h = await house('query');
    const { edge } = h;
    const { text } = await ask(edge, signedUrl(edge, playlist));
    const { carried } = parseToken(tokenIn(text)) ?? {};
    const target = `/live/a/e/1.m4s?Grant-Token=${tokenIn(text)}`;
    expect((await ask(edge, target)).status).toBe(200);
    edge.access.revoke(kind, (kind === 'key' ? carried?.keyPairId : carried?.grantId) ?? '', undefined);
    expect((await ask(edge, target)).status).toBe(403);
    expect((await ask(edge, signedUrl(edge, playlist, 61))).status).toBe(kind === 'key' ? 403 : 200);
  });

  it('leaves what is no playlist, and has the name of one, as it is', async () => {
    await using h = await house('query', { 'Content-Type': 'text/html' });
    const { edge, origin } = h;
    origin.answer = (_request, response) => void response.writeHead(200, { ETag: '"i"' }).end('<html>\nvideo.m3u8\n');
    const { text, headers } = await ask(edge, signedUrl(edge, playlist));
    expect([text, headers.etag]).toEqual(['<html>\nvideo.m3u8\n', '"i"']);
  });

  it('says nothing of tokens in its log', async () => {
    await using h = await house('query');
    const { edge, origin } = h;
    const token = tokenIn((await ask(edge, signedUrl(edge, playlist))).text);
    await origin.stop();
    await ask(edge, `/live/a/e/9.m4s?Grant-Token=${token}`);
    expect(edge.log.text).toContain('/live/a/e/9.m4s');
    expect(edge.log.text).not.toContain(token.slice(0, 8));
    expect(edge.log.text).not.toContain('Grant-Token');
  });
});

describe('a behaviour that carries grants on by cookies', () => {
  /** As a browser sends them back. */
  const cookiesOf = ({ headers }: Answer): string =>
    (headers['set-cookie'] ?? []).map((cookie) => cookie.split(';')[0] ?? '').join('; ');

  it('sets cookies for the folder of the playlist, which open it and nothing else', async () => {
    await using h = await house('cookie');
    const { edge } = h;
    const answer = await ask(edge, signedUrl(edge, playlist));
    expect(answer.text).toBe(multivariant);
    expect(answer.headers['set-cookie']).toEqual([
      expect.stringMatching(/^StreamFront-Grant=[\w.-]+; Path=\/live\/a\/; Max-Age=60; HttpOnly; SameSite=Lax$/),
    ]);
    expect(answer.headers['cache-control']).toBe('private, max-age=60');
    const cookie = `x=y; ${cookiesOf(answer)}`;
    for (const target of ['/live/a/video.m3u8', '/live/a/e/1.m4s']) {
      const { status, headers } = await ask(edge, target, { cookie });
      expect([status, headers['set-cookie']]).toEqual([200, undefined]);
    }
    for (const target of ['/live/b/x', '/live/a/others/x', '/live/a/strict/x']) {
      expect((await ask(edge, target, { cookie })).status).toBe(403);
    }
    edge.clock.advance(60_000);
    expect((await ask(edge, '/live/a/e/1.m4s', { cookie })).status).toBe(403);
  });

  it('sets the cookies of the grant itself where its policy is for the whole folder', async () => {
    await using h = await house('cookie');
    const { edge } = h;
    const grant = customGrant(signer, policyFor(`${site}/live/a/*`, inSeconds(edge, 60)));
    const answer = await ask(edge, `${playlist}?${grant}`);
    expect(cookiesOf(answer)).toBe(asCookies(grant).replaceAll('&', '; '));
    const cookie = cookiesOf(answer);
    const again = await ask(edge, playlist, { cookie });
    expect([again.status, again.headers['set-cookie']]).toEqual([200, undefined]);
    expect((await ask(edge, '/live/a/strict/x', { cookie })).status).toBe(200);
  });

  it('lets a token count beside cookies that are for something else, and tokens beside each other', async () => {
    await using h = await house('cookie');
    const { edge } = h;
    const others = asCookies(customGrant(signer, policyFor(`${site}/vod/*`, inSeconds(edge, 60))));
    const [a, b] = [cookiesOf(await ask(edge, signedUrl(edge, playlist))), 'StreamFront-Grant=none'];
    expect((await ask(edge, '/live/a/e/1.m4s', { cookie: `${others}; ${b}; ${a}` })).status).toBe(200);
    expect((await ask(edge, '/live/a/e/1.m4s', { cookie: `${others}; ${b}` })).status).toBe(403);
  });

  it('gives who has cookies for the playlist alone a token, and sends no cookie to the origin', async () => {
    await using h = await house('cookie');
    const { edge, origin } = h;
    const canned = asCookies(cannedGrant(signer, site + playlist, inSeconds(edge, 60)));
    const cookie = `${canned}; ${cookiesOf(await ask(edge, playlist, { cookie: canned }))}`;
    expect((await ask(edge, '/live/a/video.m3u8', { cookie })).status).toBe(200);
    expect(origin.requests.map(({ headers }) => headers.cookie)).toEqual([undefined, undefined]);
  });
});

describe('a behaviour that carries no grants on', () => {
  it('gives the playlist as it is', async () => {
    await using h = await house('none');
    const { edge } = h;
    const { text, headers } = await ask(edge, signedUrl(edge, playlist));
    expect([text, headers['set-cookie'], headers.etag]).toEqual([multivariant, undefined, '"i"']);
  });
});
