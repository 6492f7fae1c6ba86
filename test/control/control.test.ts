import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LimitError, ProtocolError } from '../../src/base/errors.ts';
import { readAccessFile, writeAccessFile } from '../../src/control/access-file.ts';
import { ControlClient } from '../../src/control/control-client.ts';
import type { AccessTarget } from '../../src/control/access-routes.ts';
import { type Control, startControl } from '../../src/control/control.ts';
import type { InvalidationTarget } from '../../src/control/invalidation-routes.ts';
import type { KeyTarget } from '../../src/control/key-routes.ts';
import { get } from '../edge/test-edge.ts';
import { LogRecorder } from '../support/log-recorder.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const report = { id: 'I1', distribution: 'site', items: ['/a'], status: 'completed', dropped: 3 } as const;

let folder = '';
let control: Control;
let clock: VirtualClock;
let asked: Parameters<InvalidationTarget['create']>[0][];
let refuseWith: Error | undefined;
let revoked: (readonly [string, string, number | undefined])[];

const session = { id: 's-1', protocol: 'hls', stream: 'site/a/', address: '192.0.2.1', seconds: 7 };
const access: AccessTarget = {
  sessions: () => [session],
  revocations: () => revoked.map(([kind, id, forMs]) => ({ kind, id, untilMs: forMs })),
  revoke: (kind, id, forMs) => {
    if (refuseWith !== undefined) throw refuseWith;
    revoked.push([kind, id, forMs]);
    return { kind, id, untilMs: forMs, ended: 2 };
  },
  takeBack: (kind, id) => {
    const before = revoked.length;
    revoked = revoked.filter((entry) => entry[0] !== kind || entry[1] !== id);
    return revoked.length < before;
  },
};
let looks = 0;
const inForce = { groups: { viewers: ['K1', 'K2'], empty: [] }, asked: ['viewers'] };
const keys: KeyTarget = {
  look: () => {
    looks++;
    return inForce;
  },
};

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'streamfront-control-'));
  clock = new VirtualClock();
  asked = [];
  refuseWith = undefined;
  const invalidations: InvalidationTarget = {
    create: (request) => {
      asked.push(request);
      if (refuseWith !== undefined) throw refuseWith;
      return report;
    },
    find: (id) => (id === report.id ? report : undefined),
  };
  looks = 0;
  revoked = [];
  const settings = { http: { host: '127.0.0.1', port: 0 } };
  control = await startControl(settings, {
    clock,
    log: new LogRecorder(),
    dataFolder: folder,
    invalidations,
    keys,
    access,
  });
});

afterEach(async () => {
  await control.close();
  rmSync(folder, { recursive: true, force: true });
});

const path = '/v1/invalidations';
const authorised = () => ({
  authorization: `Bearer ${readAccessFile(folder).secret}`,
  'content-type': 'application/json',
});

function post(body: string, fields: Record<string, string> = {}, target = path, method = 'POST') {
  return get(control.httpPort, target, { ...authorised(), ...fields }, method, body);
}

function codeOf(text: string): string {
  return (JSON.parse(text) as { error: { code: string } }).error.code;
}

