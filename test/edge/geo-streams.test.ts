import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { makeClip } from '../rtmp/sample-clip.ts';
import { RawConnection } from '../rtmp/raw-connection.ts';
import { eventually } from '../support/condition.ts';
import { LiveHouse } from '../support/live-relay.ts';
import { countryMmdb } from '../support/mmdb-writer.ts';
import { proxyBinary, proxyLine } from '../support/proxy-headers.ts';
import { TcpGateway } from '../support/tcp-gateway.ts';

/** The first word that a player gets of what it asked for. */
async function told(port: number, app: string, name: string): Promise<string> {
  const connection = await RawConnection.open(port);
  try {
    await connection.handshake();
    await connection.connect({ app, tcUrl: `rtmp://127.0.0.1/${app}` });
    await connection.createStream();
    connection.sendCommand('play', 5, null, [name, -1], 1);
    const status = await eventually('a word', () =>
      connection.statuses().find(({ code }) => code.startsWith('NetStream.Play')),
    );
    return status.code;
  } finally {
    connection.destroy();
  }
}

it('streams and stored files are for the countries of their distribution, over RTMP, FLV and WebSocket', async () => {
  await using house = new LiveHouse();
  const folder = mkdtempSync(join(tmpdir(), 'streamfront-geo-'));
  house.defer(() => rmSync(folder, { recursive: true, force: true }));
  const countryDatabase = join(folder, 'countries.mmdb');
  writeFileSync(countryDatabase, countryMmdb({ '192.0.2.0/24': 'DE', '2001:db8::/32': 'FR' }));
  const clip = join(folder, 'clip.mp4');
  await makeClip(clip, 1, ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-c:a', 'aac']);
  utimesSync(clip, new Date(Date.now() - 60_000), new Date(Date.now() - 60_000));
  const origin = await house.origin({ library: { folder } });
  const edge = await house.edge(
    [origin.rtmpPort],
    {},
    {
      countryDatabase,
      publish: { keys: [{ key: 'a-key-of-a-test' }] },
      trustedProxies: ['127.0.0.1'],
      proxyProtocol: ['http', 'rtmp'],
      origins: { main: { url: `http://127.0.0.1:${origin.httpPort}`, rtmp: `rtmp://127.0.0.1:${origin.rtmpPort}` } },
      distributions: [{ name: 'site', behaviours: [{ path: '*', geo: { allow: ['fr'] } }] }],
      streaming: [
        {
          name: 'live',
          geo: { block: ['DE'] },
          behaviours: [{ stream: 'live/free' }, { stream: 'live/*', geo: { block: ['FR'] } }],
        },
        { name: 'files', stored: {} },
        { name: 'files at home', apps: ['home'], geo: { block: ['FR'] }, stored: {} },
      ],
    },
  );
  const from = async (port: number, header: Uint8Array): Promise<number> => {
    const gateway = await TcpGateway.to(port, header);
    house.defer(() => gateway.close());
    return gateway.port;
  };
  const germany = proxyBinary('192.0.2.7', 1024);
  const france = Buffer.from(proxyLine('2001:db8::7', 1024));
  const [rtmpDe, rtmpFr, httpDe, httpFr] = [
    await from(edge.rtmpPort, germany),
    await from(edge.rtmpPort, france),
    await from(edge.httpPort, germany),
    await from(edge.httpPort, france),
  ];
  await house.publish(origin.rtmpPort, 'free').started();
  await house.publish(origin.rtmpPort, 'stage').started();

  const viewer = await house.viewer(rtmpFr, 'free');
  await viewer.getsFrames(3);
  const flv = await house.flvViewer(httpFr, 'free', 'web-socket');
  await eventually('frames as FLV', () => flv.media.length > 3);
  expect(await told(rtmpDe, 'live', 'free')).toBe('NetStream.Play.Unauthorized');
  expect(await told(rtmpFr, 'live', 'stage')).toBe('NetStream.Play.Unauthorized');
  // The rule of a behaviour stands in place of that of its distribution.
  expect(await told(rtmpDe, 'live', 'stage')).not.toBe('NetStream.Play.Unauthorized');
  const refused = await fetch(`http://127.0.0.1:${httpDe}/live/free.flv`);
  expect([refused.status, await refused.text()]).toEqual([
    403,
    'this is not available in the country that you are in\n',
  ]);
  const closed = new WebSocket(`ws://127.0.0.1:${httpDe}/live/free.flv`);
  await new Promise((resolve) => closed.addEventListener('close', resolve));
  expect(edge.stats().live.refused).toEqual({ PLAY_COUNTRY_NOT_SERVED: 4 });

  expect(await told(rtmpFr, 'cfx/st', 'mp4:clip')).not.toBe('NetStream.Play.Unauthorized');
  expect(await told(rtmpDe, 'cfx/st', 'mp4:clip')).toBe('NetStream.Play.Unauthorized');
  expect(await told(rtmpFr, 'home', 'mp4:clip')).toBe('NetStream.Play.Unauthorized');
  const file = (port: number): Promise<number> =>
    fetch(`http://127.0.0.1:${port}/library/clip.flv`).then(({ status }) => status);
  expect([await file(httpDe), await file(httpFr)]).toEqual([403, 200]);
  // Who publishes is not asked for a country; but does not count as one of this machine, as the proxy does.
  await expect(house.publish(rtmpDe, 'free-2').started()).rejects.toThrow('needs a stream key');
  await house.publish(rtmpDe, 'free-2?key=a-key-of-a-test').started();
  expect(edge.log.lines.filter(({ fields }) => String(fields['peer']).startsWith('192.0.2.7'))).not.toEqual([]);
});
