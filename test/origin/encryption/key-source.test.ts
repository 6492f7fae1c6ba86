import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fetchKey, filledIn, parseKey } from '../../../src/origin/encryption/key-source.ts';

const bytes = Uint8Array.from({ length: 16 }, (_, index) => index * 16);
const request = { name: 'stage', id: '00ff00ff00ff00ff', number: 3 };

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'streamfront-keys-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('parseKey', () => {
  it.each([
    ['16 bytes', bytes],
    ['hexadecimal digits', Buffer.from(`${bytes.toHex()}\n`)],
    ['capital letters with 0x', Buffer.from(`0x${bytes.toHex().toUpperCase()}`)],
  ])('reads %s', (_, content) => {
    expect(parseKey(content)).toEqual(bytes);
  });

  it.each(['', 'x', bytes.toHex().slice(1), `${bytes.toHex()}0`, 'g'.repeat(32)])(
    'refuses %j without saying it',
    (text) => {
      expect(() => parseKey(Buffer.from(text))).toThrow(/^gave \d+ bytes, which are neither/);
    },
  );
});

describe('filledIn', () => {
  it('fills in each word as often as it stands there, and leaves what is no word of it', () => {
    const filled = filledIn('/{name}/{id}/{number}/{name}/{other}', { ...request, name: 'a/b' }, encodeURIComponent);
    expect(filled).toBe('/a%2Fb/00ff00ff00ff00ff/3/a%2Fb/{other}');
  });
});

describe('fetchKey', () => {
  it('makes a key unlike the one before', async () => {
    const [first, second] = await Promise.all([0, 1].map(async () => fetchKey({ kind: 'generated' }, request)));
    expect(first).toHaveLength(16);
    expect(first).not.toEqual(second);
  });

  it("takes the stream's file, and the files of its folder in turn", async () => {
    const origin = { kind: 'directory', directory: folder } as const;
    await expect(fetchKey(origin, request)).rejects.toThrow('ENOENT');
    writeFileSync(join(folder, 'stage.key'), bytes);
    expect(new Uint8Array(await fetchKey(origin, request))).toEqual(bytes);
    mkdirSync(join(folder, 'stage'));
    writeFileSync(join(folder, 'stage', 'README'), 'no key');
    for (const file of ['a', 'b']) writeFileSync(join(folder, 'stage', `${file}.key`), file.repeat(16));
    const keys = await Promise.all([0, 1, 2].map(async (number) => fetchKey(origin, { ...request, number })));
    expect(keys.map((found) => Buffer.from(found).toString())).toEqual(['a', 'b', 'a'].map((file) => file.repeat(16)));
  });

  it('takes what a command prints, and says nothing of its arguments when it fails', async () => {
    const printf = (text: string) =>
      fetchKey({ kind: 'command', command: ['printf', '%s%s', text, '{number}'] }, request);
    expect(await printf('0123456789abcdef0123456789abcde')).toEqual(
      Uint8Array.fromHex('0123456789abcdef0123456789abcde3'),
    );
    await expect(printf('secret')).rejects.toThrow(/^gave 7 bytes/);
    const failing = fetchKey({ kind: 'command', command: ['sh', '-c', 'echo secret; exit 3'] }, request);
    await expect(failing).rejects.toThrow(/^the command failed: 3$/);
    const absent = fetchKey({ kind: 'command', command: [join(folder, 'absent'), 'secret'] }, request);
    await expect(absent).rejects.toThrow(/^the command failed: ENOENT$/);
  });

  it('takes what a server answers, and refuses errors, too much, and other places', async () => {
    const asked: string[] = [];
    const server = createServer((message, response) => {
      asked.push(message.url ?? '');
      if (message.url === '/moved/stage') response.writeHead(302, { Location: '/key/stage' }).end();
      else if (message.url === '/long/stage') response.end('x'.repeat(100_000));
      else response.writeHead(message.url === '/key/stage' ? 200 : 403).end(bytes);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const from = (path: string) => fetchKey({ kind: 'url', url: `http://127.0.0.1:${port}/${path}/{name}` }, request);
    try {
      expect(new Uint8Array(await from('key'))).toEqual(bytes);
      await expect(from('other')).rejects.toThrow('the key server answered 403');
      await expect(from('long')).rejects.toThrow('more than a key');
      await expect(from('moved')).rejects.toThrow();
      expect(asked).toEqual(['/key/stage', '/other/stage', '/long/stage', '/moved/stage']);
    } finally {
      server.close();
    }
  });
});
