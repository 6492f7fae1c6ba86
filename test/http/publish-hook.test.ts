import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/cli/system-clock.ts';
import { PublishAuthority, type PublishPermitted } from '../../src/http/publish-authority.ts';
import { webhookSignature } from '../../src/http/signed-post.ts';
import type { PublishRequest } from '../../src/policy/publish-request.ts';
import { publishSchema } from '../../src/policy/publish-settings.ts';
import { eventually } from '../support/condition.ts';
import { type HookServer, startHookServer } from '../support/hook-server.ts';
import { LogRecorder } from '../support/log-recorder.ts';

const secret = 'the-secret-of-the-hook';

let hook: HookServer;
let log: LogRecorder;
let opened: PublishAuthority[];

beforeEach(async () => {
  hook = await startHookServer();
  log = new LogRecorder();
  opened = [];
});

afterEach(async () => {
  hook.reply = () => ({ status: 200 });
  await Promise.all(opened.map((authority) => authority.close()));
  await hook.close();
});

type Auth = 'loopback' | 'key' | 'hook' | 'none';

function authority(
  auth: Auth = 'hook',
  more: { onFailure?: 'open' | 'closed'; timeout?: string; url?: string } = {},
): PublishAuthority {
  const keys = [{ stream: 'live/*', key: 'configured-key' }];
  const settings = publishSchema.parse({ auth, keys, hook: { url: hook.url, secret, onFailure: 'closed', ...more } });
  const made = new PublishAuthority(settings, { clock: systemClock, log });
  opened.push(made);
  return made;
}

function attempt(streamName: string, app = 'live'): PublishRequest {
  const tcUrl = 'rtmp://127.0.0.1/live?room=7&key=in-the-url';
  return { app, tcUrl, streamName, peerAddress: '::ffff:192.0.2.7', peerPort: 4_711, encoder: 'obs' };
}

const never = new AbortController().signal;

async function admitted(authority: PublishAuthority, streamName: string): Promise<PublishPermitted> {
  const permission = await authority.authorize(attempt(streamName), never);
  if (permission.kind !== 'admitted') throw new Error(permission.sentence);
  return permission;
}

describe('webhookSignature', () => {
  it('agrees with the vector of Standard Webhooks', () => {
    const signature = webhookSignature(
      'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
      'msg_p5jXN8AQM9LWM0D4loKWxJek',
      1_614_265_330,
      '{"test": 2432232314}',
    );
    expect(signature).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
  });
});

describe('the verifying function of docs/publish-hook.md', () => {
  it('believes what is sent, and neither a changed body, an old one, nor one sent again', async () => {
    const page = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'publish-hook.md'), 'utf8');
    const snippet = /```js\n([^]*?)```/.exec(page)?.[1] ?? '';
    const module = (await import(`data:text/javascript,${encodeURIComponent(snippet)}`)) as {
      readonly verifyPublishHook: (headers: object, body: string, secret: string, nowSeconds?: number) => unknown;
    };
    await authority().authorize(attempt('stage?key=some-key'), never);
    const { headers, body, event } = hook.requests[0] ?? { headers: {}, body: '', event: undefined };
    const verify = module.verifyPublishHook;
    expect(() => verify(headers, body.replace('stage', 'other'), secret)).toThrow('wrong signature');
    expect(() => verify(headers, body, 'another-secret-of-it')).toThrow('wrong signature');
    expect(() => verify({ ...headers, 'webhook-timestamp': '1' }, body, secret)).toThrow('too old');
    expect(() => verify({}, body, secret)).toThrow();
    expect(() => verify(headers, body, secret, Date.now() / 1_000 + 301)).toThrow('too old');
    expect(verify(headers, body, secret)).toEqual(event);
    expect(() => verify(headers, body, secret)).toThrow('sent again');
  });
});

