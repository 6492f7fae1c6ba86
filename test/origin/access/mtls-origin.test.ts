import { copyFileSync, readFileSync } from 'node:fs';
import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { get } from '../../edge/test-edge.ts';
import { type CertificateFiles, makeCertificate } from '../../support/certificates.ts';
import { RestrictedHouse } from './restricted-house.ts';

/** What reads files again. */
const lookMs = 10_000;

/** The status of the answer to a GET, and a session to resume. */
async function ask(port: number, options: object): Promise<{ status: string; session: Buffer | undefined }> {
  const socket: TLSSocket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options });
  let session: Buffer | undefined;
  socket.on('session', (one: Buffer) => {
    session = one;
  });
  await once(socket, 'secureConnect');
  socket.write('GET /page.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  const text = (await socket.toArray()).join('');
  return { status: text.slice(9, 12), session };
}

function certificates({ folder }: RestrictedHouse, ...[first, second, third]: [string, string, string]) {
  return Promise.all([makeCertificate(folder, first), makeCertificate(folder, second), makeCertificate(folder, third)]);
}

function presented({ certificate, key }: CertificateFiles) {
  return { cert: readFileSync(certificate), key: readFileSync(key) };
}

describe('an origin with access.kind: mtls', () => {
  it('answers who has a certificate that counts, over TLS, and tells all others why not', async () => {
    await using house = new RestrictedHouse();
    const [own, edges, strangers] = await certificates(house, 'own', 'edges', 'strangers');
    const access = { kind: 'mtls' as const, clientCa: edges.certificate };
    const origin = await house.origin({ https: { port: 0, ...own }, access });
    const port = origin.httpsPort ?? 0;
    expect((await ask(port, presented(edges))).status).toBe('200');
    expect((await ask(port, presented(strangers))).status).toBe('403');
    const plain = await get(origin.httpPort, '/page.txt');
    expect([plain.status, plain.text]).toEqual([
      403,
      'this origin answers edges only: over TLS, with a certificate of an edge\n',
    ]);
  });

  it('wants to see the certificate on each connection: a session of TLS that is resumed shows none', async () => {
    await using house = new RestrictedHouse();
    const [own, edges] = await certificates(house, 'own', 'edges', 'others');
    const access = { kind: 'mtls' as const, clientCa: edges.certificate };
    const origin = await house.origin({ https: { port: 0, ...own }, access });
    const port = origin.httpsPort ?? 0;
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3']) {
      for (const shown of [{}, presented(edges)]) {
        const first = await ask(port, { maxVersion, ...shown });
        expect(first.session).toBeDefined();
        const second = await ask(port, { maxVersion, session: first.session });
        expect([maxVersion, second.status]).toEqual([maxVersion, '403']);
      }
    }
  });

  it('follows the files of certificates: those of its edges, and on an edge its own', async () => {
    await using house = new RestrictedHouse();
    const [own, first, second] = await certificates(house, 'own', 'first', 'second');
    const trusted = `${house.folder}/trusted.crt`;
    const used = { certificate: `${house.folder}/used.crt`, key: `${house.folder}/used.key` };
    const take = (files: CertificateFiles) => {
      copyFileSync(files.certificate, used.certificate);
      copyFileSync(files.key, used.key);
    };
    take(first);
    copyFileSync(first.certificate, trusted);
    const origin = await house.origin({ https: { port: 0, ...own }, access: { kind: 'mtls', clientCa: trusted } });
    const url = `https://localhost:${origin.httpsPort}`;
    // Each edge connects anew.
    const status = async () => {
      const edge = await house.edge({ url, ca: own.certificate, ...used });
      return (await get(edge.httpPort, '/page.txt')).status;
    };
    expect(await status()).toBe(200);
    copyFileSync(second.certificate, trusted);
    house.clock.advance(lookMs);
    expect(await status()).toBe(502);
    const edge = await house.edge({ url, ca: own.certificate, ...used });
    expect((await get(edge.httpPort, '/page.txt')).status).toBe(502);
    take(second);
    house.clock.advance(lookMs);
    expect((await get(edge.httpPort, '/page.txt?new')).status).toBe(200);
  });
});
