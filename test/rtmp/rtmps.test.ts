import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/base/errors.ts';
import type { Clock } from '../../src/base/clock.ts';
import { systemClock } from '../../src/cli/system-clock.ts';
import { type CertificateFiles, makeCertificate } from '../support/certificates.ts';
import { eventually } from '../support/condition.ts';
import { run } from '../support/ffmpeg.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { RawConnection } from './raw-connection.ts';
import { makeClip } from './sample-clip.ts';
import { startNeighbour, startTestIngest, type TestIngest } from './test-ingest.ts';

let folder: string;
let clip: string;
let first: CertificateFiles;
let second: CertificateFiles;
let server: TestIngest | undefined;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'streamfront-rtmps-'));
  clip = await makeClip(join(folder, 'clip.flv'), 3);
  first = await makeCertificate(folder, 'first');
  second = await makeCertificate(folder, 'second');
});

afterEach(async () => {
  await server?.close();
  server = undefined;
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

async function start(
  more: { clock?: Clock; maxConnections?: number; maxVersion?: 'TLSv1.2' | 'TLSv1.3' } = {},
  files = first,
): Promise<{ ingest: TestIngest; port: number }> {
  const { clock = systemClock, maxConnections = 100, maxVersion = 'TLSv1.3' } = more;
  server = await startTestIngest({
    clock,
    rtmp: { maxConnections },
    rtmps: { host: '127.0.0.1', port: 0, maxVersion, ...files },
  });
  return { ingest: server, port: server.ingest.rtmpsPort ?? 0 };
}

/** Trusts no certificate but that of `files`. */
function secured(port: number, files: CertificateFiles, options: object = {}): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options }, () => {
      const name = String(socket.getPeerCertificate().subject.CN);
      if (files.certificate.includes(`${name}.crt`)) resolve(socket);
      else reject(new Error(`the certificate of ${name}`));
    });
    socket.on('error', reject);
  });
}

