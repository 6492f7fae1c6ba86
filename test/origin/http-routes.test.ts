import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LiveOrigin } from '../support/live-origin.ts';
import { audioConfig, audioUnits, interleaved, videoConfig, videoUnits } from '../support/synthetic-units.ts';

const both = [videoConfig, audioConfig];
const run = (seconds: number) => interleaved(videoUnits({ seconds, bytes: 1_000 }), audioUnits({ seconds }));

let folder: string;
let origin: LiveOrigin;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'streamfront-site-'));
  await mkdir(join(folder, 'assets'));
  await writeFile(join(folder, 'index.html'), '<title>page</title>');
  await writeFile(join(folder, 'assets', 'app-1a2b.js'), 'export {};');
  await writeFile(join(tmpdir(), 'streamfront-secret.txt'), 'secret');
  origin = await LiveOrigin.start({ siteDirectory: folder });
});
afterEach(async () => {
  await origin.close();
  await rm(folder, { recursive: true });
  await rm(join(tmpdir(), 'streamfront-secret.txt'));
});

/** The bytes as they come, without any decoding. */
function rawGet(path: string, headers: Record<string, string>, method = 'GET') {
  return new Promise<{ status: number; headers: Record<string, unknown>; body: Buffer }>((resolve, reject) => {
    const asking = request(`${origin.url}${path}`, { headers, method }, (response) => {
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(pieces) }),
      );
    });
    asking.on('error', reject);
    asking.end();
  });
}

describe('playlists over HTTP', () => {
  it.each(['index.m3u8', 'video.m3u8', 'audio.m3u8'])('%s is compressed for whoever takes that', async (name) => {
    origin.publish('test', both, run(5));
    const path = `/live/test/${name}`;
    const plain = await rawGet(path, {});
    expect(plain.headers['content-encoding']).toBeUndefined();
    expect(plain.headers['content-type']).toBe('application/vnd.apple.mpegurl');
    expect(plain.headers['cache-control']).toBe('public, max-age=1, stale-if-error=360');
    const gzip = await rawGet(path, { 'Accept-Encoding': 'br, gzip' });
    expect(gzip.headers['content-encoding']).toBe('gzip');
    expect(gzip.headers['content-length']).toBe(String(gzip.body.length));
    expect(gunzipSync(gzip.body).equals(plain.body)).toBe(true);
    const refused = await rawGet(path, { 'Accept-Encoding': 'gzip;q=0' });
    expect(refused.headers['content-encoding']).toBeUndefined();
    for (const answer of [plain, gzip, refused]) expect(answer.headers['vary']).toBe('Accept-Encoding');
  });

  it('answers HEAD like GET, without the body', async () => {
    origin.publish('test', both, run(5));
    const get = await rawGet('/live/test/video.m3u8', {});
    const head = await rawGet('/live/test/video.m3u8', {}, 'HEAD');
    expect(head.status).toBe(200);
    expect(head.body).toHaveLength(0);
    expect(head.headers['content-length']).toBe(get.headers['content-length']);
  });

  it('lets pages of any site read, and measure', async () => {
    origin.publish('test', both, run(5));
    for (const path of ['/live/test/index.m3u8', '/live/test/e1/video/1.m4s', '/live/none/index.m3u8']) {
      const { headers } = await origin.get(path);
      expect(headers.get('Access-Control-Allow-Origin')).toBe('*');
      expect(headers.get('Access-Control-Expose-Headers')).toMatch(/\bAge\b.*\bDate\b/);
    }
    const preflight = await origin.get('/live/test/index.m3u8', { method: 'OPTIONS' });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('Access-Control-Allow-Methods')).toBe('GET, HEAD, OPTIONS');
    expect(preflight.headers.get('Access-Control-Allow-Headers')).toBe('*');
  });

  it.each(['POST', 'PUT', 'DELETE'])('refuses %s', async (method) => {
    const answer = await origin.get('/live/test/index.m3u8', { method });
    expect(answer.status).toBe(405);
    expect(answer.headers.get('Allow')).toBe('GET, HEAD, OPTIONS');
  });

  it.each(['/live/', '/live/test', '/live/%ZZ/index.m3u8', '/live//index.m3u8', '/live/none/index.m3u8'])(
    'finds nothing at %s, and says so in a sentence',
    async (path) => {
      const answer = await rawGet(path, {});
      expect(answer.status).toBe(404);
      expect(answer.headers['cache-control']).toBe('public, max-age=1');
      expect(answer.body.toString()).toMatch(/there is no/);
    },
  );
});

describe('/live/streams.json', () => {
  const streams = async () => (await (await origin.get('/live/streams.json')).json()) as { streams: unknown[] };

  it('lists nothing where nobody has published', async () => {
    expect(await streams()).toEqual({ streams: [] });
  });

  it('lists what is live, with what is known of it', async () => {
    origin.publish('test', both, run(5));
    expect(await streams()).toEqual({
      streams: [
        {
          app: 'live',
          name: 'test',
          state: 'live',
          since: '2026-01-01T00:00:00.000Z',
          encoder: 'test',
          publishers: [],
          playlist: '/live/test/index.m3u8',
          video: { codec: 'avc1.64001f', width: 1280, height: 720, framesPerSecond: 30 },
          audio: { codec: 'mp4a.40.2', sampleRate: 48_000, channels: 2 },
          bitsPerSecond: expect.any(Number) as number,
          restreams: [],
        },
      ],
    });
    const [first] = (await streams()).streams as { bitsPerSecond: number }[];
    expect(first?.bitsPerSecond).toBeGreaterThan(30 * 1_000 * 8);
  });

  it('lists a stream whose publisher has left as waiting, one that is over not at all', async () => {
    const stream = origin.publish('test', [audioConfig], audioUnits({ seconds: 5 }));
    stream.stopPublication();
    expect((await streams()).streams).toMatchObject([{ state: 'waiting', encoder: 'test', video: null }]);
    stream.end();
    expect(await streams()).toEqual({ streams: [] });
  });
});

describe('the site', () => {
  it('answers with its files, each cached as long as its name is good', async () => {
    const page = await origin.get('/');
    expect(await page.text()).toBe('<title>page</title>');
    expect(page.headers.get('Cache-Control')).toBe('public, max-age=5');
    expect(page.headers.get('ETag')).toBeTruthy();
    const asset = await origin.get('/assets/app-1a2b.js');
    expect(asset.headers.get('Cache-Control')).toBe('public, max-age=31536000, immutable');
    const again = await origin.get('/', { headers: { 'If-None-Match': page.headers.get('ETag') ?? '' } });
    expect(again.status).toBe(304);
  });

  it.each([
    '/none.html',
    '/../streamfront-secret.txt',
    '/%2e%2e/streamfront-secret.txt',
    '/..%2fstreamfront-secret.txt',
  ])('has nothing at %s', async (path) => {
    const answer = await rawGet(path, {});
    expect(answer.status).toBe(404);
    expect(answer.body.toString()).not.toContain('secret');
  });

  it('need not be there', async () => {
    await origin.close();
    origin = await LiveOrigin.start();
    expect((await origin.get('/')).status).toBe(404);
    expect((await origin.get('/healthz')).status).toBe(200);
  });
});
