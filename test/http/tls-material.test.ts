import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/base/errors.ts';
import { loadTls, type TlsFiles, TlsMaterial, validityProblem } from '../../src/http/tls-material.ts';
import { type CertificateFiles, makeCertificate } from '../support/certificates.ts';
import { run } from '../support/ffmpeg.ts';
import { LogRecorder } from '../support/log-recorder.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

let folder: string;
let first: CertificateFiles;
let second: CertificateFiles;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'streamfront-tls-'));
  first = await makeCertificate(folder, 'first');
  second = await makeCertificate(folder, 'second');
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function findings(files: TlsFiles): string {
  try {
    loadTls(files, 'origin.rtmps');
  } catch (error) {
    if (error instanceof ConfigError) return error.findings.join('\n');
    throw error;
  }
  throw new Error('the files were accepted');
}

describe('loadTls', () => {
  it('gives certificate and key that belong together, and for whom they are', () => {
    const loaded = loadTls(first, 'origin.rtmps');
    expect(loaded.names).toBe('DNS:localhost, IP Address:127.0.0.1');
    expect(loaded.credentials.minVersion).toBe('TLSv1.2');
    expect(loaded.validUntilMs - loaded.validFromMs).toBe(30 * 86_400_000);
  });

  it('says which file of which setting is not there, both at once', () => {
    const absent = { certificate: join(folder, 'absent.crt'), key: join(folder, 'absent.key') };
    expect(findings(absent)).toBe(
      `origin.rtmps.certificate: there is no file ${absent.certificate}\norigin.rtmps.key: there is no file ${absent.key}`,
    );
    expect(findings({ ...first, key: folder })).toBe(`origin.rtmps.key: ${folder} is a folder`);
  });

  it('says what a file does not hold', async () => {
    const empty = join(folder, 'empty.pem');
    writeFileSync(empty, '');
    expect(findings({ ...first, certificate: empty })).toContain('holds no certificate');
    expect(findings({ ...first, key: first.certificate })).toContain('holds no private key');
    const locked = join(folder, 'locked.key');
    await run('openssl', ['pkcs8', '-topk8', '-in', first.key, '-passout', 'pass:secret', '-out', locked]);
    expect(findings({ ...first, key: locked })).toContain('protected by a passphrase');
  });

  it('says that certificate and key do not belong together', () => {
    expect(findings({ certificate: first.certificate, key: second.key })).toBe(
      `origin.rtmps.key: ${second.key} is not the key of the first certificate in ${first.certificate}`,
    );
  });
});

describe('validityProblem', () => {
  it('is told of before the beginning, two weeks before the end, and after it', () => {
    const loaded = loadTls(first, 'x');
    const day = 86_400_000;
    expect(validityProblem(loaded, loaded.validFromMs - 1)).toMatch(/^is not valid before/);
    expect(validityProblem(loaded, loaded.validFromMs)).toBeUndefined();
    expect(validityProblem(loaded, loaded.validUntilMs - 15 * day)).toBeUndefined();
    expect(validityProblem(loaded, loaded.validUntilMs - 13 * day)).toMatch(/^expires on \d{4}-\d\d-\d\d$/);
    expect(validityProblem(loaded, loaded.validUntilMs + 1)).toMatch(/^has expired on/);
  });
});

describe('TlsMaterial', () => {
  let files: CertificateFiles;
  let clock: VirtualClock;
  let log: LogRecorder;

  beforeEach(() => {
    files = { certificate: join(folder, 'used.crt'), key: join(folder, 'used.key') };
    copyFileSync(first.certificate, files.certificate);
    copyFileSync(first.key, files.key);
    clock = new VirtualClock();
    log = new LogRecorder();
  });

  function certificateOf(name: CertificateFiles): string {
    return loadTls(name, 'x').credentials.cert;
  }

  it('keeps the old pair while only one file is new, says so once, and takes the new pair when it is whole', () => {
    const material = new TlsMaterial({ files, setting: 'origin.rtmps', clock, log });
    const seen: string[] = [];
    material.onChange(({ cert }) => seen.push(cert));
    clock.advance(60_000);
    expect(seen).toEqual([]);

    copyFileSync(second.certificate, files.certificate);
    clock.advance(30_000);
    expect(seen).toEqual([]);
    expect(material.credentials.cert).toBe(certificateOf(first));
    expect(log.lines.filter(({ fields }) => fields['code'] === 'TLS_FILES_UNUSABLE')).toHaveLength(1);

    copyFileSync(second.key, files.key);
    clock.advance(10_000);
    expect(seen).toEqual([certificateOf(second)]);
    expect(material.credentials.cert).toBe(certificateOf(second));
    material.close();
    expect(clock.pendingTimers).toBe(0);
  });

  it('goes on with the old pair when the files vanish', () => {
    const material = new TlsMaterial({ files, setting: 'origin.rtmps', clock, log });
    rmSync(files.key);
    clock.advance(10_000);
    expect(material.credentials.cert).toBe(certificateOf(first));
    expect(log.text).toContain('there is no file');
    material.close();
  });

  it('warns of a certificate that is not valid now', () => {
    // The virtual clock stands at the beginning of 2026, before the certificate was made.
    new TlsMaterial({ files, setting: 'origin.rtmps', clock, log }).close();
    expect(log.lines.map(({ fields }) => fields['code'])).toContain('TLS_CERTIFICATE_VALIDITY');
  });
});
