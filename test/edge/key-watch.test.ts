import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { KeyWatch } from '../../src/edge/key-watch.ts';
import { edgeSchema } from '../../src/edge/settings.ts';
import { signGrant } from '../../src/http/grant-signer.ts';
import { signableGrant, withGrant } from '../../src/policy/grants/grant-to-sign.ts';
import { createKey, importKey, revokeKey } from '../../src/stores/keys/key-changes.ts';
import { keysFolder, readPrivateKey, type StoredKey } from '../../src/stores/keys/key-store.ts';
import { grantSigner, trusting } from '../support/grant-signer.ts';
import { LogRecorder } from '../support/log-recorder.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { exchange } from '../http/test-listener.ts';
import { get, startTestEdge, startTestOrigin, type TestOrigin } from './test-edge.ts';

let origin: TestOrigin;
let dataFolder: string;
let folder: string;

beforeAll(async () => {
  origin = await startTestOrigin((_request, response) => {
    response.writeHead(200, { 'Cache-Control': 'max-age=60' }).end('the body');
  });
});
afterAll(() => origin.stop());
beforeEach(() => {
  dataFolder = mkdtempSync(join(tmpdir(), 'streamfront-keys-'));
  folder = keysFolder(dataFolder);
});
afterEach(() => {
  rmSync(dataFolder, { recursive: true, force: true });
});

const guarded = { trustedKeyGroups: ['viewers'] };

/** A target of the test site, signed for a day. */
function signed(key: StoredKey, target = '/x'): string {
  const grant = signableGrant({
    resource: `http://a.example${target}`,
    expiresSeconds: new VirtualClock().wallMs() / 1_000 + 86_400,
  });
  if (grant === undefined) throw new Error('no grant');
  return withGrant(target, signGrant(grant, { id: key.id, privateKey: readPrivateKey(key), hash: 'sha256' }));
}

describe('an edge with a key store', () => {
  it('lets in who has something signed with a key of the group, follows what comes, and forgets what goes', async () => {
    const first = createKey(folder, 'viewers', 'rsa');
    await using edge = await startTestEdge(origin.url, guarded, {}, { dataFolder });
    const status = async (key: StoredKey) => (await get(edge.httpPort, signed(key), { host: 'a.example' })).status;
    expect(await status(first)).toBe(200);

    const second = createKey(folder, 'viewers', 'ecdsa');
    edge.clock.advance(500);
    expect([await status(first), await status(second)]).toEqual([200, 200]);

    const stranger = createKey(folder, 'others', 'ecdsa');
    edge.clock.advance(500);
    expect(await status(stranger)).toBe(403);

    revokeKey(folder, first.id);
    edge.clock.advance(500);
    expect(await status(second)).toBe(200);
    expect((await get(edge.httpPort, signed({ ...second, id: first.id }), { host: 'a.example' })).text).toContain(
      '<Code>InvalidKey</Code>',
    );
  });

  it('closes the door within half a second of a revocation, also for who has been let in on the same connection', async () => {
    const key = createKey(folder, 'viewers', 'ecdsa');
    await using edge = await startTestEdge(origin.url, guarded, {}, { dataFolder });
    const request = `GET ${signed(key)} HTTP/1.1\r\nHost: a.example\r\n\r\n`;
    const statuses = async () => {
      const text = await exchange(
        edge.httpPort,
        `${request}${request.repeat(2).replace(/\r\n\r\n$/, '\r\nConnection: close\r\n\r\n')}`,
      );
      return [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status);
    };
    expect(await statuses()).toEqual(['200', '200', '200']);
    expect(edge.stats().quickHits).toBeGreaterThan(0);
    revokeKey(folder, key.id);
    edge.clock.advance(500);
    expect(await statuses()).toEqual(['403', '403', '403']);
    expect(edge.log.lines.filter(({ fields }) => 'code' in fields).map(({ fields }) => fields['code'])).toEqual([
      'KEY_GROUP_EMPTY',
    ]);
  });

  it('has what was changed in force when it has looked, and says which keys count', async () => {
    const old = createKey(folder, 'viewers', 'ecdsa');
    await using edge = await startTestEdge(origin.url, guarded, {}, { dataFolder });
    const url = signed(old);
    expect((await get(edge.httpPort, url, { host: 'a.example' })).status).toBe(200);
    const key = importKey(folder, 'viewers', grantSigner('rsa', 'K').publicFile, 'KELSEWHERE');
    revokeKey(folder, old.id);
    expect(edge.keys.look()).toEqual({ groups: { viewers: [key.id] }, asked: ['viewers'] });
    expect((await get(edge.httpPort, url, { host: 'a.example' })).status).toBe(403);
  });

  it('stops looking when it is closed', async () => {
    createKey(folder, 'viewers', 'ecdsa');
    const edge = await startTestEdge(origin.url, guarded, {}, { dataFolder });
    await edge.close();
    expect(edge.clock.pendingTimers).toBe(0);
  });
});

