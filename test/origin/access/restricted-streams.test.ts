import { mkdtempSync, rmSync, writeFileSync, chmodSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { amf0Object } from '../../../src/formats/amf0/value.ts';
import { type CertificateFiles, makeCertificate } from '../../support/certificates.ts';
import { LiveHouse } from '../../support/live-relay.ts';
import { RawConnection } from '../../rtmp/raw-connection.ts';

const secret = 'live-secret-'.repeat(4);
let folder: string;
let secretFile: string;
let origins: CertificateFiles;
let edges: CertificateFiles;
let strangers: CertificateFiles;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'streamfront-restricted-'));
  secretFile = join(folder, 'secret');
  writeFileSync(secretFile, secret);
  chmodSync(secretFile, 0o600);
  [origins, edges, strangers] = await Promise.all([
    makeCertificate(folder, 'origin'),
    makeCertificate(folder, 'edge'),
    makeCertificate(folder, 'stranger'),
  ]);
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** What a client is told that connects and does nothing else. */
async function connectionRefused(port: number): Promise<string> {
  const connection = await RawConnection.at('handshaken', port);
  connection.sendCommand('connect', 1, amf0Object({ app: 'live', tcUrl: `rtmp://127.0.0.1:${port}/live` }));
  await connection.serverCloses();
  return connection
    .statuses()
    .map(({ code, description }) => `${code}: ${description}`)
    .join();
}

describe('streams of an origin that answers edges only', () => {
  it('are published and played through edges that sign, and refused to all others', async () => {
    await using house = new LiveHouse();
    const secrets = [{ file: secretFile }];
    const origin = await house.origin({ access: { kind: 'signed', secrets } });
    const main = {
      url: `http://127.0.0.1:${origin.httpPort}`,
      rtmp: `rtmp://127.0.0.1:${origin.rtmpPort}?key=origin-key`,
    };
    const edge = await house.edge([origin.rtmpPort], {}, { origins: { main: { ...main, sign: { secrets } } } });
    await house.publish(edge.rtmpPort, 'one').started();
    const viewer = await house.viewer(edge.rtmpPort, 'one');
    await viewer.getsFrames(10);

    expect(await connectionRefused(origin.rtmpPort)).toMatch(/Rejected.*this origin answers edges only/);
    const unsigned = await house.edge([origin.rtmpPort], { answerTimeout: '2s' });
    await expect(house.publish(unsigned.rtmpPort, 'two').started()).rejects.toThrow(/cannot be reached at the moment/);
    expect(unsigned.log.text).toMatch(/ORIGIN_REFUSES_EDGE.*answers edges only/);
    const text = origin.log.text + edge.log.text + unsigned.log.text;
    expect(text).toContain('ORIGIN_UNSIGNED');
    expect(text).not.toMatch(/live-secret-|origin-key/);
  });

  it('may be published without an edge where the origin says so, and not be played', async () => {
    await using house = new LiveHouse();
    const access = { kind: 'signed' as const, secrets: [{ file: secretFile }], directPublish: true };
    const origin = await house.origin({ access });
    await house.publish(origin.rtmpPort, 'one').started();
    const player = await RawConnection.at('streaming', origin.rtmpPort);
    player.sendCommand('play', 5, null, ['one', -1], 1);
    await player.status('NetStream.Play.Unauthorized');
    player.destroy();
    expect(origin.log.text).toContain('ORIGIN_UNSIGNED');
  });

  it('go over TLS with the certificates of both sides', async () => {
    await using house = new LiveHouse();
    const at = { port: 0, ...origins };
    const origin = await house.origin({
      https: at,
      rtmps: { ...at, maxVersion: 'TLSv1.3' },
      access: { kind: 'mtls', clientCa: edges.certificate },
    });
    const main = {
      url: `https://localhost:${origin.httpsPort}`,
      rtmp: `rtmps://localhost:${origin.rtmpsPort}`,
      ca: origins.certificate,
    };
    const edge = await house.edge([1], {}, { origins: { main: { ...main, ...edges } } });
    await house.publish(edge.rtmpPort, 'one').started();
    const viewer = await house.viewer(edge.rtmpPort, 'one');
    await viewer.getsFrames(10);
    const answer = await fetch(`http://127.0.0.1:${edge.httpPort}/live/streams.json`);
    expect(answer.status).toBe(200);

    for (const others of [{}, strangers]) {
      const other = await house.edge([1], {}, { origins: { main: { ...main, ...others } } });
      await expect(house.publish(other.rtmpPort, 'two').started()).rejects.toThrow(/cannot be reached at the moment/);
      expect((await fetch(`http://127.0.0.1:${other.httpPort}/live/streams.json`)).status).toBe(502);
    }
    expect(await connectionRefused(origin.rtmpPort)).toContain('over TLS, with a certificate of an edge');
    expect(origin.log.text).toMatch(/ORIGIN_CERTIFICATE_MISSING[^]*ORIGIN_CERTIFICATE_UNTRUSTED/);
  });
});
