import { createDecipheriv } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { eventually } from '../../support/condition.ts';
import { KeptHouse } from '../../support/kept-origin.ts';
import { LiveOrigin } from '../../support/live-origin.ts';
import { PublishedStream } from '../../support/published-stream.ts';
import { audioConfig, audioUnits, interleaved, videoConfig, videoUnits } from '../../support/synthetic-units.ts';

const both = [videoConfig, audioConfig];
const run = (seconds: number, fromMs = 0) =>
  interleaved(videoUnits({ fromMs, seconds, bytes: 333 }), audioUnits({ fromMs, seconds }));
const encryption = [{ stream: 'live/*', method: 'AES-128' }];

/** As a player that reads the playlist from its top: what a file is encrypted with, as the tags before it say. */
function encryptedFiles(playlist: string): { path: string; keyUri: string; iv: Buffer }[] {
  const files: { path: string; keyUri: string; iv: Buffer }[] = [];
  let key: { uri: string; iv: string | undefined } | undefined;
  let msn = Number(/#EXT-X-MEDIA-SEQUENCE:(\d+)/.exec(playlist)?.[1]);
  for (const line of playlist.split('\n')) {
    if (line === '#EXT-X-KEY:METHOD=NONE') key = undefined;
    const [, uri, iv] = /^#EXT-X-KEY:METHOD=AES-128,URI="([^"]+)"(?:,IV=0x([0-9A-F]{32}))?$/i.exec(line) ?? [];
    if (uri !== undefined) key = { uri, iv };
    const path = /^#EXT-X-PART:.*URI="([^"]+)"/.exec(line)?.[1] ?? (/^[^#]/.test(line) ? line : undefined);
    if (path === undefined) continue;
    if (key === undefined) throw new Error(`${path} has no key`);
    files.push({ path, keyUri: key.uri, iv: Buffer.from(key.iv ?? msn.toString(16).padStart(32, '0'), 'hex') });
    if (!line.startsWith('#')) msn++;
  }
  return files;
}

async function bytesAt(origin: LiveOrigin, path: string): Promise<Buffer> {
  const answer = await origin.get(`/live/test/${path}`);
  expect(answer.status, path).toBe(200);
  return Buffer.from(await answer.arrayBuffer());
}

function decrypted(bytes: Uint8Array, secret: Uint8Array, iv: Uint8Array): Buffer {
  const decipher = createDecipheriv('aes-128-cbc', secret, iv);
  return Buffer.concat([decipher.update(bytes), decipher.final()]);
}

describe('a stream that is encrypted by AES-128', () => {
  it.each([
    ['one key', {}, 1],
    ['a key for two segments', { rotate: 2 }, 3],
    ['a key for four seconds', { rotate: '4s' }, 3],
    ['vectors of their own', { rotate: 2, iv: 'random' }, 3],
  ])('gives, with %s, every segment and part whole to who decrypts it', async (_, rule, keys) => {
    const origin = await LiveOrigin.start({ live: { encryption: [{ ...encryption[0], ...rule }] } });
    origin.publish('test', both, run(11));
    const { packager } = origin.channels.get('live/test') ?? {};
    const uris = new Set<string>();
    for (const name of ['video', 'audio']) {
      const playlist = await (await origin.get(`/live/test/${name}.m3u8`)).text();
      const files = encryptedFiles(playlist);
      expect(files.length).toBeGreaterThan(25);
      for (const { path, keyUri, iv } of files) {
        uris.add(keyUri);
        const [, msn, part] = /\/(\d+)(?:\.(\d+))?\.m4s$/.exec(path) ?? [];
        const window = packager?.rendition(name)?.window;
        const plain =
          part === undefined
            ? Buffer.concat(window?.segment(Number(msn))?.parts.map(({ bytes }) => bytes) ?? [])
            : window?.part(Number(msn), Number(part))?.bytes;
        const sent = await bytesAt(origin, path);
        const clear = decrypted(sent, await bytesAt(origin, keyUri), iv);
        expect(clear.equals(plain ?? Buffer.alloc(0)), path).toBe(true);
        expect(sent.includes('moof')).toBe(false);
      }
    }
    expect(uris.size).toBe(keys);
    await origin.close();
  });

  it('sends keys to be kept by nobody, each to who names it, and initialisation segments in the clear', async () => {
    const origin = await LiveOrigin.start({ live: { encryption: [{ ...encryption[0], rotate: 2 }] } });
    origin.publish('test', both, run(9));
    const playlist = await (await origin.get('/live/test/video.m3u8')).text();
    const [first, second] = [...new Set(encryptedFiles(playlist).map(({ keyUri }) => keyUri))];
    const answer = await origin.get(`/live/test/${first}`);
    expect(answer.headers.get('Cache-Control')).toBe('private, no-store');
    expect(answer.headers.get('Content-Type')).toBe('application/octet-stream');
    expect(answer.headers.get('Access-Control-Allow-Origin')).toBe('*');
    expect(Buffer.from(await answer.arrayBuffer())).not.toEqual(await bytesAt(origin, second ?? ''));
    for (const absent of ['keys/00000000000000000000000000000000', 'keys/', 'keys/..']) {
      expect((await origin.get(`/live/test/${absent}`)).status).toBe(404);
    }
    expect((await bytesAt(origin, 'e1/video/init-0.mp4')).includes('ftyp')).toBe(true);
    const multivariant = await (await origin.get('/live/test/index.m3u8')).text();
    expect(multivariant).toContain('#EXT-X-SESSION-KEY:METHOD=AES-128,URI="keys/');
    // A range of it could not be decrypted.
    expect(multivariant).not.toContain('I-FRAME');
    expect((await origin.get('/live/test/video-iframes.m3u8')).status).toBe(404);
    await origin.close();
  });

  it('says in every update which key holds, whatever was left out', () => {
    const published = new PublishedStream({ encryption: [{ ...encryption[0], rotate: 3 }], window: '30s' });
    published.start(both);
    published.send(run(40));
    // Validates each update of each state against the whole playlist.
    published.stop();
    const rendition = published.packager.rendition('video');
    const update = rendition && published.packager.mediaPlaylist(rendition, 'YES')?.plain.toString();
    const skipped = Number(/SKIPPED-SEGMENTS=(\d+)/.exec(update ?? '')?.[1]);
    expect(skipped).toBeGreaterThan(3);
    const whole = encryptedFiles(published.playlist('video.m3u8'));
    const rest = encryptedFiles(update ?? '').map(({ path, keyUri }) => ({ path, keyUri }));
    expect(rest).toEqual(whole.slice(skipped).map(({ path, keyUri }) => ({ path, keyUri })));
  });

  it('is not decrypted by another key', async () => {
    const origin = await LiveOrigin.start({ live: { encryption } });
    origin.publish('test', both, run(5));
    const [file] = encryptedFiles(await (await origin.get('/live/test/video.m3u8')).text());
    const sent = await bytesAt(origin, file?.path ?? '');
    let clear: Buffer | undefined;
    try {
      clear = decrypted(sent, new Uint8Array(16), file?.iv ?? new Uint8Array(16));
    } catch {
      // One in 256 wrong keys leaves something that looks like padding.
    }
    expect(clear?.includes('moof') ?? false).toBe(false);
    await origin.close();
  });

  it('is not played, and nothing of it sent, until there is a key; says so without the key', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'streamfront-keys-'));
    const published = new PublishedStream({ encryption: [{ ...encryption[0], keys: { directory: folder } }] });
    published.start(both);
    published.send(run(7));
    expect(published.packager.isPlayable).toBe(false);
    const told = () => published.log.lines.filter(({ fields }) => fields['code'] === 'LIVE_KEY_FAILED').length;
    await eventually('it is told', () => told() === 1);
    const secret = '0123456789abcdef0123456789abcdef';
    writeFileSync(join(folder, 'test.key'), secret);
    published.clock.advance(1_000);
    await eventually('there is a key', () => published.packager.isPlayable);
    published.record();
    expect(published.playlist('video.m3u8')).toContain('#EXT-X-KEY:METHOD=AES-128,URI="keys/');
    expect(published.log.text).not.toContain(secret);
    published.end();
    rmSync(folder, { recursive: true });
  });

  it("points players to the operator's key server, and does not give the key itself", async () => {
    const keyUri = 'https://keys.example.com/{name}/{id}?n={number}';
    const origin = await LiveOrigin.start({ live: { encryption: [{ ...encryption[0], keyUri, rotate: 1 }] } });
    origin.publish('test', both, run(5));
    const files = encryptedFiles(await (await origin.get('/live/test/video.m3u8')).text());
    const ids = files.flatMap(
      ({ keyUri: uri }) => /^https:\/\/keys\.example\.com\/test\/([0-9a-f]{32})\?n=\d$/.exec(uri)?.[1] ?? [],
    );
    expect(ids).toHaveLength(files.length);
    expect((await origin.get(`/live/test/keys/${ids[0]}`)).status).toBe(404);
    await origin.close();
  });

  it('goes on with its keys after a restart, which only their owner can read on the disk', async () => {
    const rule = { ...encryption[0], rotate: 2 };
    await using house = new KeptHouse({ encryption: [rule] });
    const first = await house.start();
    first.publish(both);
    first.send(run(9));
    await first.written();
    const before = encryptedFiles(house.histories.get('video.m3u8')?.at(-1) ?? '');
    const keysOf = (origin: typeof first) =>
      [...new Set(before.map(({ keyUri }) => keyUri))].map((uri) =>
        Buffer.from(origin.packager?.keys?.bytesOf(uri.slice(5)) ?? []).toString('hex'),
      );
    const secrets = keysOf(first);
    expect(secrets).toHaveLength(3);
    await first.kill();
    const [stream = ''] = readdirSync(house.folder);
    expect(statSync(join(house.folder, stream, 'stream.json')).mode & 0o777).toBe(0o600);
    house.clock.advance(3_000);

    const second = await house.start();
    expect(keysOf(second)).toEqual(secrets);
    second.publish(both);
    second.send(run(5));
    const after = encryptedFiles(house.histories.get('video.m3u8')?.at(-1) ?? '');
    const keyOf = new Map(before.map(({ path, keyUri }) => [path, keyUri]));
    const common = after.filter(({ path }) => keyOf.has(path));
    expect(common.length).toBeGreaterThan(3);
    for (const { path, keyUri } of common) expect(keyUri).toBe(keyOf.get(path));
    expect(new Set(after.map(({ keyUri }) => keyUri)).size).toBeGreaterThan(3);
    second.unpublish();
  });
});

describe('a kept stream that is to be encrypted in another way', () => {
  it('begins anew', async () => {
    const live: Record<string, unknown> = {};
    await using house = new KeptHouse(live);
    const first = await house.start();
    first.publish(both);
    first.send(run(5));
    await first.stop();
    live['encryption'] = encryption;
    const second = await house.start();
    second.publish(both);
    second.send(run(5));
    expect(house.epochs).toEqual(new Set(['e1', 'e2']));
    second.unpublish();
  });
});
