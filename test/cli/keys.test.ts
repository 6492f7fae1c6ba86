import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createKeyIn, importKeyInto, listKeys, revoke, rotateKeysOf } from '../../src/cli/keys.ts';
import { check } from '../../src/cli/check.ts';
import { readAccessFile, writeAccessFile } from '../../src/control/access-file.ts';
import { startControl } from '../../src/control/control.ts';
import { keyFiles, keysFolder, readKeyStore } from '../../src/stores/keys/key-store.ts';
import { grantSigner } from '../support/grant-signer.ts';
import { LogRecorder } from '../support/log-recorder.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { writtenBy } from './written-by.ts';

let parent: string;
let data: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'streamfront-keys-'));
  // Not there yet: whoever makes the first key makes it.
  data = join(parent, 'data');
});
afterEach(() => {
  rmSync(parent, { recursive: true });
});

const text = async (command: () => void | Promise<void>): Promise<string> => (await writtenBy(command)).standardOutput;
const group = 'viewers';
const keys = () => readKeyStore(keysFolder(data)).groups.get(group) ?? [];
const create = (type: 'rsa' | 'ecdsa' = 'ecdsa') => text(() => createKeyIn({ data, group, type }));

describe('streamfront keys', () => {
  it('create says where the halves lie, what to configure and how to sign', async () => {
    const said = await create('rsa');
    const [key] = keys();
    for (const words of [
      `Made ${key?.id} (RSA-2048) in key group viewers`,
      `public key   ${key?.publicFile}\n`,
      `private key  ${key?.privateFile} (readable by you only`,
      `No edge runs with the data folder ${data}`,
      'trustedKeyGroups: [viewers]',
      'streamfront sign ',
    ]) {
      expect(said).toContain(words);
    }
    expect(said).not.toContain('PRIVATE KEY');
  });

  it('rotate makes one of the same kind, keeps the old ones, and says how to end them', async () => {
    await create('ecdsa');
    const said = await text(() => rotateKeysOf({ data, group }));
    const [old, made] = keys();
    expect(keys().map(({ kind }) => kind)).toEqual(['ECDSA P-256', 'ECDSA P-256']);
    expect(said).toContain(`Made ${made?.id}`);
    expect(said).toContain(`"streamfront keys revoke ${old?.id}"`);
    await expect(text(() => rotateKeysOf({ data, group: 'encoders' }))).rejects.toThrow(
      '"streamfront keys create --group encoders" makes one',
    );
  });

  it('list says which key signs, which only opens, which signs elsewhere, and what is left out', async () => {
    expect(await text(() => listKeys({ data }))).toContain('"streamfront keys create" makes one');
    await create();
    await create();
    await text(() => importKeyInto(grantSigner('rsa', 'K').publicFile, { data, group, id: 'KELSEWHERE' }));
    writeFileSync(join(keysFolder(data), group, 'KBAD.pem'), 'no key');
    const lines = (await text(() => listKeys({ data }))).split('\n');
    const lineOf = (id: string | undefined) => lines.find((line) => line.includes(id ?? '?'));
    const [first, second] = keys();
    expect(lineOf(first?.id)).toMatch(/ECDSA P-256 +\d{4}-\d\d-\d\d +opens what it has signed, until it is revoked$/);
    expect(lineOf(second?.id)).toMatch(/ signs$/);
    expect(lineOf('KELSEWHERE')).toMatch(/RSA-2048 .* signs elsewhere: only its public half is here$/);
    expect(lineOf('KBAD')).toMatch(/^ {2}- .*holds no public key/);
    chmodSync(second?.privateFile ?? '', 0o640);
    expect((await text(() => listKeys({ data }))).split('\n').join()).toContain('KEY_READABLE_BY_OTHERS');
  });

  it('revoke takes both halves away, and warns when nobody gets in any more or the configuration has the key too', async () => {
    const signer = grantSigner('ec', 'KBOTH');
    const config = join(parent, 'streamfront.yaml');
    writeFileSync(config, `edge: { publicKeys: { KBOTH: '${signer.publicFile}' } }\n`);
    await create();
    const [key] = keys();
    await text(() => importKeyInto(signer.publicFile, { data, group, id: 'KBOTH' }));
    expect(await text(() => listKeys({ data, config }))).toContain('edge.publicKeys): KBOTH');
    const said = await text(() => revoke(key?.id ?? '', { data }));
    expect(said).toContain(`Revoked ${key?.id} of key group viewers`);
    expect(said).not.toContain('no key left');
    expect(said).not.toContain('streamfront revoke key');
    expect(existsSync(keyFiles(keysFolder(data), group, key?.id ?? '').privateFile)).toBe(false);
    const last = await text(() => revoke('KBOTH', { data, config }));
    expect(last).toContain('Key group viewers has no key left here');
    expect(last).toContain('BUT edge.publicKeys in the configuration names a key KBOTH too');
    await expect(text(() => revoke('KBOTH', { data }))).rejects.toThrow('there is no key KBOTH');
  });

  it('tell the running edge, and say when none of its behaviours asks for the group', async () => {
    await create();
    let looks = 0;
    const control = await startControl(
      { http: { host: '127.0.0.1', port: 0 } },
      {
        clock: new VirtualClock(),
        log: new LogRecorder(),
        dataFolder: data,
        invalidations: { create: () => expect.unreachable(), find: () => undefined },
        access: {
          sessions: () => [],
          revocations: () => [],
          revoke: () => expect.unreachable(),
          takeBack: () => false,
        },
        keys: { look: () => ({ groups: {}, asked: [++looks > 1 ? group : 'others'] }) },
      },
    );
    try {
      expect(await create()).toContain('No behaviour of the running edge asks for key group viewers yet');
      expect(await create()).toContain('The running edge knows it: this is in force now.');
      expect(looks).toBe(2);
      const access = readAccessFile(data);
      await control.close();
      // As a process that was killed leaves it.
      writeAccessFile(data, access);
      expect(await create()).toMatch(/could not be told, but looks twice a second if it runs. EDGE_NOT_RUNNING/);
    } finally {
      await control.close();
    }
  });

  it('are shown by streamfront check, which names the group that is nowhere', async () => {
    const config = join(parent, 'streamfront.yaml');
    const site = "{ distributions: [{ name: site, behaviours: [{ path: '*', trustedKeyGroups: [viewers] }] }] }";
    writeFileSync(config, `roles: [edge]\nedge: ${site}\n`);
    await expect(text(() => check({ config, data }))).rejects.toThrow('"streamfront keys create --group viewers"');
    await create();
    expect(await text(() => check({ config, data }))).toContain(`key group viewers: ${keys()[0]?.id}\n`);
  });
});
