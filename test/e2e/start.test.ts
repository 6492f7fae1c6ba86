import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/condition.ts';
import { run } from '../support/ffmpeg.ts';
import { type RunningProgram, startProgram } from '../support/program.ts';

const demoClip = join(import.meta.dirname, '..', '..', 'media', 'demo.mp4');
const mainFile = join(import.meta.dirname, '..', '..', 'src', 'cli', 'main.ts');

let program: RunningProgram | undefined;
afterEach(async () => {
  await program?.stop();
  program = undefined;
});

interface StreamList {
  readonly streams: readonly { readonly name: string; readonly state: string }[];
}

describe('streamfront start', () => {
  it('publishes the demo clip, serves the page, the playlist and /healthz, and ends on SIGTERM in under 5 s', async () => {
    program = await startProgram({ flags: ['--demo'] });
    for (const url of [program.edgeUrl, program.originUrl]) {
      const health = await fetch(`${url}/healthz`);
      expect(health.status).toBe(200);
    }
    const { edgeUrl } = program;
    await eventually('the demo stream is live', async () => {
      const list = (await (await fetch(`${edgeUrl}/live/streams.json`)).json()) as StreamList;
      return list.streams.some(({ name, state }) => name === 'demo' && state === 'live');
    });
    const playlist = await fetch(`${edgeUrl}/live/demo/index.m3u8`);
    expect(playlist.status).toBe(200);
    expect(await playlist.text()).toMatch(/CODECS="avc1\.\w+,mp4a\.40\.2"/);
    const page = await fetch(`${edgeUrl}/`);
    expect(page.headers.get('content-type')).toMatch(/^text\/html/);
    expect(page.headers.get('x-cache')).toMatch(/from streamfront$/);

    const begin = performance.now();
    expect(await program.stop()).toBe(0);
    expect(performance.now() - begin).toBeLessThan(5_000);
    program = undefined;
  });

  it('prints the page, the ffmpeg line, the OBS settings and the data folder, in this order', async () => {
    program = await startProgram({ flags: ['--no-demo'] });
    const out = program.standardOutput();
    const places = [/Watch +http:\/\/localhost:\d+\//, /ffmpeg -re /, /OBS +Settings/, /Data +\//].map((p) =>
      out.search(p),
    );
    expect(places.every((place) => place >= 0)).toBe(true);
    expect(places).toEqual(places.toSorted((a, b) => a - b));
  });

  it('finds its own origin, and the demo its edge, on whatever addresses they listen', async () => {
    program = await startProgram({
      configuration: {
        demo: true,
        origin: { http: { host: '127.0.0.2' }, rtmp: { host: '127.0.0.3' } },
        edge: { http: { host: '0.0.0.0' }, rtmp: { host: '127.0.0.4' } },
      },
    });
    const { edgeUrl } = program;
    await eventually('the demo is live at the origin, seen through the edge', async () => {
      const answer = await fetch(`${edgeUrl}/live/streams.json`);
      if (!answer.ok) return false;
      return ((await answer.json()) as StreamList).streams.some(
        ({ name, state }) => name === 'demo' && state === 'live',
      );
    });
    const flv = await fetch(`${edgeUrl}/live/demo.flv`);
    expect(flv.status).toBe(200);
    await flv.body?.cancel();
  });

  it('names the setting when a port is in use', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const address = taken.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const folder = mkdtempSync(join(tmpdir(), 'streamfront-'));
    try {
      for (const [flag, setting] of [
        ['--http-port', 'edge.http.port'],
        ['--rtmp-port', 'edge.rtmp.port'],
        ['--origin-rtmp-port', 'origin.rtmp.port'],
        ['--origin-http-port', 'origin.http.port'],
        ['--control-port', 'control.http.port'],
      ] as const) {
        const free = [
          '--http-port',
          '--rtmp-port',
          '--origin-http-port',
          '--origin-rtmp-port',
          '--control-port',
        ].flatMap((name) => [name, '0']);
        const ports = [...free, flag, String(port)];
        const result = await run(process.execPath, [mainFile, 'start', '--no-demo', '--data', folder, ...ports]);
        expect(result.code).toBe(1);
        expect(result.standardError).toContain(`${port}`);
        expect(result.standardError).toContain(setting);
        expect(result.standardError).not.toMatch(/^\s+at /m);
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
      taken.close();
    }
  });
});

describe('streamfront check', () => {
  it('says what a configuration means, and everything that is wrong with another', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'streamfront-'));
    try {
      const good = join(folder, 'good.yaml');
      writeFileSync(good, 'roles: [edge]\nedge: { location: frankfurt }\n');
      const fine = await run(process.execPath, [mainFile, 'check', '--config', good]);
      expect(fine.code).toBe(0);
      expect(fine.standardOutput).toContain('is fine');
      expect(fine.standardOutput).toMatch(/cache: 512MiB of memory, 10GiB on disk in .*cache$/m);
      expect(fine.standardOutput).toContain('/live/* → main (http://127.0.0.1:8081), by policy cloudfront');
      expect(fine.standardOutput).toContain('location frankfurt');

      const bad = join(folder, 'bad.yaml');
      writeFileSync(bad, 'edgy: {}\norigin: { live: { window: 5 } }\n');
      const wrong = await run(process.execPath, [mainFile, 'check', '--config', bad]);
      expect(wrong.code).toBe(1);
      expect(wrong.standardError).toContain('line 1: edgy: there is no such setting; did you mean edge?');
      expect(wrong.standardError).toContain('line 2: origin.live.window: must be a text, not 5');

      const clip = join(folder, 'absent.mp4');
      writeFileSync(good, `origin: { live: { slate: [{ stream: 'live/*', file: '${demoClip}', after: 3s }] } }\n`);
      const shown = await run(process.execPath, [mainFile, 'check', '--config', good]);
      expect(shown.standardOutput).toContain(`live/* shows ${demoClip} after 3s without a publisher`);
      writeFileSync(bad, `origin: { live: { slate: [{ stream: 'live/*', file: '${clip}' }] } }\n`);
      for (const command of ['check', 'start']) {
        const absent = await run(process.execPath, [mainFile, command, '--config', bad, '--data', folder]);
        expect(absent.code).toBe(1);
        expect(absent.standardError).toContain(`origin.live.slate[0].file: ${clip}: there is no such file`);
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
