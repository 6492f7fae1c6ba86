import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { RawConnection } from '../rtmp/raw-connection.ts';
import { eventually } from '../support/condition.ts';
import { startHookServer } from '../support/hook-server.ts';
import { startProgram } from '../support/program.ts';

/** Enhanced RTMP: this client can be asked to connect again. */
const canReconnect = 1;

let ending: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ending.toReversed()) await end();
  ending = [];
});

const portOf = (url: string) => Number(new URL(url).port);

/** Publishes, could connect again when it is asked to, and then neither reads nor leaves. */
async function stubbornEncoder(rtmpUrl: string, name: string): Promise<void> {
  const encoder = await RawConnection.at('handshaken', portOf(rtmpUrl.replace('rtmp:', 'http:')));
  ending.push(() => encoder.destroy());
  await encoder.connect({ app: 'live', tcUrl: rtmpUrl, capsEx: canReconnect });
  await encoder.createStream();
  await encoder.publish(name);
  encoder.stopReading();
}

/** Begins a request whose answer has no end, and reads nothing of it. */
async function stubbornViewer(url: string, path: string): Promise<void> {
  const socket = connect({ host: '127.0.0.1', port: portOf(url) });
  socket.on('error', () => {});
  ending.push(() => socket.destroy());
  await once(socket, 'connect');
  socket.pause();
  socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
}

describe('streamfront, told to stop', () => {
  it('ends by itself, before it has to leave anything behind, however stubborn encoders, viewers and the hook are', async () => {
    const hook = await startHookServer(({ event }) => (event === 'publish' ? { status: 200 } : 'never'));
    ending.push(() => hook.close());
    const publish = {
      auth: 'none' as const,
      hook: { url: hook.url, secret: 'at-least-sixteen-characters', onFailure: 'closed' as const },
    };
    const program = await startProgram({ configuration: { demo: true, origin: { publish }, edge: { publish } } });
    ending.push(() => program.process.kill('SIGKILL'));
    for (const [url, name] of [
      [program.rtmpUrl, 'through-edge'],
      [program.originRtmpUrl, 'at-origin'],
    ] as const) {
      await stubbornEncoder(url, `${name}-1`);
      await stubbornEncoder(url, `${name}-2`);
    }
    for (const url of [program.edgeUrl, program.originUrl]) {
      await stubbornViewer(url, '/live/demo.flv');
      await stubbornViewer(url, '/live/at-origin-1.flv');
    }
    await eventually('the demo is there', async () =>
      (await (await fetch(`${program.originUrl}/live/streams.json`)).text()).includes('"demo"'),
    );
    // 1 where it left at its deadline.
    expect(await program.stop()).toBe(0);
    expect(program.logLines().map((line) => line['msg'])).toContain('stopped');
  });
});