describe('the control listener', () => {
  it('takes an invalidation from whoever has the secret, and tells how one stands', async () => {
    const answer = await post('{"items":["/a"]}');
    expect([answer.status, answer.headers.location]).toEqual([201, `${path}/I1`]);
    expect(JSON.parse(answer.text)).toEqual(report);
    expect(asked).toEqual([{ distribution: undefined, items: ['/a'] }]);
    const standing = await get(control.httpPort, `${path}/I1`, authorised());
    expect(JSON.parse(standing.text)).toEqual(report);
    expect((await get(control.httpPort, `${path}/I2`, authorised())).status).toBe(404);
  });

  it.each<[string, Record<string, string>, number, string]>([
    ['without the secret', { authorization: '' }, 401, 'NOT_AUTHORIZED'],
    ['with another secret', { authorization: `Bearer ${'x'.repeat(43)}` }, 401, 'NOT_AUTHORIZED'],
    ['with a secret of another kind', { authorization: 'Basic eDp4' }, 401, 'NOT_AUTHORIZED'],
    ['by a name that is no address', { host: 'evil.example:8082' }, 421, 'WRONG_HOST'],
    ['by a name that looks like an address', { host: '127.0.0.1.evil.example' }, 421, 'WRONG_HOST'],
    ['as a form of a page would', { 'content-type': 'text/plain' }, 415, 'NOT_JSON'],
    ['as a type that begins like JSON', { 'content-type': 'application/json-patch' }, 415, 'NOT_JSON'],
  ])('refuses a request %s', async (_how, fields, status, code) => {
    const answer = await post('{"items":["/a"]}', fields);
    expect([answer.status, codeOf(answer.text)]).toEqual([status, code]);
    expect(asked).toEqual([]);
  });

  it.each(['127.0.0.1:1', 'localhost:1', 'LOCALHOST', '[::1]:8082', '192.0.2.7'])(
    'is addressed as %s',
    async (host) => {
      expect((await post('{"items":["/a"]}', { host })).status).toBe(201);
    },
  );

  it.each([
    ['', 'NOT_JSON'],
    ['{"items":', 'NOT_JSON'],
    ['[]', 'INVALIDATION_MALFORMED'],
    ['{}', 'INVALIDATION_MALFORMED'],
    ['{"items":"/a"}', 'INVALIDATION_MALFORMED'],
    ['{"items":[1]}', 'INVALIDATION_MALFORMED'],
    ['{"items":["/a"],"soft":true}', 'INVALIDATION_MALFORMED'],
  ])('refuses the body %j', async (body, code) => {
    const answer = await post(body);
    expect([answer.status, codeOf(answer.text)]).toEqual([400, code]);
    expect(asked).toEqual([]);
  });

  it('reads no body beyond 4 MiB', async () => {
    const answer = await post(`{"items":["/${'a'.repeat(4_194_304)}"]}`);
    expect([answer.status, codeOf(answer.text)]).toEqual([413, 'BODY_TOO_LARGE']);
    expect(asked).toEqual([]);
  });

  it.each([
    ['GET', path, 405],
    ['GET', '/v1/keys', 405],
    ['DELETE', `${path}/I1`, 405],
    ['GET', '/', 404],
    ['POST', '/v1/invalidationsx', 404],
  ])('answers %s %s with %i', async (method, target, status) => {
    expect((await post('', {}, target, method)).status).toBe(status);
  });

  it('passes on why something cannot be invalidated', async () => {
    refuseWith = new ProtocolError('INVALIDATION_MALFORMED', '"b" cannot be');
    expect(await post('{"items":["b"]}')).toMatchObject({ status: 400 });
    refuseWith = new LimitError('TOO_MANY_INVALIDATIONS_IN_PROGRESS', 'too many', { limit: 1, value: 2 });
    const answer = await post('{"items":["b"]}');
    expect([answer.status, codeOf(answer.text)]).toEqual([429, 'TOO_MANY_INVALIDATIONS_IN_PROGRESS']);
    refuseWith = new Error('database or disk is full');
    await expect(new ControlClient(folder).invalidate(['/a'], undefined)).rejects.toThrow(
      /^NOT_INVALIDATED: nothing was invalidated: database or disk is full$/,
    );
  });

  it('bounds how often it is asked', async () => {
    const statuses: number[] = [];
    for (let i = 0; i < 45; i++) statuses.push((await get(control.httpPort, `${path}/I1`, authorised())).status);
    expect(statuses.slice(0, 40).every((status) => status === 200)).toBe(true);
    expect(statuses.slice(40).every((status) => status === 429)).toBe(true);
    clock.advance(1_000);
    expect((await get(control.httpPort, `${path}/I1`, authorised())).status).toBe(200);
  });
});

