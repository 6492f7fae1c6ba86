import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/cli/system-clock.ts';
import { openStoredMedia } from '../../src/formats/stored-media/open.ts';
import { makeCertificate } from '../support/certificates.ts';
import { eventually } from '../support/condition.ts';
import { packetHashes, run } from '../support/ffmpeg.ts';
import { SampleFile } from '../support/stored-sample.ts';
import { RawConnection } from './raw-connection.ts';
import { makeClip, remux } from './sample-clip.ts';
import { everyFrame, StoredPlayer } from './stored-house.ts';
import { localFile, type StoredServer, startStoredServer } from './stored-server.ts';

const seconds = 6;

let folder: string;
let server: StoredServer;
/** What ffmpeg reads from the file itself. */
let whole: Awaited<ReturnType<typeof packetHashes>>;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'streamfront-stored-players-'));
  const file = (name: string) => join(folder, name);
  await makeClip(file('video.mp4'), seconds);
  await remux(file('video.mp4'), file('media.flv'));
  await remux(file('video.mp4'), file('film.mov'));
  await makeClip(file('song.mp3'), seconds, ['-map', '1:a', '-c:a', 'libmp3lame']);
  whole = await packetHashes(file('video.mp4'));
  server = await startStoredServer(systemClock);
  for (const [path, name] of [
    ['dir/video.mp4', 'video.mp4'],
    ['media.flv', 'media.flv'],
    ['film.mov', 'film.mov'],
    ['dir/song.mp3', 'song.mp3'],
  ] as const) {
    server.gate.files.set(path, localFile(file(name), openStoredMedia));
  }
});

afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

function rtmpdump(output: string, args: readonly string[]): ReturnType<typeof run> {
  return run('rtmpdump', ['-q', ...args, '-o', join(folder, output)]);
}

/** Decode times of the pictures, in seconds. */
async function pictureTimes(file: string): Promise<number[]> {
  const entries = ['-show_entries', 'packet=dts_time', '-of', 'csv=p=0'];
  const probed = await run('ffprobe', ['-v', 'error', '-select_streams', 'v', ...entries, file]);
  return probed.standardOutput.trim().split('\n').map(Number);
}

/** Reads as fast as it comes: all of it is asked for as its buffer. */
const atOnce = ['-rtmp_buffer', '600000'];

describe('ffmpeg', () => {
  it.each([
    ['dir/video.mp4', 'cfx/st', 'mp4:dir/video.mp4'],
    ['dir/video', 'cfx/st', 'dir/video'],
    ['mp4:dir/video.mp4', 'cfx/st', 'mp4:dir/video.mp4'],
    ['mp4%3Adir/video.mp4', 'cfx/st', 'mp4:mp4%3Adir/video.mp4'],
    ['mp4:dir/video?Expires=1&Signature=a~b', 'cfx/st', 'mp4:dir/video?Expires=1&Signature=a~b'],
  ])('plays …/cfx/st/%s packet by packet', async (name, app, play) => {
    server.gate.requests.length = 0;
    expect(await packetHashes(`${server.url}/${name}`, atOnce)).toEqual(whole);
    // It asks for the length first.
    expect(server.gate.requests.map((request) => [request.app, request.streamName])).toEqual([
      [app, play],
      [app, play],
    ]);
  });

  it('plays FLV and MOV packet by packet, and names an FLV file without its extension', async () => {
    server.gate.requests.length = 0;
    expect(await packetHashes(`${server.url}/media.flv`)).toEqual(whole);
    expect(server.gate.requests[0]?.streamName).toBe('media');
    expect(await packetHashes(`${server.url}/mp4:film`, atOnce)).toEqual(whole);
  });

  it('plays MP3', async () => {
    const played = await packetHashes(`${server.url}/mp3:dir/song`, atOnce);
    expect(played.video).toEqual([]);
    expect(played.audio).toEqual((await packetHashes(join(folder, 'song.mp3'))).audio);
  });

  it('knows how long it is and what is in it, and sees no other track', async () => {
    const entries = ['-show_entries', 'format=duration:stream=codec_name,width,height', '-of', 'csv=p=0'];
    const probed = await run('ffprobe', ['-v', 'error', ...entries, `${server.url}/dir/video.mp4`]);
    const lines = probed.standardOutput.trim().split('\n');
    expect(lines.slice(0, 2).sort()).toEqual(['aac', 'h264,320,180']);
    expect(lines).toHaveLength(3);
    expect(Number(lines[2])).toBeCloseTo(seconds, 0);
  });

  it('seeks to a keyframe, in the time of the file', async () => {
    const output = join(folder, 'sought.flv');
    const url = `${server.url}/dir/video.mp4`;
    const seek = await run('ffmpeg', [
      '-nostdin',
      '-y',
      '-v',
      'error',
      '-copyts',
      '-ss',
      '3.5',
      '-i',
      url,
      '-c',
      'copy',
      output,
    ]);
    expect(seek).toMatchObject({ code: 0 });
    const played = await packetHashes(output);
    expect(played.video).toEqual(whole.video.slice(-played.video.length));
    // From 3 s on.
    expect(played.video.length).toBe(75);
    expect(await pictureTimes(output)).toEqual((await pictureTimes(join(folder, 'media.flv'))).slice(75));
  });
});

