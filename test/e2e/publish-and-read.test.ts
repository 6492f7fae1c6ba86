import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { AccessUnit } from '../../src/formats/media/access-unit.ts';
import type { TrackConfig } from '../../src/formats/media/track.ts';
import { openMediaFile } from '../../src/rtmp/media-file/media-file.ts';
import { LibrtmpPublication } from '../rtmp/librtmp-publication.ts';
import { eventually } from '../support/condition.ts';
import { packetHashes } from '../support/ffmpeg.ts';
import { recordPlaylists } from '../support/playlist-recorder.ts';
import { type RunningProgram, startProgram } from '../support/program.ts';

const clip = join(import.meta.dirname, '..', '..', 'media', 'demo.mp4');

let program: RunningProgram | undefined;
afterEach(async () => {
  await program?.stop();
  program = undefined;
});

/** Everything that is in the clip, in decode order. */
async function clipContent(): Promise<{ configs: readonly TrackConfig[]; units: AccessUnit[] }> {
  const file = await openMediaFile(clip);
  const units: AccessUnit[] = [];
  for await (const item of file.items({ loop: false })) if (item.kind === 'unit') units.push(item.unit);
  await file.close();
  return { configs: file.trackConfigs, units };
}

/** The stream ends two seconds after its publisher left, so that a reader of the playlist comes to an end. */
const configuration = { origin: { live: { reconnectGrace: '2s' } } };

describe('a stream published with ffmpeg', () => {
  it('reaches ffmpeg through the edge packet by packet, in playlists that keep every rule', async () => {
    program = await startProgram({ configuration });
    const { edgeUrl, originUrl, rtmpUrl } = program;
    const source = packetHashes(clip);
    const publisher = spawn(
      'ffmpeg',
      ['-nostdin', '-loglevel', 'error', '-re', '-i', clip, '-c', 'copy', '-f', 'flv', `${rtmpUrl}/thirty`],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    );
    const published = once(publisher, 'exit');
    const playlists = recordPlaylists(`${originUrl}/live/thirty`, ['video.m3u8', 'audio.m3u8']);
    await eventually('the playlist is there', async () => {
      const answer = await fetch(`${edgeUrl}/live/thirty/index.m3u8`);
      await answer.arrayBuffer();
      return answer.status === 200;
    });
    const read = await packetHashes(`${edgeUrl}/live/thirty/index.m3u8`, ['-live_start_index', '0']);
    expect((await published)[0]).toBe(0);

    const { video, audio } = await source;
    expect(video).toHaveLength(960);
    expect(read.video).toEqual(video);
    expect(read.audio).toEqual(audio);

    const history = await playlists;
    expect(history.get('video.m3u8')?.length).toBeGreaterThan(80);
  });
});

describe('a stream published by an encoder on librtmp', () => {
  it.each(['OBS', 'rtmpdump'] as const)(
    'that connects as %s does reaches ffmpeg through the edge packet by packet',
    async (dialect) => {
      program = await startProgram({ configuration });
      const { edgeUrl, originUrl, rtmpUrl } = program;
      const { configs, units } = await clipContent();
      const publication = await LibrtmpPublication.start(dialect, Number(new URL(rtmpUrl).port), 'librtmp');
      // Half of it, then a reader, then the rest: the reader comes in the middle and must still miss nothing.
      const half = Math.floor(units.length / 2);
      const publish = async () => {
        publication.configure(configs);
        publication.send(units.slice(0, half));
        await eventually('somebody has read the first segment', async () => {
          const playlist = await (await fetch(`${edgeUrl}/live/librtmp/video.m3u8`)).text();
          const segment = /^\S+\/1\.m4s$/m.exec(playlist)?.[0];
          if (segment === undefined) return false;
          const answer = await fetch(`${edgeUrl}/live/librtmp/${segment}`, { method: 'HEAD' });
          return answer.headers.get('x-cache') === 'Hit from streamfront';
        });
        publication.send(units.slice(half));
        publication.leave();
      };
      const [read] = await Promise.all([
        packetHashes(`${edgeUrl}/live/librtmp/index.m3u8`, ['-live_start_index', '0']),
        recordPlaylists(`${originUrl}/live/librtmp`, ['video.m3u8', 'audio.m3u8']),
        publish(),
      ]);

      const { video, audio } = await packetHashes(clip);
      expect(video).toHaveLength(960);
      expect(read.video).toEqual(video);
      expect(read.audio).toEqual(audio);
    },
  );
});
