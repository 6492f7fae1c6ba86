import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { encodeAmf0 } from '../../src/formats/amf0/encode.ts';
import { Amf0EcmaArray, amf0Object, type Amf0Value } from '../../src/formats/amf0/value.ts';
import { encodeAudioTag } from '../../src/formats/flv/audio-tag.ts';
import { encodeVideoTag } from '../../src/formats/flv/video-tag.ts';
import type { AccessUnit } from '../../src/formats/media/access-unit.ts';
import { messageType } from '../../src/formats/rtmp/message.ts';
import { openMediaFile } from '../../src/rtmp/media-file/media-file.ts';
import { eventually } from '../support/condition.ts';
import { run } from '../support/ffmpeg.ts';
import { LibrtmpWriter } from './librtmp-writer.ts';
import { RawConnection, tagOf } from './raw-connection.ts';
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

/** The objects that librtmp sends with `connect`: as OBS fills them, and as rtmpdump does. */
const connectObjects: [string, (port: number) => Record<string, Amf0Value>][] = [
  [
    'OBS',
    (port) => ({
      app: 'live',
      type: 'nonprivate',
      flashVer: 'FMLE/3.0 (compatible; FMSc/1.0)',
      swfUrl: `rtmp://127.0.0.1:${port}/live`,
      tcUrl: `rtmp://127.0.0.1:${port}/live`,
    }),
  ],
  [
    'rtmpdump',
    (port) => ({
      app: 'live',
      flashVer: 'LNX 10,0,32,18',
      swfUrl: 'http://localhost/player.swf',
      tcUrl: `rtmp://127.0.0.1:${port}/live`,
      fpad: false,
      capabilities: 15,
      audioCodecs: 3_191,
      videoCodecs: 252,
      videoFunction: 1,
      pageUrl: 'http://localhost/',
    }),
  ],
];

describe('an encoder on librtmp', () => {
  it.each(connectObjects)(
    'that connects as %s does publishes, whatever the pieces in which its bytes come',
    async (_, object) => {
      const connection = await RawConnection.at('handshaken', server.port);
      const writer = new LibrtmpWriter();
      const name = 'obs';
      connection.send(writer.command(3, 0, ['connect', 1, amf0Object(object(server.port))]));
      await connection.status('NetConnection.Connect.Success');
      connection.send(writer.message(2, 0, messageType.setChunkSize, 0, Uint8Array.of(0, 0, 0x10, 0)));
      writer.chunkBytes = 4_096;
      connection.send(
        writer.message(2, 0, messageType.windowAcknowledgementSize, 0, Uint8Array.of(0, 0x26, 0x25, 0xa0)),
      );
      connection.send(writer.command(3, 0, ['releaseStream', 2, null, name]));
      connection.send(writer.command(3, 0, ['FCPublish', 3, null, name]));
      connection.send(writer.command(3, 0, ['createStream', 4, null]));
      await eventually('the message stream', () =>
        connection.commands().some((command) => command.transactionId === 4),
      );
      connection.send(writer.command(4, 1, ['publish', 5, null, name, 'live']));
      await connection.status('NetStream.Publish.Start');

      const metadata = new Amf0EcmaArray(
        new Map<string, Amf0Value>([
          ['width', 320],
          ['encoder', 'obs-output module'],
        ]),
      );
      const pieces = [
        writer.message(4, 1, messageType.dataAmf0, 0, encodeAmf0(['@setDataFrame', 'onMetaData', metadata])),
      ];
      const audioHeader = encodeAudioTag({ kind: 'sequence-header', codec: 'aac', description: aac.description });
      const videoHeader = encodeVideoTag({ kind: 'sequence-header', codec: 'avc', description: avc.description });
      pieces.push(writer.message(4, 1, messageType.audio, 0, audioHeader));
      pieces.push(writer.message(4, 1, messageType.video, 0, videoHeader));
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
      for (const unit of expected) {
        pieces.push(writer.message(4, 1, messageType[unit.kind], unit.timestampMs, tagOf(unit)));
      }
      const bytes = Buffer.concat(pieces);
      for (let at = 0, step = 1; at < bytes.length; at += step, step = (step * 7 + 3) % 1_999) {
        connection.send(bytes.subarray(at, at + step));
      }
      connection.send(writer.command(3, 0, ['FCUnpublish', 6, null, name]));
      connection.send(writer.command(3, 0, ['deleteStream', 7, null, 1]));
      connection.end();

      const { events, units } = server.followed('live/obs');
      await eventually('it has left', () => events.includes('stop'));
      expect(units).toEqual(expected);
      expect(server.log.lines.filter((line) => line.level === 'warn')).toEqual([]);
    },
  );
});