describe('KeyWatch', () => {
  const settings = (edge: object) => edgeSchema.parse({ http: { port: 0 }, rtmp: { port: 0 }, ...edge });
  const site = (behaviour: object) => ({
    distributions: [{ name: 'site', behaviours: [{ path: '/open/*' }, behaviour] }],
  });

  function watch(edge: object = site(guarded)) {
    const clock = new VirtualClock();
    const log = new LogRecorder();
    return { clock, log, keys: new KeyWatch(settings(edge), { clock, log, dataFolder }) };
  }

  it('starts with no group missing that a behaviour asks for, and says how to make one', () => {
    createKey(folder, 'others', 'ecdsa');
    const both = { ...site(guarded), streaming: [{ name: 'live', behaviours: [{ publishKeyGroups: ['encoders'] }] }] };
    expect(() => watch(both)).toThrow(
      /distributions\[0\]\.behaviours\[1\]\.trustedKeyGroups: there is no key group "viewers" \(there: others\): make it with "streamfront keys create --group viewers"[^]*streaming\[0\]\.behaviours\[0\]\.publishKeyGroups: there is no key group "encoders"/,
    );
  });

  it('starts with a group that has lost its keys: it lets nobody in, and the log says so', () => {
    revokeKey(folder, createKey(folder, 'viewers', 'ecdsa').id);
    const { keys, log } = watch();
    expect(keys.look().groups).toEqual({ viewers: [] });
    expect(log.text).toContain('KEY_GROUP_EMPTY');
  });

  it('starts with no key that cannot be used, but goes on with the others when one comes', () => {
    const { id } = createKey(folder, 'viewers', 'ecdsa');
    const old = createKey(folder, 'viewers', 'ecdsa');
    const { keys, clock, log } = watch();
    writeFileSync(join(folder, 'viewers', 'KDAMAGED.pem'), 'no key');
    revokeKey(folder, old.id);
    clock.advance(2_000);
    expect(keys.look().groups).toEqual({ viewers: [id] });
    expect(log.lines.filter(({ fields }) => 'code' in fields && fields['code'] === 'KEYS_UNUSABLE')).toHaveLength(1);
    expect(() => watch()).toThrow('KDAMAGED.pem holds no public key');
  });

  it('takes the keys of settings and store together, and those of the settings alone without a data folder', () => {
    const signer = grantSigner('ec', 'KSETTINGS');
    const { id } = createKey(folder, 'viewers', 'ecdsa');
    const edge = { ...site(guarded), ...trusting({ viewers: [signer] }) };
    expect(watch(edge).keys.look().groups['viewers']?.toSorted()).toEqual([id, 'KSETTINGS'].toSorted());
    const alone = new KeyWatch(settings(edge), { clock: new VirtualClock(), log: new LogRecorder() });
    expect(alone.look().groups).toEqual({ viewers: ['KSETTINGS'] });
  });

  it('looks at nothing where nobody needs a grant', () => {
    writeFileSync(folder, 'a file where the folder would be');
    const { keys, clock } = watch(site({}));
    expect([clock.pendingTimers, keys.look()]).toEqual([0, { groups: {}, asked: [] }]);
  });
});
