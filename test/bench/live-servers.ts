import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { encodeFlvHeader, encodeFlvTag } from '../../src/formats/flv/flv-file.ts';
import { eventually } from '../support/condition.ts';
import { freePort } from '../support/free-port.ts';
import { type ClipOutlet, rtmpOutlet } from './live-clip-sender.ts';
import { pinned, serverCore } from './processor.ts';

/** `ffmpeg -c copy -f hls`. */
export interface FfmpegPackager {
  readonly pid: number;
  readonly outlet: ClipOutlet;
}

/** That is given a stream as an FLV file on its standard input. */
export async function startFfmpegPackager(folder: string): Promise<FfmpegPackager> {
  const { child, ended } = await startFfmpeg(folder, ['-f', 'flv', '-i', 'pipe:0']);
  child.stdin.on('error', () => {});
  child.stdin.write(encodeFlvHeader({ audio: true, video: true }));
  return {
    pid: child.pid ?? 0,
    outlet: {
      send: (tag) => child.stdin.write(encodeFlvTag(tag)),
      end: () => {
        child.stdin.end();
        return ended();
      },
    },
  };
}

/** That is published to over RTMP, as we are. */
export async function startFfmpegRtmpPackager(folder: string): Promise<FfmpegPackager> {
  const port = await freePort();
  const { child, ended } = await startFfmpeg(folder, [
    '-listen',
    '1',
    '-f',
    'flv',
    '-i',
    `rtmp://127.0.0.1:${port}/live/one`,
  ]);
  // It takes one connection, so that nobody can look before.
  const outlet = await eventually('ffmpeg takes a publisher', () => rtmpOutlet(port, 'one').catch(() => undefined));
  return {
    pid: child.pid ?? 0,
    outlet: {
      send: (tag) => outlet.send(tag),
      end: async () => {
        await outlet.end();
        await ended();
      },
    },
  };
}

/** With segments as ours are: fMP4, cut at keyframes after 2 s, as many listed as we list at least. */
async function startFfmpeg(folder: string, input: readonly string[]) {
  mkdirSync(folder, { recursive: true });
  const hls = ['-hls_time', '2', '-hls_list_size', '4', '-hls_segment_type', 'fmp4', '-hls_flags', 'delete_segments'];
  const output = ['-c', 'copy', '-f', 'hls', ...hls, join(folder, 'index.m3u8')];
  // At the end of a connection it complains, and that is how it is ended.
  const args = ['-nostdin', '-hide_banner', '-loglevel', 'fatal', ...input, ...output];
  const child = spawn(...pinned(serverCore, 'ffmpeg', args), { stdio: ['pipe', 'ignore', 'inherit'] });
  await once(child, 'spawn');
  const endAtOnce = () => child.kill('SIGKILL');
  process.once('exit', endAtOnce);
  const exit = once(child, 'exit');
  return {
    child,
    ended: () => {
      process.off('exit', endAtOnce);
      setTimeout(endAtOnce, 3_000).unref();
      return exit;
    },
  };
}
