import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AccessError, ConfigError } from '../../../src/base/errors.ts';
import { createKey, importKey, revokeKey } from '../../../src/stores/keys/key-changes.ts';
import { keyStoreVersion, readKeyStore, readPrivateKey } from '../../../src/stores/keys/key-store.ts';
import { grantSigner } from '../../support/grant-signer.ts';

let parent: string;
let folder: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'streamfront-keys-'));
  folder = join(parent, 'keys');
});
afterEach(() => {
  rmSync(parent, { recursive: true });
});

const idsOf = (group: string) =>
  readKeyStore(folder)
    .groups.get(group)
    ?.map(({ id }) => id);
const modeOf = (file: string | undefined) => (statSync(file ?? '').mode & 0o777).toString(8);

describe('createKey', () => {
  it.each([
    ['rsa', 'RSA-2048'],
    ['ecdsa', 'ECDSA P-256'],
  ] as const)('makes a key of type %s whose halves belong together', (type, kind) => {
    const key = createKey(folder, 'viewers', type);
    expect(key).toMatchObject({ group: 'viewers', kind });
    expect(key.id).toMatch(/^K[A-Z0-9]{13}$/);
    const { publicKey } = readKeyStore(folder).groups.get('viewers')?.[0] ?? {};
    expect(publicKey?.equals(key.publicKey)).toBe(true);
    const privateKey = readPrivateKey(key);
    expect(privateKey.asymmetricKeyType).toBe(type === 'rsa' ? 'rsa' : 'ec');
  });

  it('leaves the private key to its owner and the public one to all, whatever the mask, and nothing else', () => {
    const mask = process.umask(0o077);
    try {
      const { id, publicFile, privateFile } = createKey(folder, 'viewers', 'ecdsa');
      expect([modeOf(privateFile), modeOf(publicFile)]).toEqual(['600', '644']);
      expect(readdirSync(join(folder, 'viewers')).sort()).toEqual([`${id}.pem`, `${id}.private.pem`]);
    } finally {
      process.umask(mask);
    }
    process.umask(0);
    try {
      expect(modeOf(createKey(folder, 'others', 'ecdsa').privateFile)).toBe('600');
      expect(modeOf(join(folder, 'others'))).toBe('755');
    } finally {
      process.umask(mask);
    }
  });

  it('makes none where everybody could put one, but takes those away that are there', () => {
    const { id } = createKey(folder, 'viewers', 'ecdsa');
    chmodSync(join(folder, 'viewers'), 0o777);
    expect(() => createKey(folder, 'viewers', 'ecdsa')).toThrow(/would not be used[^]*"chmod o-w /);
    expect(readdirSync(join(folder, 'viewers'))).toHaveLength(2);
    revokeKey(folder, id);
    expect(readdirSync(join(folder, 'viewers'))).toEqual([]);
  });

  it('says so when nothing can be written', () => {
    writeFileSync(folder, 'a file');
    expect(() => createKey(folder, 'viewers', 'ecdsa')).toThrow(ConfigError);
  });
});

describe('readKeyStore', () => {
  it('has no groups where there is no folder, and the oldest key of a group first', () => {
    expect(readKeyStore(folder)).toEqual({ groups: new Map(), findings: [] });
    const ids = [1, 2, 3].map(() => createKey(folder, 'viewers', 'ecdsa').id);
    expect(idsOf('viewers')).toEqual(ids);
  });

  it('leaves out what is no key that signs grants, says why, and takes the others', () => {
    const { id } = createKey(folder, 'viewers', 'ecdsa');
    const place = (name: string, text: string) => writeFileSync(join(folder, 'viewers', name), text);
    const other = generateKeyPairSync('ec', { namedCurve: 'secp384r1' }).publicKey;
    place('KTEXT.pem', 'no key');
    place('KSECRET.pem', grantSigner('ec', 'K').privatePem);
    place('KCURVE.pem', other.export({ type: 'spki', format: 'pem' }));
    place('KHALF.pem.123.new', 'unfinished');
    place('notes.txt', 'mine');
    expect(idsOf('viewers')).toEqual([id]);
    expect(readKeyStore(folder).findings).toEqual([
      expect.stringContaining('KCURVE.pem holds a key of another kind'),
      expect.stringContaining('KSECRET.pem holds a private key'),
      expect.stringContaining('KTEXT.pem holds no public key'),
    ]);
  });

  it('bounds how many keys and groups it looks at, and says so', () => {
    createKey(folder, 'viewers', 'ecdsa');
    for (let i = 0; i < 100; i++) {
      mkdirSync(join(folder, `group-${i}`));
      writeFileSync(join(folder, 'viewers', `X${i}.pem`), 'no key');
    }
    expect(readKeyStore(folder).findings[0]).toMatch(/there are 101 groups in .*, of which 100 count/);
    rmSync(join(folder, 'group-99'), { recursive: true });
    expect(readKeyStore(folder).findings[0]).toMatch(/there are 101 keys in .*viewers, of which 100 count/);
  });

  it.each(['keys', 'keys/viewers'])('takes no key where everybody can put one: %s', (open) => {
    createKey(folder, 'viewers', 'ecdsa');
    const before = keyStoreVersion(folder);
    chmodSync(join(parent, open), 0o777);
    expect(idsOf('viewers')).toEqual([]);
    expect(readKeyStore(folder).findings).toEqual([expect.stringContaining('"chmod o-w ')]);
    expect(keyStoreVersion(folder)).not.toBe(before);
  });
});

describe('keyStoreVersion', () => {
  it('changes with each key that comes, goes or is another, and with nothing else', () => {
    const seen = [keyStoreVersion(folder)];
    const changes = [
      () => mkdirSync(join(folder, 'viewers'), { recursive: true }),
      () => createKey(folder, 'viewers', 'ecdsa'),
      () => createKey(folder, 'others', 'ecdsa'),
      () => revokeKey(folder, idsOf('viewers')?.[0] ?? ''),
      () => writeFileSync(join(folder, 'others', 'KOTHER.pem'), 'a'),
      () => writeFileSync(join(folder, 'others', 'KOTHER.pem'), 'ab'),
      () => rmSync(folder, { recursive: true }),
    ];
    for (const change of changes) {
      change();
      const version = keyStoreVersion(folder);
      expect(version).toBe(keyStoreVersion(folder));
      expect(version).not.toBe(seen.at(-1));
      seen.push(version);
    }
    expect(seen.at(-1)).toBe(seen[0]);
  });
});

describe('readPrivateKey', () => {
  it.each([0o640, 0o604, 0o644, 0o660, 0o602])('refuses a key that others can reach: mode %o', (mode) => {
    const key = createKey(folder, 'viewers', 'ecdsa');
    chmodSync(key.privateFile ?? '', mode);
    expect(() => readPrivateKey(key)).toThrow(AccessError);
    expect(() => readPrivateKey(key)).toThrow(/KEY_READABLE_BY_OTHERS: .*chmod 600 .*keys rotate.*keys revoke K/);
    chmodSync(key.privateFile ?? '', 0o400);
    expect(readPrivateKey(key).type).toBe('private');
  });

  it('says of a key whose private half is not here, gone or damaged that it cannot sign', () => {
    const key = createKey(folder, 'viewers', 'ecdsa');
    expect(() => readPrivateKey({ ...key, privateFile: undefined })).toThrow('its private key is not here');
    writeFileSync(key.privateFile ?? '', 'no key');
    expect(() => readPrivateKey(key)).toThrow('holds no private key');
    rmSync(key.privateFile ?? '');
    expect(() => readPrivateKey(key)).toThrow('cannot be read: ENOENT');
  });
});

describe('importKey', () => {
  const signer = grantSigner('rsa', 'KELSEWHERE');

  it('takes a public key in under the id that its grants name, once', () => {
    const key = importKey(folder, 'viewers', signer.publicFile, 'K2JCJMDEHXQW5F');
    expect(key).toMatchObject({ id: 'K2JCJMDEHXQW5F', kind: 'RSA-2048', privateFile: undefined });
    expect(modeOf(key.publicFile)).toBe('644');
    expect(() => importKey(folder, 'others', signer.publicFile)).toThrow(
      'there already, as K2JCJMDEHXQW5F in key group',
    );
    const another = grantSigner('ec', 'KOTHER').publicFile;
    expect(() => importKey(folder, 'others', another, 'K2JCJMDEHXQW5F')).toThrow('there is another key K2JCJMDEHXQW5F');
    expect(importKey(folder, 'others', another).id).toMatch(/^K[A-Z0-9]{13}$/);
  });

  it('takes no private key, and says how to get the public one', () => {
    const file = join(parent, 'private.pem');
    writeFileSync(file, signer.privatePem);
    expect(() => importKey(folder, 'viewers', file)).toThrow(`"openssl pkey -in ${file} -pubout" writes it`);
    expect(existsSync(folder)).toBe(false);
  });
});

describe('revokeKey', () => {
  it('takes both halves away from every group, and leaves the groups', () => {
    const { id, publicFile, privateFile } = createKey(folder, 'viewers', 'ecdsa');
    const kept = createKey(folder, 'others', 'ecdsa').id;
    writeFileSync(join(folder, 'others', `${id}.pem`), grantSigner('ec', id).privatePem);
    expect(revokeKey(folder, id)).toEqual(['others', 'viewers']);
    expect([existsSync(publicFile), existsSync(privateFile ?? '')]).toEqual([false, false]);
    expect([idsOf('viewers'), idsOf('others')]).toEqual([[], [kept]]);
  });

  it('says which keys there are when there is none of that name', () => {
    const { id } = createKey(folder, 'viewers', 'ecdsa');
    for (const none of ['KNONE', '../viewers', '']) {
      expect(() => revokeKey(folder, none)).toThrow(`there are: ${id}`);
    }
    expect(idsOf('viewers')).toEqual([id]);
  });
});