describe('over TLS', () => {
  it('ffmpeg plays packet by packet', async () => {
    const certificate = await makeCertificate(folder, 'stored');
    const credentials = {
      cert: readFileSync(certificate.certificate, 'utf8'),
      key: readFileSync(certificate.key, 'utf8'),
      minVersion: 'TLSv1.2',
    } as const;
    const secure = await startStoredServer(systemClock, { credentials, onChange: () => () => {} });
    try {
      secure.gate.files.set('video.mp4', localFile(join(folder, 'video.mp4'), openStoredMedia));
      expect(await packetHashes(`${secure.url}/video.mp4`, atOnce)).toEqual(whole);
    } finally {
      await secure.close();
    }
  });
});

describe('a player that does not read', () => {
  it('is waited for without holding anybody up, and gets all of it when it reads on', async () => {
    const file = new SampleFile('long.mp4', { seconds: 100, videoBytes: 8_000 });
    server.gate.files.set('long.mp4', file);
    const slow = new StoredPlayer(await RawConnection.at('handshaken', server.port));
    try {
      await slow.connection.connect({ app: 'cfx/st' });
      await slow.connection.createStream();
      slow.setBuffer(600_000);
      slow.connection.stopReading();
      slow.send('play', 'long.mp4');
      await eventually('something is read', () => file.readBytes > 65_536);
      expect(await packetHashes(`${server.url}/dir/video.mp4`, atOnce)).toEqual(whole);
      // What a socket takes, and no more: the system's buffers at both ends.
      const { readBytes } = file;
      expect(readBytes).toBeLessThan(file.lengthBytes);
      slow.connection.readOn();
      await slow.isTold('NetStream.Play.Complete');
      expect(slow.frames()).toEqual(everyFrame(0, 99_960));
    } finally {
      slow.connection.destroy();
    }
  });
});

describe('rtmpdump', () => {
  it.each([
    ['-r …/cfx/st/mp4:dir/video.mp4', ['-r', 'mp4:dir/video.mp4'], 'cfx/st/mp4:dir', 'mp4:video'],
    ['-r …/cfx/st/dir/video.mp4', ['-r', 'dir/video.mp4'], 'cfx/st/dir', 'mp4:video'],
    ['-r …/cfx/st/media.flv', ['-r', 'media.flv'], 'cfx/st', 'media'],
    ['--rtmp …/cfx/st --playpath', ['--rtmp', '', '--playpath', 'mp4:dir/video'], 'cfx', 'mp4:dir/video'],
    ['--app, --rtmp and --playpath', ['--rtmp', '', '--app', 'cfx/st', '--playpath', 'film'], 'cfx/st', 'film'],
  ])('%s plays packet by packet, faster than it lasts, to its end', async (form, args, app, play) => {
    const output = `dumped-${form.replaceAll(/\W+/g, '-')}.flv`;
    const [option = '', name = '', ...rest] = args;
    server.gate.requests.length = 0;
    const dumped = await rtmpdump(output, [option, name === '' ? server.url : `${server.url}/${name}`, ...rest]);
    expect(dumped).toMatchObject({ code: 0 });
    expect(server.gate.requests.map((request) => [request.app, request.streamName])).toEqual([[app, play]]);
    expect(await packetHashes(join(folder, output))).toEqual(whole);
  });

  it('--start and --stop give the part from the keyframe before, in the time of the file', async () => {
    const args = ['--rtmp', server.url, '--playpath', 'mp4:dir/video'];
    // 2: it finds that this is not all of the file.
    expect(await rtmpdump('part.flv', [...args, '--start', '2.5', '--stop', '4.5'])).toMatchObject({ code: 2 });
    const part = await packetHashes(join(folder, 'part.flv'));
    const first = whole.video.indexOf(part.video[0] ?? '');
    expect(first).toBe(50);
    expect(part.video).toEqual(whole.video.slice(first, first + part.video.length));
    const times = await pictureTimes(join(folder, 'part.flv'));
    const original = (await pictureTimes(join(folder, 'media.flv'))).slice(first, first + part.video.length);
    // What is before the start is there to be decoded, at once.
    expect(times).toEqual(original.map((time) => Math.max(time, 2.5)));
    expect(times.at(-1)).toBeLessThan(4.5);
    expect(times.at(-1)).toBeGreaterThan(4.4);
  });

  it('--resume goes on where a file ended', async () => {
    const args = ['--rtmp', server.url, '--playpath', 'mp4:dir/video'];
    expect((await rtmpdump('resumed.flv', [...args, '--stop', '3.6'])).code).toBe(2);
    const file = join(folder, 'resumed.flv');
    expect((await packetHashes(file)).video).toEqual(whole.video.slice(0, 90));
    expect((await rtmpdump('resumed.flv', [...args, '--resume'])).code).toBe(0);
    expect((await packetHashes(file)).video).toEqual(whole.video);
    expect(await pictureTimes(file)).toEqual(await pictureTimes(join(folder, 'media.flv')));
  });
});
