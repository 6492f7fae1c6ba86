import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { recognisePlainGet } from '../../src/http/plain-get.ts';

const browser =
  'GET /live/a/index.m3u8?x=1 HTTP/1.1\r\nHost: a.example:8080\r\nConnection: keep-alive\r\nUser-Agent: Mozilla/5.0 (X11)\r\nAccept: */*\r\nOrigin: https://b.example\r\nReferer: https://b.example/page?q=1\r\nAccept-Encoding: gzip, br\r\nAccept-Language: de\r\nCookie: a=b\r\nSec-Fetch-Mode: cors\r\n\r\n';
const plain = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const withField = (line: string) => `GET / HTTP/1.1\r\nHost: a\r\n${line}\r\n\r\n`;

describe('recognisePlainGet', () => {
  it('gives target, fields and where the next request begins', () => {
    expect(recognisePlainGet(browser + plain, 0, undefined)).toMatchObject({
      target: '/live/a/index.m3u8?x=1',
      endsAt: browser.length,
      headBytes: browser.length,
      fields: {
        host: 'a.example:8080',
        userAgent: 'Mozilla/5.0 (X11)',
        referer: 'https://b.example/page?q=1',
        acceptEncoding: 'gzip, br',
        forwardedFor: undefined,
      },
    });
    expect(recognisePlainGet(browser + plain, browser.length, undefined)).toMatchObject({
      target: '/',
      endsAt: browser.length + plain.length,
      fields: { host: 'a', userAgent: undefined },
    });
  });

  it('takes over the fields of a request before it only where they are the same to the letter', () => {
    const first = recognisePlainGet(browser, 0, undefined);
    if (typeof first === 'string') throw new Error(first);
    const again = recognisePlainGet(browser.replace('x=1', 'x=2'), 0, first.fields);
    expect(again).toMatchObject({ target: '/live/a/index.m3u8?x=2', fields: first.fields });
    expect(recognisePlainGet(browser.replace('a.example', 'b.example'), 0, first.fields)).toMatchObject({
      fields: { host: 'b.example:8080' },
    });
  });

  it('waits for every beginning of a plain GET, and for no other', () => {
    for (let length = 0; length < browser.length; length++) {
      expect(recognisePlainGet(browser.slice(0, length), 0, undefined)).toBe('partial');
    }
    for (const text of ['P', 'GE ', 'GEX', 'GET *', 'GET h', 'get /', '\r\n', '\x16\x03\x01']) {
      expect([text, recognisePlainGet(text, 0, undefined)]).toEqual([text, 'unknown']);
    }
  });

  it.each([
    ['another method', 'HEAD / HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a method in small letters', 'get / HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['an absolute-form target', 'GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['HTTP/1.0', 'GET / HTTP/1.0\r\nHost: a\r\n\r\n'],
    ['HTTP/1.10', 'GET / HTTP/1.10\r\nHost: a\r\n\r\n'],
    ['HTTP/2.0', 'GET / HTTP/2.0\r\nHost: a\r\n\r\n'],
    ['no version', 'GET /\r\nHost: a\r\n\r\n'],
    ['two spaces before the target', 'GET  / HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['two spaces before the version', 'GET /  HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a space in the target', 'GET /a b HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a tab in the target', 'GET /a\tb HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a byte above 127 in the target', 'GET /\xe4 HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a NUL in the target', 'GET /a\0 HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a fragment', 'GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a backslash', 'GET /a\\b HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a bare LF behind the request line', 'GET / HTTP/1.1\nHost: a\r\n\r\n'],
    ['no Host', 'GET / HTTP/1.1\r\nAccept: */*\r\n\r\n'],
    ['no field at all', 'GET / HTTP/1.1\r\n\r\n\r\n'],
    ['an empty Host', 'GET / HTTP/1.1\r\nHost:\r\n\r\n'],
    ['a Host with a path', 'GET / HTTP/1.1\r\nHost: a/b\r\n\r\n'],
    ['a Host with a user', 'GET / HTTP/1.1\r\nHost: a@b\r\n\r\n'],
    ['two Hosts in one', 'GET / HTTP/1.1\r\nHost: a, b\r\n\r\n'],
    ['two Host fields', withField('hOST: a')],
    ['a field twice', withField('Accept: a\r\naccept: b')],
    ['an unknown field', withField('X-Original-URL: /b')],
    ['Content-Length: 0', withField('Content-Length: 0')],
    ['Transfer-Encoding', withField('Transfer-Encoding: chunked')],
    ['Connection: close', withField('Connection: close')],
    ['a Connection that names a field', withField('Connection: keep-alive, Accept')],
    ['Upgrade', withField('Upgrade: websocket')],
    ['Expect', withField('Expect: 100-continue')],
    ['Range', withField('Range: bytes=0-1')],
    ['If-None-Match', withField('If-None-Match: "a"')],
    ['Cache-Control', withField('Cache-Control: no-cache')],
    ['Authorization', withField('Authorization: Basic x')],
    ['an obsolete line fold', withField('Accept: a\r\n b')],
    ['a space before the colon', withField('Accept : a')],
    ['a field without a name', withField(': a')],
    ['a line without a colon', withField('Accept')],
    ['a NUL in a value', withField('Accept: a\0')],
    ['a tab in a value', withField('Accept: a\tb')],
    ['a bare CR in a value', withField('Accept: a\rb')],
    ['a bare LF in a value', withField('Accept: a\nX-A: b')],
    ['a byte above 127 in a value', withField('Accept: \xe4')],
  ])('leaves %s to the parser', (_what, head) => {
    expect(recognisePlainGet(head, 0, undefined)).toBe('unknown');
  });

  it('understands whatever it recognises as node:http does: method, target, every field, where it ends', async () => {
    const server = createServer((request, response) => {
      const { method, url, rawHeaders } = request;
      response.end(JSON.stringify({ method, url, rawHeaders }));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const ask = async (bytes: string): Promise<string> => {
      const socket = connect(port, '127.0.0.1').setEncoding('latin1');
      let answer = '';
      socket.on('data', (text: string) => (answer += text));
      // A second request behind it tells whether both end the first one at the same byte.
      socket.end(`${bytes}GET /second HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`, 'latin1');
      await once(socket, 'close');
      return answer;
    };
    let recognised = 0;
    const edits = fc.array(
      fc.record({
        at: fc.nat(browser.length - 1),
        cut: fc.nat(2),
        put: fc.constantFrom('', ' ', ':', '\r', '\n', '\r\n', '\0', '\t', 'a', '/', '?', '#', '%', 'Host: b\r\n', ','),
      }),
      { maxLength: 2 },
    );
    await fc.assert(
      fc.asyncProperty(edits, async (changes) => {
        const head = changes.reduce(
          (text, { at, cut, put }) => text.slice(0, at) + put + text.slice(at + cut),
          browser,
        );
        const get = recognisePlainGet(head, 0, undefined);
        if (typeof get === 'string') return;
        recognised++;
        const answer = await ask(head.slice(0, get.endsAt));
        const bodies = [...answer.matchAll(/\{"method".*\}/g)].map(
          ([body]) => JSON.parse(body) as { method: string; url: string; rawHeaders: string[] },
        );
        expect(bodies.map(({ method, url }) => [method, url])).toEqual([
          ['GET', get.target],
          ['GET', '/second'],
        ]);
        const { rawHeaders = [] } = bodies[0] ?? {};
        const seen = new Map<string, string | undefined>();
        for (let i = 0; i < rawHeaders.length; i += 2) seen.set(rawHeaders[i]?.toLowerCase() ?? '', rawHeaders[i + 1]);
        expect(seen.size).toBe(rawHeaders.length / 2);
        expect(get.fields).toMatchObject({
          host: seen.get('host'),
          userAgent: seen.get('user-agent'),
          referer: seen.get('referer'),
          acceptEncoding: seen.get('accept-encoding'),
          forwardedFor: seen.get('x-forwarded-for'),
        });
      }),
      { numRuns: 600 },
    );
    server.close();
    // Most changes spoil it, but not all: or this would show nothing.
    expect(recognised).toBeGreaterThan(50);
  });
});