describe('the access file', () => {
  it('is for its owner alone, has a new secret for each run, and is gone with the listener', async () => {
    expect(statSync(join(folder, 'control.json')).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(['control.json']);
    const { secret } = readAccessFile(folder);
    expect(secret.length).toBeGreaterThanOrEqual(43);
    await control.close();
    expect(readdirSync(folder)).toEqual([]);
    const deps = { clock, log: new LogRecorder(), dataFolder: folder };
    const target: InvalidationTarget = { create: () => report, find: () => report };
    control = await startControl(
      { http: { host: '127.0.0.1', port: 0 } },
      { ...deps, invalidations: target, keys, access },
    );
    expect(readAccessFile(folder).secret).not.toBe(secret);
  });
});

describe('ControlClient', () => {
  it('finds the running process by its data folder', async () => {
    const client = new ControlClient(folder);
    expect(await client.invalidate(['/a'], 'site')).toEqual(report);
    expect(asked).toEqual([{ distribution: 'site', items: ['/a'] }]);
    expect(await client.invalidation('I1')).toEqual(report);
  });

  it('tells who watches, and revokes, lists and takes back', async () => {
    const client = new ControlClient(folder);
    expect(await client.sessions()).toEqual([session]);
    expect(await client.revoke('address', '2001:db8::/64', 1_500)).toEqual({
      kind: 'address',
      id: '2001:db8::/64',
      untilMs: 1_500,
      ended: 2,
    });
    await client.revoke('key', 'K1', undefined);
    expect(await client.revocations()).toEqual([
      { kind: 'address', id: '2001:db8::/64', untilMs: 1_500 },
      { kind: 'key', id: 'K1' },
    ]);
    await client.takeBackRevocation('address', '2001:db8::/64');
    expect(await client.revocations()).toEqual([{ kind: 'key', id: 'K1' }]);
    await expect(client.takeBackRevocation('session', '%')).rejects.toThrow(/^NO_SUCH_REVOCATION: there is no such/);
    refuseWith = new ProtocolError('REVOCATION_MALFORMED', 'there is no session "x"');
    await expect(client.revoke('session', 'x', undefined)).rejects.toThrow(
      'REVOCATION_MALFORMED: there is no session "x"',
    );
  });

  it.each([
    ['POST', '/v1/sessions', '', 405],
    ['PUT', '/v1/revocations', '', 405],
    ['GET', '/v1/revocations/key/K1', '', 405],
    ['DELETE', '/v1/revocations/nothing/%zz', '', 404],
    ['POST', '/v1/revocations', '{"kind":"everybody","id":"x"}', 400],
    ['POST', '/v1/revocations', '{"kind":"key","id":"x","forSeconds":0}', 400],
  ])('answers %s %s with a body of %j as the status says', async (method, target, body, status) => {
    expect((await post(body, {}, target, method)).status).toBe(status);
    expect(revoked).toEqual([]);
  });

  it('has the keys looked at, and hears which count then', async () => {
    expect(await new ControlClient(folder).followKeys()).toEqual(inForce);
    expect(looks).toBe(1);
    const stranger = await get(control.httpPort, '/v1/keys', {}, 'POST');
    expect([stranger.status, looks]).toEqual([401, 1]);
  });

  it('passes on what is wrong, with its code once', async () => {
    refuseWith = new ProtocolError('NO_SUCH_DISTRIBUTION', 'this edge has no distribution "x"');
    await expect(new ControlClient(folder).invalidate(['/a'], 'x')).rejects.toThrow(
      /^NO_SUCH_DISTRIBUTION: this edge has no distribution "x"$/,
    );
  });

  it('says what to do when nothing runs, when it has gone, and when something else has its port', async () => {
    expect(() => new ControlClient(join(folder, 'none'))).toThrow(
      /no edge runs with the data folder .*none: start one/,
    );
    const access = readAccessFile(folder);
    writeAccessFile(folder, { ...access, secret: 'of another process, long gone' });
    await expect(new ControlClient(folder).invalidation('I1')).rejects.toThrow(/^NOT_THIS_EDGE: what answers at http/);
    await control.close();
    writeAccessFile(folder, access);
    await expect(new ControlClient(folder).invalidation('I1')).rejects.toThrow(/^EDGE_NOT_RUNNING: .* --data$/);
    writeFileSync(join(folder, 'control.json'), '{"url":');
    expect(() => new ControlClient(folder)).toThrow(/control\.json is damaged: start the edge again/);
  });
});
