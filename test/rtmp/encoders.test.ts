import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AccessUnit } from '../../src/formats/media/access-unit.ts';
import { openMediaFile } from '../../src/rtmp/media-file/media-file.ts';
import { eventually } from '../support/condition.ts';
import { run } from '../support/ffmpeg.ts';
import { LibrtmpPublication } from './librtmp-publication.ts';
import { RawConnection } from './raw-connection.ts';
import { aac, audioUnit, avc, videoUnit } from './sample-media.ts';
import { makeClip, testSources } from './sample-clip.ts';
import { startTestIngest, type TestIngest } from './test-ingest.ts';

let folder: string;
let clip: string;
let server: TestIngest;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'streamfront-encoders-'));
  clip = await makeClip(join(folder, 'clip.flv'), 3);
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

beforeEach(async () => {
  server = await startTestIngest();
});

afterEach(async () => {
  await server.close();
});

async function unitsOf(path: string): Promise<AccessUnit[]> {
  const file = await openMediaFile(path);
  const units: AccessUnit[] = [];
  for await (const item of file.items({ loop: false })) if (item.kind === 'unit') units.push(item.unit);
  await file.close();
  return units;
}

describe('ffmpeg', () => {
  it('publishes: every frame of the clip arrives, with its time', async () => {
    const url = `rtmp://127.0.0.1:${server.port}/live/clip?key=unneeded-key`;
    const result = await run('ffmpeg', ['-nostdin', '-v', 'error', '-i', clip, '-c', 'copy', '-f', 'flv', url]);
    expect(result).toMatchObject({ code: 0, standardError: '' });
    const { events, units, configs } = server.followed('live/clip');
    await eventually('ffmpeg has left', () => events.includes('stop'));
    const expected = await unitsOf(clip);
    expect(expected.length).toBeGreaterThan(200);
    for (const kind of ['video', 'audio'] as const) {
      expect(units.filter((unit) => unit.kind === kind)).toEqual(expected.filter((unit) => unit.kind === kind));
    }
    expect(configs.map((config) => config.kind).sort()).toEqual(['audio', 'video']);
    expect(server.log.text).not.toContain('unneeded-key');
    expect(server.log.lines.filter((line) => line.level === 'warn')).toEqual([]);
  });

  it('that encodes as it goes is named by its metadata', async () => {
    const url = `rtmp://127.0.0.1:${server.port}/live/encoded`;
    let encoder: string | undefined;
    server.directory.onStream((stream) => {
      stream.subscribe({
        onPublisherStart: () => {},
        onTrackConfig: () => {},
        onColorInfo: () => {},
        onData: () => {},
        onAccessUnit: () => {
          encoder = stream.publication?.encoder;
        },
        onPublisherStop: () => {},
        onEnd: () => {},
      });
    });
    const input = ['-re', ...testSources];
    const output = ['-t', '1', '-c:v', 'libx264', '-preset', 'ultrafast', '-c:a', 'aac', '-f', 'flv', url];
    const result = await run('ffmpeg', ['-nostdin', '-v', 'error', ...input, ...output]);
    expect(result).toMatchObject({ code: 0, standardError: '' });
    expect(encoder).toMatch(/^Lavf/);
  });

  it('is told what is wrong with its codec', async () => {
    const url = `rtmp://127.0.0.1:${server.port}/live/flv1`;
    const input = ['-re', '-f', 'lavfi', '-i', 'testsrc=s=160x90:r=25'];
    const result = await run('ffmpeg', [
      '-nostdin',
      '-v',
      'error',
      ...input,
      '-t',
      '5',
      '-c:v',
      'flv1',
      '-f',
      'flv',
      url,
    ]);
    expect(result.code).not.toBe(0);
    expect(result.standardError).toContain('Sorenson H.263 video is not taken');
  });

  it('is told that the name is busy', async () => {
    const busy = await RawConnection.at('publishing', server.port, 'busy');
    const url = `rtmp://127.0.0.1:${server.port}/live/busy`;
    const result = await run('ffmpeg', ['-nostdin', '-v', 'error', '-i', clip, '-c', 'copy', '-f', 'flv', url]);
    expect(result.code).not.toBe(0);
    expect(result.standardError).toContain('live/busy is being published by another encoder');
    busy.destroy();
  });
});

describe('rtmpdump', () => {
  it('that wants to play is told that there is nothing to play here, and ends', async () => {
    const result = await run('rtmpdump', [
      '-r',
      `rtmp://127.0.0.1:${server.port}/live/clip`,
      '-o',
      '/dev/null',
      '-m',
      '5',
    ]);
    expect(result.code).not.toBe(0);
    expect(result.standardError).toContain('NetStream.Play.Failed');
    await eventually('its connection is gone', () => server.ingest.stats().connections === 0);
  });
});

describe('an encoder on librtmp', () => {
  it.each(['OBS', 'rtmpdump'] as const)(
    'that connects as %s does publishes, whatever the pieces in which its bytes come',
    async (dialect) => {
      const publication = await LibrtmpPublication.start(dialect, server.port, 'obs');
      const expected: AccessUnit[] = [];
      for (let number = 0; number < 50; number++) {
        // Several of a kind in a row, so that headers of every type come about.
        const bytes = number % 10 === 0 ? 9_000 : 200;
        expected.push(
          videoUnit(number, number * 40, bytes),
          audioUnit(number, number * 40 + 3),
          audioUnit(99, number * 40 + 24),
        );
      }
      publication.configure([aac, avc]);
      publication.send(expected);
      publication.leave();

      const { events, units } = server.followed('live/obs');
      await eventually('it has left', () => events.includes('stop'));
      expect(units).toEqual(expected);
      expect(server.log.lines.filter((line) => line.level === 'warn')).toEqual([]);
    },
  );
});