describe('RTMP over TLS', () => {
  it('takes what ffmpeg publishes to rtmps://, every frame of it, its certificate verified', async () => {
    const { ingest, port } = await start();
    const url = `rtmps://127.0.0.1:${port}/live/clip`;
    const publish = ['-nostdin', '-v', 'error', '-i', clip, '-c', 'copy', '-f', 'flv'];
    const trusting = ['-tls_verify', '1', '-ca_file', first.certificate];
    const plain = `rtmp://127.0.0.1:${ingest.port}/live/plain`;
    expect(await run('ffmpeg', [...publish, ...trusting, url])).toMatchObject({ code: 0, standardError: '' });
    expect(await run('ffmpeg', [...publish, plain])).toMatchObject({ code: 0, standardError: '' });
    const overTls = ingest.followed('live/clip');
    const overTcp = ingest.followed('live/plain');
    await eventually('both have left', () => overTls.events.includes('stop') && overTcp.events.includes('stop'));
    expect(overTls.units.length).toBeGreaterThan(200);
    expect(overTls.units).toEqual(overTcp.units);
    expect(ingest.log.lines.filter((line) => line.level === 'warn')).toEqual([]);
  });

  it('answers a session over TLS as over TCP, and counts both', async () => {
    const { ingest, port } = await start();
    const connection = RawConnection.over(await secured(port, first));
    await connection.handshake();
    await connection.connect();
    await connection.createStream();
    await connection.publish('stage');
    const other = await RawConnection.at('connected', ingest.port);
    expect(ingest.ingest.stats()).toMatchObject({ connections: 2, accepted: 2 });
    expect(ingest.directory.get('live/stage')?.publication?.peer).toBe(`127.0.0.1:${connection.port}`);
    connection.end();
    other.end();
    await eventually('both are gone', () => ingest.ingest.stats().closed['PEER_LEFT'] === 2);
    expect(ingest.directory.get('live/stage')?.publication).toBeUndefined();
  });

  it.each(['-tls1_2', '-tls1_3'])(
    'says in the log that a peer does not accept the certificate, with %s',
    async (version) => {
      const { ingest, port } = await start();
      const args = ['-connect', `127.0.0.1:${port}`, '-CAfile', second.certificate, '-verify_return_error', version];
      expect((await run('openssl', ['s_client', ...args])).code).not.toBe(0);
      expect((await ingest.warning('RTMPS_CERTIFICATE_REFUSED')).message).toContain('does not accept the certificate');
    },
  );

  it('speaks the newest version that it may, also after its files have changed', async () => {
    const files = { certificate: join(folder, 'max.crt'), key: join(folder, 'max.key') };
    const copy = (from: CertificateFiles) => {
      copyFileSync(from.certificate, files.certificate);
      copyFileSync(from.key, files.key);
    };
    copy(first);
    const clock = new VirtualClock();
    const { port } = await start({ clock, maxVersion: 'TLSv1.2' }, files);
    const protocol = async (of: CertificateFiles) => {
      const socket = await secured(port, of);
      const version = socket.getProtocol();
      socket.destroy();
      return version;
    };
    expect(await protocol(first)).toBe('TLSv1.2');
    copy(second);
    clock.advance(10_000);
    expect(await protocol(second)).toBe('TLSv1.2');
    await expect(secured(port, second, { minVersion: 'TLSv1.3' })).rejects.toThrow();
    await server?.close();
    const socket = await secured((await start()).port, first);
    expect(socket.getProtocol()).toBe('TLSv1.3');
    socket.destroy();
  });

  it.each(['TLSv1', 'TLSv1.1'] as const)('refuses %s and says so in the log', async (version) => {
    const { ingest, port } = await start();
    const options = { minVersion: version, maxVersion: version, ciphers: 'DEFAULT:@SECLEVEL=0' };
    await expect(secured(port, first, options)).rejects.toThrow();
    expect((await ingest.warning('RTMPS_HANDSHAKE')).message).toMatch(/TLS handshake failed.*PROTOCOL/);
  });

  it.each([
    ['plain RTMP', Buffer.concat([Uint8Array.of(3), Buffer.alloc(1_536)]), /rtmp:\/\/ was perhaps meant/],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'), /HTTP request on a port for rtmps/],
  ])('says what came when %s comes to its port, and closes', async (_, bytes, sentence) => {
    const { ingest, port } = await start();
    const connection = await RawConnection.open(port);
    connection.send(bytes);
    await connection.serverCloses();
    const warning = await ingest.warning('RTMPS_HANDSHAKE');
    expect(warning.message).toMatch(sentence);
    expect(warning.fields['peer']).toBe(`127.0.0.1:${connection.port}`);
    expect(ingest.ingest.stats()).toMatchObject({ connections: 0, closed: { RTMPS_HANDSHAKE: 1 } });
  });

  it('gives the TLS and the RTMP handshake one deadline together', async () => {
    const clock = new VirtualClock();
    const { ingest, port } = await start({ clock });
    const neighbour = await startNeighbour(ingest);
    const silent = await RawConnection.open(port);
    await eventually('the silent one is there', () => ingest.ingest.stats().connections === 2);
    clock.advance(3_000);
    const slow = await secured(port, first);
    slow.on('error', () => {});
    await eventually('the slow one is there', () => ingest.ingest.stats().connections === 3);
    clock.advance(1_999);
    await neighbour.goesOn();
    expect(silent.closed).toBe(false);
    clock.advance(1);
    await silent.serverCloses();
    expect(ingest.ingest.stats().closed).toEqual({ RTMP_HANDSHAKE_TIMEOUT: 1 });
    clock.advance(2_999);
    await neighbour.goesOn();
    expect(slow.closed).toBe(false);
    clock.advance(1);
    await eventually('the slow one is closed', () => slow.closed);
    expect(ingest.ingest.stats().closed).toEqual({ RTMP_HANDSHAKE_TIMEOUT: 2 });
    await neighbour.endsWhole();
  });

  it('forgets who leaves in the middle of the TLS handshake, with a reset too', async () => {
    const { ingest, port } = await start();
    const left = connectTcp({ host: '127.0.0.1', port });
    left.on('error', () => {});
    left.write(Uint8Array.of(0x16, 0x03, 0x01));
    await eventually('it is there', () => ingest.ingest.stats().connections === 1);
    left.resetAndDestroy();
    const ended = await RawConnection.open(port);
    ended.end();
    await eventually('both are gone', () => ingest.ingest.stats().connections === 0);
    expect(ingest.ingest.stats().closed).toEqual({ PEER_LEFT: 2 });
    expect(ingest.log.lines.filter((line) => line.level === 'warn')).toEqual([]);
  });

  it('counts connections whose handshake is under way into maxConnections', async () => {
    const { ingest, port } = await start({ maxConnections: 2 });
    const waiting = [await RawConnection.open(port), await RawConnection.open(port)];
    await eventually('both are there', () => ingest.ingest.stats().connections === 2);
    await (await RawConnection.open(port)).serverCloses();
    expect(ingest.ingest.stats().closed).toEqual({ RTMP_TOO_MANY_CONNECTIONS: 1 });
    for (const connection of waiting) connection.destroy();
  });

  it('presents a new certificate when its files change, while a publisher goes on under the old one', async () => {
    const clock = new VirtualClock();
    const files = { certificate: join(folder, 'used.crt'), key: join(folder, 'used.key') };
    copyFileSync(first.certificate, files.certificate);
    copyFileSync(first.key, files.key);
    const { ingest, port } = await start({ clock }, files);
    const connection = RawConnection.over(await secured(port, first));
    await connection.handshake();
    await connection.connect();
    copyFileSync(second.certificate, files.certificate);
    copyFileSync(second.key, files.key);
    clock.advance(10_000);
    const renewed = await secured(port, second);
    renewed.destroy();
    await connection.isAnswered(1);
    expect(ingest.log.text).toContain('The certificate was replaced');
    connection.destroy();
  });

  it('does not start with files that do not fit together, and leaves no port open', async () => {
    const mixed = { certificate: first.certificate, key: second.key };
    const failed = start({}, mixed);
    await expect(failed).rejects.toThrow(ConfigError);
    await expect(failed).rejects.toThrow(/origin\.rtmps\.key: .*is not the key of/);
  });

  it('closes at once when the server closes, in the middle of a handshake too', async () => {
    const { ingest, port } = await start();
    const waiting = await RawConnection.open(port);
    await eventually('it is there', () => ingest.ingest.stats().connections === 1);
    await ingest.ingest.close();
    await waiting.serverCloses();
  });
});
