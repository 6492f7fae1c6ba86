import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { connect as connectPlain } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { edgeSchema } from '../../src/edge/settings.ts';
import { exchange, rawClient } from '../http/test-listener.ts';
import { makeCertificate } from '../support/certificates.ts';
import { eventually } from '../support/condition.ts';
import { proxyBinary, proxyBinaryOf, proxyLine } from '../support/proxy-headers.ts';
import { withoutSharedReading } from '../support/without-shared-reading.ts';
import { startTestEdge, startTestOrigin, type TestEdge } from './test-edge.ts';

const ask = (fields: readonly string[] = []): string =>
  `GET /a HTTP/1.1\r\n${['Host: a.example', ...fields].join('\r\n')}\r\nConnection: close\r\n\r\n`;
/** Stays on the fast path, which knows no `Connection: close`. */
const askOn = (fields: readonly string[] = []): string =>
  `GET /a HTTP/1.1\r\n${['Host: a.example', ...fields].join('\r\n')}\r\n\r\n`;

type EdgeInput = NonNullable<Parameters<typeof startTestEdge>[2]>;

/** An edge and what its log says of viewers. */
async function startEdge(settings: EdgeInput) {
  const folder = mkdtempSync(join(tmpdir(), 'streamfront-proxies-'));
  const stack = new AsyncDisposableStack();
  stack.defer(() => rmSync(folder, { recursive: true }));
  const origin = stack.use(
    await startTestOrigin((_request, response) => {
      response.writeHead(200, { 'Cache-Control': 'max-age=60' }).end('the body');
    }),
  );
  const edge = await startTestEdge(origin.url, {}, { accessLog: { folder }, ...settings });
  /** `c-ip` and `c-port` of every request. */
  const logged = async (): Promise<string[]> => {
    await edge.close();
    return readdirSync(folder)
      .flatMap((file) => readFileSync(join(folder, file), 'latin1').split('\n'))
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => line.split('\t'))
      .map((fields) => `${fields[4]} ${fields[26]}`);
  };
  return { origin, edge, folder, logged, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

const refusals = ({ log }: TestEdge): unknown[] =>
  log.lines.map(({ fields }) => fields['code']).filter((code) => String(code).startsWith('PROXY_'));

const here = ['127.0.0.0/8'];

describe('X-Forwarded-For', () => {
  it('counts from the right through trusted proxies, on the fast path and off it', async () => {
    await using house = await startEdge({ trustedProxies: [...here, '10.0.0.0/8'] });
    const { edge, origin } = house;
    const chains = [
      'X-Forwarded-For: 203.0.113.7',
      'X-Forwarded-For: 198.51.100.1, 203.0.113.7, 10.1.2.3',
      'X-Forwarded-For: 203.0.113.7:1024',
      'X-Forwarded-For: 10.0.0.1, [2001:db8::7]:443, 10.9.9.9,',
      'X-Forwarded-For: 10.0.0.1, 10.0.0.2',
      'X-Forwarded-For: unknown',
      'X-Forwarded-For: 203.0.113.9, unknown, 10.1.1.1',
    ];
    const client = rawClient(edge.httpPort);
    for (const [i, chain] of chains.entries()) {
      client.socket.write(askOn([chain]));
      await eventually('an answer', () => client.text().split('the body').length === i + 2);
    }
    expect(edge.stats().quickHits).toBe(chains.length - 1);
    for (const chain of chains) await exchange(edge.httpPort, ask([chain, 'X-Unknown: 1']));
    expect(origin.requests[0]?.headers['x-forwarded-for']).toBe('203.0.113.7, 127.0.0.1');
    const addresses = (await house.logged()).map((line) => line.split(' ')[0]);
    const expected = ['203.0.113.7', '203.0.113.7', '203.0.113.7', '2001:db8::7', '10.0.0.1', '127.0.0.1', '10.1.1.1'];
    expect(addresses).toEqual([...expected, ...expected]);
  });

  it('counts for nothing from anybody else', async () => {
    await using house = await startEdge({ trustedProxies: ['10.0.0.0/8'] });
    await exchange(house.edge.httpPort, ask(['X-Forwarded-For: 203.0.113.7']));
    expect((await house.logged())[0]).toMatch(/^127\.0\.0\.1 \d+$/);
  });
});

describe('the PROXY protocol over HTTP', () => {
  const settings: EdgeInput = { trustedProxies: here, proxyProtocol: ['http'] };
  const headers: [string, Buffer, string][] = [
    ['version 1', Buffer.from(proxyLine('203.0.113.7', 1024)), '203.0.113.7 1024'],
    ['version 1 of IPv6', Buffer.from(proxyLine('2001:db8::7', 1024)), '2001:db8::7 1024'],
    ['version 2', proxyBinary('203.0.113.7', 1024), '203.0.113.7 1024'],
    ['version 2 of IPv6 with more behind', proxyBinary('2001:db8::7', 1024, Buffer.alloc(90)), '2001:db8::7 1024'],
    ['a word of the proxy itself', proxyBinaryOf(0x20, 0, Buffer.alloc(0)), '127.0.0.1'],
  ];

  it.each(headers)(
    'says by %s whose a connection is, at once with a request or byte by byte',
    async (_what, header, client) => {
      await using house = await startEdge(settings);
      const { edge, origin } = house;
      const atOnce = rawClient(edge.httpPort);
      atOnce.socket.write(Buffer.concat([header, Buffer.from(askOn())]));
      await eventually('an answer', () => atOnce.text().includes('the body'));
      atOnce.socket.write(askOn());
      await eventually('another', () => atOnce.text().split('the body').length === 3);
      expect(edge.stats().quickHits).toBe(1);
      const slowly = rawClient(edge.httpPort);
      for (const byte of header) {
        await new Promise((resolve) => slowly.socket.write(Buffer.from([byte]), resolve));
      }
      slowly.socket.write(ask(['X-Unknown: 1']));
      expect(await slowly.closed()).toContain('the body');
      expect(origin.requests[0]?.headers['x-forwarded-for']).toBe(client.split(' ')[0]);
      const lines = await house.logged();
      expect(lines).toHaveLength(3);
      for (const line of lines) expect(line).toMatch(new RegExp(`^${client}`));
    },
  );

  it('works without what Node does not promise', async () => {
    using _without = withoutSharedReading();
    await using house = await startEdge(settings);
    const answer = await exchange(house.edge.httpPort, `${proxyLine('203.0.113.7', 9)}${ask()}`);
    expect(answer).toContain('the body');
    expect(await house.logged()).toEqual(['203.0.113.7 9']);
  });

  it('is followed by the whole of what comes, the end with it', async () => {
    await using house = await startEdge(settings);
    const header = proxyLine('203.0.113.7', 9);
    await exchange(house.edge.httpPort, `${header}${ask()}`);
    const client = rawClient(house.edge.httpPort);
    client.socket.end(`${header}${askOn()}`);
    expect(await client.closed()).toContain('the body');
    expect(house.edge.stats().quickHits).toBe(1);
  });

  it('leads on to the proxies behind it', async () => {
    await using house = await startEdge({ ...settings, trustedProxies: [...here, '10.0.0.0/8'] });
    const fields = ['X-Forwarded-For: 203.0.113.7'];
    await exchange(house.edge.httpPort, `${proxyLine('10.0.0.9', 9)}${ask(fields)}`);
    await exchange(house.edge.httpPort, `${proxyLine('192.0.2.9', 9)}${ask(fields)}`);
    expect(house.origin.requests[0]?.headers['x-forwarded-for']).toBe('203.0.113.7, 10.0.0.9');
    expect(await house.logged()).toEqual(['203.0.113.7 -', '192.0.2.9 9']);
  });

  it('is wanted from a trusted proxy, and the log says what is wrong', async () => {
    await using house = await startEdge(settings);
    const { edge } = house;
    expect(await exchange(edge.httpPort, ask())).toBe('');
    expect(await exchange(edge.httpPort, 'PROXY TCP4 here there 1 2\r\n')).toBe('');
    expect(refusals(edge)).toEqual(['PROXY_HEADER_MISSING', 'PROXY_HEADER_BROKEN']);
    // What checks whether the port is open has said nothing wrong.
    connectPlain(edge.httpPort, '127.0.0.1').end();
    expect(await exchange(edge.httpPort, `${proxyLine('203.0.113.7', 9)}${ask()}`)).toContain('the body');
    expect(refusals(edge)).toHaveLength(2);
  });

  it('is refused from anybody else, who is served without it', async () => {
    await using house = await startEdge({ ...settings, trustedProxies: ['10.0.0.0/8'] });
    const { edge } = house;
    expect(await exchange(edge.httpPort, `${proxyLine('203.0.113.7', 9)}${ask()}`)).toBe('');
    expect(await exchange(edge.httpPort, ask())).toContain('the body');
    expect(refusals(edge)).toEqual(['PROXY_HEADER_UNTRUSTED']);
  });

  it('is nothing special at other listeners', async () => {
    await using house = await startEdge({ ...settings, proxyProtocol: ['rtmp'] });
    expect(await exchange(house.edge.httpPort, `${proxyLine('203.0.113.7', 9)}${ask()}`)).toMatch(/^HTTP\/1\.1 400 /);
    expect(await exchange(house.edge.httpPort, ask())).toContain('the body');
  });
});

describe('the PROXY protocol over HTTPS', () => {
  it('comes before the handshake', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'streamfront-proxied-tls-'));
    try {
      const files = await makeCertificate(folder, 'edge');
      await using house = await startEdge({
        https: { port: 0, ...files },
        trustedProxies: here,
        proxyProtocol: ['https'],
      });
      const port = house.edge.httpsPort ?? 0;
      const fetchOver = (header: Buffer, fields: string[]): Promise<string> =>
        new Promise((resolve) => {
          const below = connectPlain(port, '127.0.0.1', () => {
            below.write(header);
            const socket = connectTls({ socket: below, ca: readFileSync(files.certificate), servername: 'localhost' });
            let text = '';
            socket.setEncoding('latin1').on('data', (piece: string) => (text += piece));
            socket.on('close', () => resolve(text)).on('error', () => {});
            socket.write(ask(fields));
          });
        });
      expect(await fetchOver(Buffer.from(proxyLine('203.0.113.7', 9)), [])).toContain('the body');
      expect(await fetchOver(proxyBinary('127.0.0.1', 8), ['X-Forwarded-For: 203.0.113.8'])).toContain('the body');
      expect(await fetchOver(Buffer.alloc(0), [])).toBe('');
      expect(refusals(house.edge)).toEqual(['PROXY_HEADER_MISSING']);
      expect(await house.logged()).toEqual(['203.0.113.7 9', '203.0.113.8 -']);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('the PROXY protocol over RTMP', () => {
  it('says whose a connection is, within the time for the handshake', async () => {
    await using house = await startEdge({ trustedProxies: here, proxyProtocol: ['rtmp'] });
    const { edge } = house;
    const silent = rawClient(edge.rtmpPort);
    await eventually('a connection', () => edge.stats().live.listeners.rtmp.connections === 1);
    edge.clock.advance(5_000);
    await silent.closed();
    await exchange(edge.rtmpPort, 'GET / HTTP/1.1\r\n\r\n');
    await exchange(edge.rtmpPort, `${proxyLine('203.0.113.7', 9)}\x06${'.'.repeat(1_536)}`);
    const { closed } = edge.stats().live.listeners.rtmp;
    expect(Object.keys(closed).slice(0, 2)).toEqual(['PROXY_HEADER_TIMEOUT', 'PROXY_HEADER_MISSING']);
    expect(edge.log.lines.filter(({ fields }) => fields['peer'] === '203.0.113.7:9')).not.toEqual([]);
  });
});

describe('the settings', () => {
  it.each([
    [{ trustedProxies: ['10.0.0.0/40'] }, 'must be an address or a range such as 10.0.0.0/8 or 2001:db8::/32'],
    [
      { proxyProtocol: ['http'] as const },
      'nobody may send a PROXY header: edge.trustedProxies says from where they may come',
    ],
    [
      { trustedProxies: ['10.0.0.0/8'], proxyProtocol: ['rtmps'] as const },
      'there is no such listener: edge.rtmps is not set',
    ],
  ])('do not let %j through', (settings, message) => {
    const { error } = edgeSchema.safeParse(settings);
    expect(error?.issues.map((issue) => issue.message)).toEqual([message]);
  });
});
