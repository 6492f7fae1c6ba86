import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FollowedSecrets } from '../../src/http/followed-secrets.ts';
import { readSecret, type SecretSource } from '../../src/http/secret-source.ts';
import { LogRecorder } from '../support/log-recorder.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const long = 'correct-horse-battery-staple-0123456789';
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'streamfront-secret-'));
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function file(name: string, text: string, mode = 0o600): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

function findingsOf(source: SecretSource, environment = {}): string[] {
  const findings: string[] = [];
  expect(readSecret(source, 'x.secrets[0]', environment, findings)).toBeUndefined();
  return findings;
}

describe('readSecret', () => {
  it('takes a file of its owner, without the line end behind it, and a variable', () => {
    const findings: string[] = [];
    expect(readSecret({ file: file('good', `${long}\n`) }, 'x', {}, findings)).toBe(long);
    expect(readSecret({ env: 'EDGE' }, 'x', { EDGE: long }, findings)).toBe(long);
    expect(findings).toEqual([]);
  });

  it('refuses a file that others may read, and says how to mend it', () => {
    const open = file('open', long, 0o640);
    expect(findingsOf({ file: open })).toEqual([
      `x.secrets[0]: others than its owner may read or write ${open}: chmod 600 ${open}`,
    ]);
  });

  it('says what is not there and what is no secret, and nothing of what it holds', () => {
    expect(findingsOf({ file: join(folder, 'absent') })).toEqual([
      `x.secrets[0]: there is no file ${join(folder, 'absent')}`,
    ]);
    expect(findingsOf({ env: 'ABSENT' })).toEqual(['x.secrets[0]: there is no environment variable ABSENT']);
    expect(findingsOf({ env: 'S' }, { S: 'guess-me' }).join()).toMatch(/at least 32 characters(?!.*guess-me)/);
    expect(findingsOf({ env: 'S' }, { S: `${long}\n${long}` }).join()).toMatch(/one line of visible ASCII(?!.*horse)/);
  });
});

describe('FollowedSecrets', () => {
  it('reads a file again when it has changed, and stays with the old secret while the new one cannot be used', () => {
    const path = file('followed', long);
    const clock = new VirtualClock();
    const log = new LogRecorder();
    const followed = new FollowedSecrets({
      secrets: [{ file: path }],
      setting: 'x.secrets',
      environment: {},
      clock,
      log,
    });
    const before = followed.secrets;
    clock.advance(10_000);
    expect(followed.secrets).toBe(before);
    writeFileSync(path, 'short');
    clock.advance(20_000);
    expect(followed.secrets).toEqual([long]);
    expect(log.lines.map(({ fields }) => fields['code'])).toEqual(['SECRET_UNUSABLE']);
    writeFileSync(path, `${long}${long}`);
    clock.advance(10_000);
    expect(followed.secrets).toEqual([`${long}${long}`]);
    expect(log.text).not.toContain('horse');
    followed.close();
  });
});
