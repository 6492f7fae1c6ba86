import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/cli/system-clock.ts';
import { startEdge } from '../../src/edge/edge.ts';
import { edgeSchema } from '../../src/edge/settings.ts';
import { amf0Object } from '../../src/formats/amf0/value.ts';
import { logTo } from '../../src/observe/log.ts';
import { startOrigin } from '../../src/origin/origin.ts';
import { originSchema } from '../../src/origin/settings.ts';
import { get, startTestOrigin } from '../edge/test-edge.ts';
import { RawConnection } from '../rtmp/raw-connection.ts';
import { eventually } from '../support/condition.ts';
import { grantSigner, trusting } from '../support/grant-signer.ts';

/** Each secret holds this word and a name of its own, so that one that is found says where it came from. */
const word = 'S3CRET';
const secret = (name: string): string => `${word}-${name}-0123456789-0123456789-0123456789`;

/** What a viewer may send, all of it: parameters, cookies, Authorization, Referer. */
const viewerQuery = ['Signature', 'Policy', 'token', 'key', 'X-Amz-Signature', 'Grant-Token', 'access%5Ftoken']
  .map((name) => `${name}=${secret(`query-${name.replaceAll('%', '')}`)}`)
  .join('&');
const viewerFields = {
  Cookie: `CloudFront-Signature=${secret('cookie')}; CloudFront-Policy=${secret('cookie')}; session=${secret('cookie')}`,
  Authorization: `Bearer ${secret('authorization')}`,
  Referer: `https://me:${secret('referer')}@a.example/?${viewerQuery}`,
};

/** The answer to a request that is written by hand. */
async function rawRequest(port: number, text: string): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.end(text);
  return (await socket.toArray()).join('');
}

async function tryRtmp(port: number, tcUrl: string, app: string, command: string, name: string): Promise<string> {
  const connection = await RawConnection.at('handshaken', port);
  connection.sendCommand('connect', 1, amf0Object({ app, tcUrl }));
  await eventually('an answer to connect', () => connection.closed || connection.statuses().length > 0);
  if (!connection.closed) {
    connection.sendCommand('createStream', 4, null, []);
    connection.sendCommand(command, 5, null, [name, 'live'], 1);
    const answer = ({ level, code }: { level: string; code: string }) =>
      level === 'error' || code === 'NetStream.Publish.Start';
    await eventually('an answer', () => connection.closed || connection.statuses().some(answer));
  }
  connection.destroy();
  return JSON.stringify(connection.statuses());
}