describe('PublishAuthority with a hook', () => {
  it('tells it who wants to publish what, and the key only where the hook decides about it', async () => {
    await admitted(authority('hook'), 'stage?key=their%2Dkey&event=4%202');
    await admitted(authority('none'), 'stage?event=1&key=configured-key');
    const [byHook, byNone] = hook.requests;
    expect(byHook).toMatchObject({ method: 'POST', url: '/may-publish?tenant=1' });
    expect(byHook?.headers['content-type']).toBe('application/json');
    expect(byHook?.event).toEqual({
      event: 'publish',
      id: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string,
      path: 'live/stage',
      peer: { address: '192.0.2.7', port: 4_711 },
      encoder: 'obs',
      parameters: { event: '4 2', room: '7' },
      credential: null,
      key: 'their%2Dkey',
    });
    expect(byNone?.event).toMatchObject({ credential: 'key 1', parameters: { event: '1', room: '7' } });
    expect(byNone?.body).not.toContain('configured-key');
    expect(byNone?.body).not.toContain('in-the-url');
  });

  it.each<[Auth, string]>([
    ['key', 'stage?key=another-key-then'],
    ['hook', 'a b?key=whatever-it-is'],
    ['hook', 'configured-key'],
  ])('with auth %s does not ask about %s, which the settings refuse', async (auth, streamName) => {
    expect(await authority(auth).authorize(attempt(streamName), never)).toMatchObject({ kind: 'refused' });
    expect(hook.requests).toEqual([]);
  });

  it('names the credential as the hook does; else by the configured key; else by the key that was sent', async () => {
    const deciding = authority('hook');
    hook.reply = ({ key }) => ({ status: 200, body: key === 'named-by-it' ? '{"credential":"user-7"}' : '' });
    expect((await admitted(deciding, 'a?key=named-by-it')).credential).toBe('hook: user-7');
    expect((await admitted(deciding, 'a?key=configured-key')).credential).toBe('key 1');
    const one = (await admitted(deciding, 'a?key=first-key')).credential;
    expect((await admitted(deciding, 'a?key=first-key')).credential).toBe(one);
    expect((await admitted(deciding, 'a?key=other-key')).credential).not.toBe(one);
    expect((await admitted(deciding, 'b?key=first-key')).credential).not.toBe(one);
    expect(one).not.toContain('first-key');
  });

  it('refuses with the words of a 4xx, without the key if the hook repeats it', async () => {
    hook.reply = () => ({ status: 403, body: 'their-key opens nothing today' });
    expect(await authority().authorize(attempt('stage?key=their-key'), never)).toEqual({
      kind: 'refused',
      statusCode: 'NetStream.Publish.Unauthorized',
      code: 'PUBLISH_HOOK_REFUSED',
      path: 'live/stage',
      sentence: '(secret) opens nothing today',
    });
  });

  const failures: [string, () => void, object][] = [
    ['answers 500', () => (hook.reply = () => ({ status: 500, body: 'a stack trace' })), {}],
    ['answers a redirect', () => (hook.reply = () => ({ status: 302 })), {}],
    ['never answers', () => (hook.reply = () => 'never'), { timeout: '100ms' }],
    ['breaks the connection off', () => (hook.reply = () => 'reset'), {}],
    ['is not there', () => {}, { url: 'http://127.0.0.1:1/' }],
  ];
  it.each(failures)('that %s refuses when closed, admits when open, and says so in the log', async (_, fail, more) => {
    fail();
    const closed = authority('hook', { onFailure: 'closed', ...more });
    expect(await closed.authorize(attempt('stage?key=their-key'), never)).toMatchObject({
      kind: 'refused',
      statusCode: 'NetStream.Publish.BadName',
      code: 'PUBLISH_HOOK_FAILED',
    });
    await admitted(authority('hook', { onFailure: 'open', ...more }), 'stage?key=their-key');
    const lines = log.lines.filter(({ fields }) => fields['code'] === 'PUBLISH_HOOK_FAILED');
    expect(lines.map(({ fields }) => [fields['stream'], fields['admitted']])).toEqual([
      ['live/stage', false],
      ['live/stage', true],
    ]);
    expect(closed.hookStats()).toMatchObject({ asked: 1, failed: 1, admitted: 0, refused: 0 });
    for (const hidden of ['their-key', secret, 'tenant=1']) expect(log.text).not.toContain(hidden);
  });

  it('gives up the question when the encoder leaves, and tells the hook that nothing came of it', async () => {
    hook.reply = ({ event }) => (event === 'publish' ? 'never' : { status: 200 });
    const leaving = new AbortController();
    const asked = authority().authorize(attempt('stage'), leaving.signal);
    await eventually('the hook is asked', () => hook.requests.length === 1);
    leaving.abort(new Error('the encoder left'));
    await expect(asked).rejects.toThrow('the encoder left');
    await eventually('it is told', () => hook.requests.length === 2);
    const [publish, unpublish] = hook.requests.map(({ event }) => event);
    expect(unpublish).toMatchObject({ event: 'unpublish', id: publish?.id, reason: 'not-started' });
  });

  it('lets 256 wait and refuses the next, also where failures are met open', async () => {
    hook.reply = () => 'never';
    const open = authority('hook', { onFailure: 'open' });
    const leaving = new AbortController();
    const waiting = Array.from({ length: 256 }, () => open.authorize(attempt('stage'), leaving.signal));
    const settled = Promise.allSettled(waiting);
    await expect(open.authorize(attempt('stage'), never)).rejects.toThrow('PUBLISH_HOOK_BUSY');
    leaving.abort(new Error('all left'));
    expect((await settled).every(({ status }) => status === 'rejected')).toBe(true);
    expect(log.text).not.toContain('which is admitted');
  });
});

