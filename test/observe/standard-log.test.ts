import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Exchange } from '../../src/observe/exchange.ts';
import { redactQuery, redactUrl } from '../../src/observe/log-redaction.ts';
import { standardLogHeader, StandardLogLines } from '../../src/observe/standard-log.ts';

const plain: Exchange = {
  endedWallMs: Date.UTC(2026, 10, 20, 14, 5, 9, 999),
  durationMs: 12.4,
  firstByteMs: 1.6,
  client: { address: '192.0.2.7', port: 50_123, tls: undefined },
  method: 'GET',
  target: '/live/a b.m3u8?x=1',
  fields: { host: 'a.example', referer: undefined, userAgent: 'An Agent (x; "y")', forwardedFor: undefined },
  requestBytes: 77,
  requestId: 'id-1',
  status: 200,
  result: 'Hit',
  whole: true,
  sentBytes: 1_234,
  contentType: 'text/html; charset=utf-8',
  contentLength: '1000',
  contentRange: undefined,
};

const names = (/#Fields: (.*)\n/.exec(standardLogHeader)?.[1] ?? '').split(' ');

const page = Buffer.alloc(16_384);

/** What is written for it, not at the beginning of a page. */
function textOf(exchange: Exchange, lines = new StandardLogLines('local')): string {
  page.fill('?');
  const end = lines.write(exchange, page, 11, page.length - 11);
  expect(page.toString('latin1', end)).toMatch(/^\?*$/);
  return page.toString('latin1', 11, end);
}

function lineOf(exchange: Partial<Exchange>, lines = new StandardLogLines('local')): Record<string, string> {
  const line = textOf({ ...plain, ...exchange }, lines);
  expect(line.endsWith('\n')).toBe(true);
  const values = line.slice(0, -1).split('\t');
  expect(values).toHaveLength(33);
  return Object.fromEntries(names.map((name, index) => [name, values[index] ?? '']));
}

describe('StandardLogLines', () => {
  it('names 33 fields', () => {
    expect(standardLogHeader.split('\n')[0]).toBe('#Version: 1.0');
    expect(new Set(names).size).toBe(33);
  });

  it('writes each field where CloudFront has it', () => {
    expect(lineOf({})).toEqual({
      date: '2026-11-20',
      time: '14:05:09',
      'x-edge-location': 'local',
      'sc-bytes': '1234',
      'c-ip': '192.0.2.7',
      'cs-method': 'GET',
      'cs(Host)': 'a.example',
      'cs-uri-stem': '/live/a%20b.m3u8',
      'sc-status': '200',
      'cs(Referer)': '-',
      'cs(User-Agent)': 'An%20Agent%20(x;%20%22y%22)',
      'cs-uri-query': 'x=1',
      'cs(Cookie)': '-',
      'x-edge-result-type': 'Hit',
      'x-edge-request-id': 'id-1',
      'x-host-header': 'a.example',
      'cs-protocol': 'http',
      'cs-bytes': '77',
      'time-taken': '0.012',
      'x-forwarded-for': '-',
      'ssl-protocol': '-',
      'ssl-cipher': '-',
      'x-edge-response-result-type': 'Hit',
      'cs-protocol-version': 'HTTP/1.1',
      'fle-status': '-',
      'fle-encrypted-fields': '-',
      'c-port': '50123',
      'time-to-first-byte': '0.002',
      'x-edge-detailed-result-type': 'Hit',
      'sc-content-type': 'text/html;%20charset=utf-8',
      'sc-content-len': '1000',
      'sc-range-start': '-',
      'sc-range-end': '-',
    });
  });

  it('tells TLS, ranges, and answers that broke off or never came', () => {
    const tls = { protocol: 'TLSv1.3', cipher: 'TLS_AES_128_GCM_SHA256' };
    expect(
      lineOf({ client: { ...plain.client, tls }, contentRange: 'bytes 10-19/100', status: 206, whole: false }),
    ).toMatchObject({
      'cs-protocol': 'https',
      'ssl-protocol': 'TLSv1.3',
      'ssl-cipher': 'TLS_AES_128_GCM_SHA256',
      'sc-range-start': '10',
      'sc-range-end': '19',
      'x-edge-result-type': 'Error',
      'x-edge-response-result-type': 'Hit',
      'x-edge-detailed-result-type': 'ClientCommError',
    });
    expect(lineOf({ status: 0, whole: false, result: 'Error', firstByteMs: undefined })).toMatchObject({
      'sc-status': '000',
      'time-to-first-byte': '-',
      'x-edge-detailed-result-type': 'ClientHungUpRequest',
    });
  });

  it('does not take the fields of one request of a client for those of the next', () => {
    const lines = new StandardLogLines('local');
    lineOf({}, lines);
    const fields = { ...plain.fields, host: 'b.example', referer: 'https://c.example/' };
    expect(lineOf({ fields }, lines)).toMatchObject({ 'cs(Host)': 'b.example', 'cs(Referer)': 'https://c.example/' });
    expect(lineOf({ client: { ...plain.client, address: '192.0.2.8' } }, lines)).toMatchObject({ 'c-ip': '192.0.2.8' });
  });

  it('writes the same of an answer that comes often, and of each what is its own', () => {
    const lines = new StandardLogLines('local');
    const answers: Partial<Exchange>[] = [
      {},
      { status: 304 },
      { result: 'Miss' },
      { whole: false },
      { contentType: undefined },
      { contentLength: '7' },
      { contentRange: 'bytes 1-2/3' },
      { target: '/other' },
      { target: `/${'long'.repeat(500)}` },
      { method: 'HEAD' },
      { requestId: undefined },
      { fields: { ...plain.fields } },
    ];
    for (let times = 0; times < 4; times++) {
      for (const answer of answers) {
        for (let again = 0; again < times; again++) expect(lineOf(answer, lines)).toEqual(lineOf(answer));
      }
    }
  });

  it('keeps apart more targets than it keeps pieces of', () => {
    const lines = new StandardLogLines('local');
    for (let i = 0; i < 6_000; i++) {
      const stem = `/live/a/${i % 2_000}.m4s`;
      const text = textOf({ ...plain, target: stem, sentBytes: i }, lines);
      expect(text.split('\t').slice(3, 8)).toEqual([String(i), '192.0.2.7', 'GET', 'a.example', stem]);
    }
  });

  it('writes numbers as they are', () => {
    const numbers = fc.nat({ max: Number.MAX_SAFE_INTEGER });
    fc.assert(
      fc.property(numbers, numbers, fc.nat(100_000_000), (sentBytes, requestBytes, ms) => {
        expect(lineOf({ sentBytes, requestBytes, durationMs: ms, firstByteMs: ms / 1_000 })).toMatchObject({
          'sc-bytes': String(sentBytes),
          'cs-bytes': String(requestBytes),
          'time-taken': (ms / 1_000).toFixed(3),
        });
      }),
    );
  });

  it('writes nothing where there may be no room', () => {
    const lines = new StandardLogLines('local');
    const { length } = textOf(plain, lines);
    const small = Buffer.alloc(length + 200);
    expect(lines.write(plain, small, 3, length - 1)).toBe(3);
    expect(small.every((byte) => byte === 0)).toBe(true);
    expect(lines.write(plain, small, 3, length + 128)).toBe(3 + length);
  });

  it('writes 33 fields and one line whatever bytes a viewer sends', () => {
    const bytes = fc.string({ unit: fc.nat(255).map((code) => String.fromCharCode(code)) });
    fc.assert(
      fc.property(bytes, bytes, bytes, bytes, (target, host, userAgent, method) => {
        const fields = { host, referer: target, userAgent, forwardedFor: host };
        const line = lineOf({ target: `/${target}`, method, fields });
        for (const value of Object.values(line)) expect(value).toMatch(/^[!-~]+$/);
      }),
    );
  });
});

describe('secrets', () => {
  it.each([
    ['Expires=1&Signature=abc~&Key-Pair-Id=K1', 'Expires=1&Signature=REDACTED&Key-Pair-Id=K1'],
    ['Policy=eyJ&x=1', 'Policy=REDACTED&x=1'],
    [
      'X-Amz-Signature=a&X-Amz-Security-Token=b&X-Amz-Credential=c&X-Amz-Date=d',
      'X-Amz-Signature=REDACTED&X-Amz-Security-Token=REDACTED&X-Amz-Credential=REDACTED&X-Amz-Date=d',
    ],
    ['key=k', 'key=REDACTED'],
    ['KEY=k', 'KEY=REDACTED'],
    ['streamKey=k&a=b', 'streamKey=REDACTED&a=b'],
    ['access_token=a=b', 'access_token=REDACTED'],
    ['%6Bey=k', '%6Bey=REDACTED'],
    ['api%5Fkey=k', 'api%5Fkey=REDACTED'],
    ['password=&x', 'password=REDACTED&x'],
    ['hdnts=exp=1~hmac=2', 'hdnts=REDACTED'],
    ['wowzatokenhash=a&PHPSESSID=b&session_id=c', 'wowzatokenhash=REDACTED&PHPSESSID=REDACTED&session_id=REDACTED'],
    ['_HLS_msn=4&_HLS_part=1', '_HLS_msn=4&_HLS_part=1'],
    ['keyframe=1&author=me&monkeys=2', 'keyframe=1&author=me&monkeys=2'],
    ['flag', 'flag'],
    ['', ''],
  ])('redactQuery: %s', (query, expected) => {
    expect(redactQuery(query)).toBe(expected);
  });

  it('redactUrl cuts out what a Referer should not say', () => {
    expect(redactUrl('https://me:pass@a.example/p?token=t&x=1')).toBe('https://a.example/p?token=REDACTED&x=1');
    expect(redactUrl('https://a.example/p')).toBe('https://a.example/p');
  });

  it('are not in a line, wherever they came', () => {
    const fields = { ...plain.fields, referer: 'https://u:hunter2@a.example/?Signature=hunter2' };
    const line = textOf({ ...plain, target: '/a?key=hunter2', fields });
    expect(line).not.toContain('hunter2');
    expect(textOf({ ...plain, target: 'http://u:hunter2@a.example/a' })).not.toContain('hunter2');
  });
});