describe('secrets', () => {
  it('are in no log, no error, no figure and no answer, whatever way a request goes', async () => {
    await using stack = new AsyncDisposableStack();
    const folder = mkdtempSync(join(tmpdir(), 'streamfront-secrets-'));
    stack.defer(() => rmSync(folder, { recursive: true, force: true }));
    const file = (name: string): string => {
      const path = join(folder, name);
      writeFileSync(path, secret(name));
      chmodSync(path, 0o600);
      return path;
    };
    let lines = '';
    const log = logTo({ write: (line) => (lines += line) }, 'debug');
    const surroundings = { clock: systemClock, log, environment: { FROM_ENVIRONMENT: secret('environment') } };

    const secrets = [{ file: file('edge-secret') }, { env: 'FROM_ENVIRONMENT' }];
    const origin = await startOrigin(
      originSchema.parse({
        http: { port: 0 },
        rtmp: { port: 0 },
        live: {
          keep: 'memory',
          restream: [
            { stream: 'live/*', to: `rtmp://127.0.0.1:1/live/${secret('restream')}?auth=${secret('restream')}` },
          ],
        },
        access: { kind: 'signed', secrets },
        publish: {
          auth: 'key',
          keys: [{ key: secret('edge-stream-key') }],
          hook: {
            url: `http://127.0.0.1:1/hook?token=${secret('hook-url')}`,
            secret: secret('hook-secret'),
            onFailure: 'open',
          },
        },
      }),
      { ...surroundings, siteDirectory: undefined },
    );
    stack.defer(() => origin.close());
    /** It repeats what it was asked, breaks off, or talks nonsense. */
    const other = await startTestOrigin((request, response) => {
      const { url = '' } = request;
      if (url.includes('/break')) response.writeHead(200, { 'Content-Length': 100 }).write('beginning');
      if (url.includes('/break')) setTimeout(() => response.destroy(), 20);
      else if (url.includes('/nonsense')) request.socket.end(`HTTP/1.1 ${secret('nonsense')} ???\r\n\r\n`);
      else response.writeHead(404, { 'Set-Cookie': 'a=b' }).end('nothing');
    });
    stack.use(other);

    const viewers = grantSigner('ec', 'KVIEW');
    const rtmp = `rtmp://127.0.0.1:${origin.rtmpPort}?key=${secret('edge-stream-key')}`;
    const headers = { 'X-Verify': { file: file('header-file') }, Authorization: `Basic ${secret('header-text')}` };
    const edge = await startEdge(
      edgeSchema.parse({
        http: { port: 0 },
        rtmp: { port: 0 },
        accessLog: { folder: join(folder, 'log') },
        ...trusting({ viewers: [viewers] }),
        origins: {
          main: { url: `http://127.0.0.1:${origin.httpPort}`, rtmp, sign: { secrets } },
          other: { url: other.url, headers },
          wrong: {
            url: `http://127.0.0.1:${origin.httpPort}`,
            sign: { secrets: [{ file: file('wrong-secret') }] },
          },
          gone: { url: 'http://127.0.0.1:1', connectAttempts: 1, headers },
        },
        publish: { auth: 'key', keys: [{ key: secret('encoder-key') }] },
        distributions: [
          {
            name: 'site',
            behaviours: [
              { path: '/signed/*', origin: 'other', trustedKeyGroups: ['viewers'] },
              { path: '/wrong/*', origin: 'wrong', query: 'all' },
              { path: '/gone/*', origin: 'gone', query: 'all', methods: 'all' },
              { path: '/live/*', query: 'all' },
              { path: '*', origin: 'other', query: 'all', methods: 'all' },
            ],
          },
        ],
        streaming: [
          {
            name: 'live',
            behaviours: [{ stream: 'live/signed*', trustedKeyGroups: ['viewers'] }, { stream: 'live/*' }],
          },
        ],
      }),
      { ...surroundings, dataFolder: folder },
    );
    let closing: Promise<void> | undefined;
    const closeEdge = () => (closing ??= edge.close());
    stack.defer(closeEdge);

    const told: string[] = [];
    const ask = async (port: number, path: string, fields: Record<string, string> = {}, method = 'GET') => {
      try {
        const { status, text, headers: answered } = await get(port, path, { ...viewerFields, ...fields }, method);
        told.push(`${status} ${JSON.stringify(answered)} ${text}`);
        return status;
      } catch {
        return 0;
      }
    };
    const statuses: Record<string, number> = {};
    for (const path of [
      '/live/streams.json',
      '/signed/a',
      '/wrong/a',
      '/gone/a',
      '/break/a',
      '/nonsense/a',
      '/a',
      '/live/signed.flv',
      '/live/none.flv',
      '/edge',
      '/healthz',
    ]) {
      statuses[path] = await ask(edge.httpPort, `${path}?${viewerQuery}`);
    }
    expect(statuses).toMatchObject({
      '/live/streams.json': 200,
      '/signed/a': 403,
      '/wrong/a': 502,
      '/gone/a': 502,
      '/nonsense/a': 502,
      '/a': 404,
      '/live/signed.flv': 403,
      '/live/none.flv': 404,
    });
    await ask(edge.httpPort, `/a?${viewerQuery}`, {}, 'PUT');
    await ask(edge.httpPort, `/gone/a?${viewerQuery}`, {}, 'DELETE');
    const upgrade = { Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13' };
    await ask(edge.httpPort, `/live/none.flv?${viewerQuery}`, { ...upgrade, 'Sec-WebSocket-Key': 'x'.repeat(24) });
    told.push(
      await rawRequest(
        edge.httpPort,
        `GET http://me:${secret('absolute-form')}@a.example/a?${viewerQuery} HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n`,
      ),
      await rawRequest(
        edge.httpPort,
        `GET /a?${viewerQuery} HTTP/1.1\r\nHost: a\r\nCookie ${secret('broken')}\r\n\r\n`,
      ),
    );
    const wrong = { 'Signature-Input': secret('input'), Signature: secret('signature') };
    expect(await ask(origin.httpPort, `/live/streams.json?${viewerQuery}`, wrong)).toBe(403);
    edge.invalidations.create({ distribution: 'site', items: [`/a?${viewerQuery}`] });

    const rtmpPort = edge.rtmpPort;
    const tcUrl = `rtmp://127.0.0.1:${rtmpPort}/live?${viewerQuery}`;
    for (const [app, command, name] of [
      ['live', 'publish', `one?key=${secret('wrong-key')}`],
      ['live', 'publish', `one?key=${secret('encoder-key')}`],
      ['live', 'publish', secret('encoder-key')],
      [`live?${viewerQuery}`, 'publish', 'one'],
      ['live', 'play', `signed?${viewerQuery}`],
      ['live', 'play', `none?${viewerQuery}`],
      [`nowhere?${viewerQuery}`, 'play', 'none'],
    ] as const) {
      told.push(await tryRtmp(rtmpPort, tcUrl, app, command, name));
      told.push(await tryRtmp(origin.rtmpPort, tcUrl, app, command, name));
    }

    const expected = [
      'ORIGIN_REFUSES_EDGE',
      'ORIGIN_SIGNATURE_WRONG',
      'ORIGIN_INVALID',
      'ORIGIN_REFUSED',
      'invalidated',
      'PUBLISH_KEY_WRONG',
      'PUBLISH_HOOK_FAILED',
      'RESTREAM_FAILED',
      'PUBLISH_NAME_IS_KEY',
    ];
    await eventually('each of the ways has its line', () => expected.every((code) => lines.includes(code)));
    const figures = JSON.stringify(edge.stats());
    await closeEdge();
    const logged = readdirSync(join(folder, 'log')).map((name) => readFileSync(join(folder, 'log', name), 'utf8'));
    expect(logged.join()).toContain('Signature=REDACTED');
    const found = (text: string) => [...new Set(text.match(/S3CRET-[A-Za-z-]+/g))];
    expect({
      log: found(lines),
      accessLog: found(logged.join()),
      figures: found(figures),
      told: found(told.join()),
    }).toEqual({
      log: [],
      accessLog: [],
      figures: [],
      told: [],
    });
  });
});