describe('the end of a publication', () => {
  it('is told once, with the id of its beginning and without the key', async () => {
    const { ended } = await admitted(authority(), 'stage?key=their-key');
    ended('taken-over');
    ended('ended');
    await eventually('the hook is told', () => hook.requests.length === 2);
    const [publish, unpublish] = hook.requests;
    expect(unpublish?.event).toMatchObject({
      event: 'unpublish',
      id: publish?.event.id,
      path: 'live/stage',
      reason: 'taken-over',
    });
    expect(unpublish?.body).not.toContain('their-key');
    expect(unpublish?.headers['webhook-id']).not.toBe(publish?.headers['webhook-id']);
  });

  it('is told again after 5xx, with the same id, until it is taken', async () => {
    const { ended } = await admitted(authority(), 'stage');
    let refusals = 2;
    hook.reply = () => ({ status: refusals-- > 0 ? 503 : 404 });
    ended('ended');
    await eventually('the third attempt', () => hook.requests.length === 4);
    const ids = hook.requests.slice(1).map(({ headers }) => headers['webhook-id']);
    expect(new Set(ids).size).toBe(1);
    expect(log.text).not.toContain('PUBLISH_HOOK_EVENT_DROPPED');
  });

  it('waits its turn, is told while the server closes, and is given up after a moment', async () => {
    const busy = authority();
    const endings = await Promise.all(Array.from({ length: 20 }, (_, i) => admitted(busy, `stream-${i}`)));
    for (const { ended } of endings) ended('ended');
    await busy.close();
    expect(hook.requests.filter(({ event }) => event.event === 'unpublish')).toHaveLength(20);

    const stuck = authority();
    const { ended } = await admitted(stuck, 'stage');
    hook.reply = () => 'never';
    ended('ended');
    const beforeMs = performance.now();
    await stuck.close();
    expect(performance.now() - beforeMs).toBeLessThan(3_000);
    expect(stuck.hookStats()).toMatchObject({ eventsDropped: 1, eventsWaiting: 0 });
    expect(log.text).toContain('PUBLISH_HOOK_EVENT_DROPPED');
  });

  it('keeps no more than 1,000 that wait: further ones are dropped and counted', async () => {
    hook.reply = ({ event }) => (event === 'publish' ? { status: 200 } : 'never');
    const stuck = authority();
    for (let i = 0; i < 1_001; i += 91) {
      const batch = await Promise.all(Array.from({ length: 91 }, () => admitted(stuck, 'stage')));
      for (const { ended } of batch) ended('ended');
    }
    expect(stuck.hookStats()).toMatchObject({ eventsWaiting: 1_000, eventsDropped: 1 });
  });
});
