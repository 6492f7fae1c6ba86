import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/condition.ts';
import { packetHashes } from '../support/ffmpeg.ts';
import { recordPlaylists } from '../support/playlist-recorder.ts';
import { validateMediaPlaylists } from '../support/playlist-validator.ts';
import { type RunningProgram, startProgram } from '../support/program.ts';

const clip = join(import.meta.dirname, '..', '..', 'media', 'demo.mp4');

let program: RunningProgram | undefined;
afterEach(async () => {
  await program?.stop();
  program = undefined;
});

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
    expect(validateMediaPlaylists(history)).toEqual([]);
  });
});
