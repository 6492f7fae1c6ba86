import { spawnSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigError } from '../../../src/base/errors.ts';
import { systemClock } from '../../../src/cli/system-clock.ts';
import { type Origin, startOrigin } from '../../../src/origin/origin.ts';
import { originSchema } from '../../../src/origin/settings.ts';
import { get, openGet, readAll } from '../../edge/test-edge.ts';
import { patternBytes } from '../../edge/file-origin.ts';
import { eventually } from '../../support/condition.ts';
import { LogRecorder } from '../../support/log-recorder.ts';

const maxOpen = 3;
let data: string;
let library: string;
let origin: Origin;
let log: LogRecorder;

function start(library: object = { maxOpen }): Promise<Origin> {
  // Another origin has the streams of this folder.
  const settings = originSchema.parse({ http: { port: 0 }, rtmp: { port: 0 }, live: { keep: 'memory' }, library });
  log = new LogRecorder();
  return startOrigin(settings, { clock: systemClock, log, siteDirectory: undefined, dataFolder: data });
}

/** Long ago by the clock of the file system. */
async function put(name: string, bytes: Buffer | string, modified = new Date('2025-03-01T12:00:00.250Z')) {
  await writeFile(join(library, name), bytes);
  await utimes(join(library, name), modified, modified);
}

beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'streamfront-library-'));
  library = join(data, 'library');
  origin = await start();
});
afterEach(async () => {
  await origin.close();
  await rm(data, { recursive: true });
});

const ask = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
  get(origin.httpPort, path, headers, method);

describe('the library of an origin', () => {
  it('is a folder that is made at the start, in the data folder', async () => {
    await put('a.mp4', 'x');
    expect((await ask('/library/a.mp4')).text).toBe('x');
  });

  it('is not made where the settings name it: what is not mounted is not empty', async () => {
    await expect(start({ folder: join(data, 'nowhere') })).rejects.toThrow(ConfigError);
    await expect(start({ folder: join(data, 'nowhere') })).rejects.toThrow(/origin\.library\.folder: .*nowhere/);
  });

  it('gives files whole, with validators, a type, and no word of how long they are good', async () => {
    await mkdir(join(library, 'two words'));
    const bytes = patternBytes(0, 400_000);
    await put('two words/été.MP4', bytes);
    const { status, headers, body } = await ask('/library/two%20words/%C3%A9t%C3%A9.MP4');
    expect(status).toBe(200);
    expect(body.equals(bytes)).toBe(true);
    expect(headers).toMatchObject({
      'content-type': 'video/mp4',
      'content-length': '400000',
      'accept-ranges': 'bytes',
      'last-modified': 'Sat, 01 Mar 2025 12:00:00 GMT',
      'x-content-type-options': 'nosniff',
      'access-control-allow-origin': '*',
    });
    expect(headers.etag).toMatch(/^"[0-9a-z-]+"$/);
    expect(headers['cache-control']).toBeUndefined();
    const head = await ask('/library/two%20words/%C3%A9t%C3%A9.MP4', { Range: 'bytes=0-9' }, 'HEAD');
    expect(head).toMatchObject({ status: 200, text: '' });
    expect(head.headers['content-length']).toBe('400000');
  });

  it.each([
    ['bytes=0-0', 206, 0, 1],
    ['bytes=131071-131073', 206, 131_071, 3],
    ['bytes=-5', 206, 299_995, 5],
    ['bytes=299999-', 206, 299_999, 1],
    ['bytes=100-9999999', 206, 100, 299_900],
    ['bytes=5-2', 200, 0, 300_000],
    ['seconds=1-2', 200, 0, 300_000],
  ])('gives %s with %i', async (range, status, first, length) => {
    await put('v.flv', patternBytes(0, 300_000));
    const answer = await ask('/library/v.flv', { Range: range });
    expect(answer.status).toBe(status);
    expect(answer.body.equals(patternBytes(first, length))).toBe(true);
    if (status === 206) {
      expect(answer.headers['content-range']).toBe(`bytes ${first}-${first + length - 1}/300000`);
    }
  });

  it('gives several ranges as multipart/byteranges, each with its place', async () => {
    await put('v.mp3', patternBytes(0, 300_000));
    const { status, headers, body } = await ask('/library/v.mp3', { Range: 'bytes=0-1,200000-200003' });
    expect(status).toBe(206);
    const boundary = /^multipart\/byteranges; boundary=(\S+)$/.exec(String(headers['content-type']))?.[1] ?? '';
    const parts = body.toString('latin1').split(`--${boundary}`);
    expect(parts).toHaveLength(4);
    for (const [part, place, first, length] of [
      [parts[1], 'bytes 0-1/300000', 0, 2],
      [parts[2], 'bytes 200000-200003/300000', 200_000, 4],
    ] as const) {
      expect(part).toContain(`Content-Type: audio/mpeg\r\nContent-Range: ${place}\r\n\r\n`);
      expect(part?.endsWith(`\r\n\r\n${patternBytes(first, length).toString('latin1')}\r\n`)).toBe(true);
    }
    expect(headers['content-length']).toBe(String(body.length));
  });

  it('answers 416 beyond the end', async () => {
    await put('v.mp4', 'abc');
    const { status, headers } = await ask('/library/v.mp4', { Range: 'bytes=3-' });
    expect(status).toBe(416);
    expect(headers['content-range']).toBe('bytes */3');
  });

  it('has If-None-Match, If-Modified-Since, If-Match, If-Unmodified-Since and If-Range decide', async () => {
    await put('v.mp4', 'abcdef');
    const { headers } = await ask('/library/v.mp4');
    const etag = headers.etag ?? '';
    const modified = headers['last-modified'] ?? '';
    const earlier = 'Sat, 01 Mar 2025 11:59:59 GMT';
    const statusFor = async (fields: Record<string, string>) => (await ask('/library/v.mp4', fields)).status;
    expect(await statusFor({ 'If-None-Match': etag })).toBe(304);
    expect(await statusFor({ 'If-None-Match': `"x", W/${etag}` })).toBe(304);
    expect(await statusFor({ 'If-None-Match': '"x"', 'If-Modified-Since': modified })).toBe(200);
    expect(await statusFor({ 'If-Modified-Since': modified })).toBe(304);
    expect(await statusFor({ 'If-Modified-Since': earlier })).toBe(200);
    expect(await statusFor({ 'If-Match': etag, Range: 'bytes=0-1' })).toBe(206);
    expect(await statusFor({ 'If-Match': '*' })).toBe(200);
    expect(await statusFor({ 'If-Match': `W/${etag}` })).toBe(412);
    expect(await statusFor({ 'If-Match': '"x"', 'If-None-Match': etag })).toBe(412);
    expect(await statusFor({ 'If-Unmodified-Since': modified })).toBe(200);
    expect(await statusFor({ 'If-Unmodified-Since': earlier })).toBe(412);
    expect(await statusFor({ 'If-Range': etag, Range: 'bytes=0-1' })).toBe(206);
    expect(await statusFor({ 'If-Range': '"x"', Range: 'bytes=0-1' })).toBe(200);
    expect(await statusFor({ 'If-Range': modified, Range: 'bytes=0-1' })).toBe(206);
  });

  it('names another version for another length, another time and another inode', async () => {
    const etag = async () => (await ask('/library/v.mp4')).headers.etag;
    await put('v.mp4', 'abc');
    const tags = [await etag(), await etag()];
    expect(tags[0]).toBe(tags[1]);
    await put('v.mp4', 'abcd');
    tags.push(await etag());
    await put('v.mp4', 'abcd', new Date('2025-03-01T12:00:00.251Z'));
    tags.push(await etag());
    await put('w.mp4', 'abcd', new Date('2025-03-01T12:00:00.251Z'));
    await rename(join(library, 'w.mp4'), join(library, 'v.mp4'));
    tags.push(await etag());
    expect(new Set(tags).size).toBe(4);
  });

  it('lets nobody keep what is being written at this moment', async () => {
    await put('v.mp4', 'abc', new Date());
    const { headers } = await ask('/library/v.mp4');
    expect(headers.etag).toMatch(/^W\//);
    expect(headers['cache-control']).toBe('no-store');
    await eventually('it has settled', async () => (await ask('/library/v.mp4')).headers.etag?.startsWith('"'));
  });

  it.each(['', 'folder', 'folder/', '.hidden.mp4', 'folder/.hidden', 'nothing.mp4', 'v.mp4/x', '..%2Fsecret', 'pipe'])(
    'has nothing at "%s"',
    async (path) => {
      await mkdir(join(library, 'folder'));
      await put('v.mp4', 'abc');
      await put('.hidden.mp4', 'abc');
      await put('folder/.hidden', 'abc');
      await writeFile(join(data, 'secret'), 'secret');
      spawnSync('mkfifo', [join(library, 'pipe')]);
      const { status, text } = await ask(`/library/${path}`);
      expect(status).toBe(404);
      expect(text).toBe('there is no such file in the library\n');
    },
  );

  it('has nothing at what this process may not read, and says to the operator what to do', async () => {
    await put('closed.mp4', 'abc');
    await chmod(join(library, 'closed.mp4'), 0o000);
    await Promise.all([data, library].map((folder) => chmod(folder, 0o755)));
    const own = process.geteuid?.();
    // The superuser may read everything.
    if (own === 0) process.seteuid?.(65_534);
    try {
      expect((await ask('/library/closed.mp4')).status).toBe(404);
    } finally {
      if (own === 0) process.seteuid?.(0);
    }
    const [line] = log.lines.filter(({ fields }) => fields['code'] === 'LIBRARY_FILE_DENIED');
    expect(line?.message).toContain('may not read closed.mp4');
  });

  it('follows links within it, and none that lead out', async () => {
    await mkdir(join(library, 'folder'));
    await put('folder/v.mp4', 'abc');
    await writeFile(join(data, 'secret'), 'secret');
    await mkdir(join(data, 'library-of-others'));
    await writeFile(join(data, 'library-of-others', 'x'), 'secret');
    await symlink('folder/v.mp4', join(library, 'inside.mp4'));
    await symlink('../secret', join(library, 'outside'));
    await symlink('../library-of-others', join(library, 'beside'));
    await symlink('loop', join(library, 'loop'));
    expect((await ask('/library/inside.mp4')).text).toBe('abc');
    for (const path of ['outside', 'beside/x', 'loop']) expect((await ask(`/library/${path}`)).status).toBe(404);
  });

  it('breaks an answer off when the file is written to meanwhile, and ends it well when it is replaced', async () => {
    const bytes = patternBytes(0, 8_000_000);
    await put('written.mp4', bytes);
    await put('replaced.mp4', bytes);
    const written = await openGet(origin.httpPort, '/library/written.mp4');
    const replaced = await openGet(origin.httpPort, '/library/replaced.mp4');
    written.pause();
    replaced.pause();
    await writeFile(join(library, 'written.mp4'), patternBytes(0, 8_000_000, 1));
    await put('other.mp4', patternBytes(0, 8_000_000, 1));
    await rename(join(library, 'other.mp4'), join(library, 'replaced.mp4'));
    await expect(readAll(written)).rejects.toThrow(/aborted/);
    expect((await readAll(replaced)).equals(bytes)).toBe(true);
  });

  it('reads a bounded number of files at once, and closes those of whoever leaves', async () => {
    await put('v.mp4', patternBytes(0, 8_000_000));
    const open = await Promise.all(Array.from({ length: maxOpen }, () => openGet(origin.httpPort, '/library/v.mp4')));
    for (const response of open) response.pause();
    const refused = await ask('/library/v.mp4');
    expect(refused.status).toBe(503);
    expect(refused.headers['retry-after']).toBe('1');
    for (const response of open) response.destroy();
    await eventually('there is room again', async () => (await ask('/library/v.mp4')).status === 200);
  });
});
