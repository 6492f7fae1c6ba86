import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { encodeFlvHeader, encodeFlvTag } from '../../src/formats/flv/flv-file.ts';
import type { ClipOutlet } from './live-clip-sender.ts';
import { pinned, serverCore } from './processor.ts';

/** `ffmpeg -c copy -f hls`, which is given a stream as an FLV file on its standard input. */
export interface FfmpegPackager {
  readonly pid: number;
  readonly outlet: ClipOutlet;
}

/** With segments as ours are: fMP4, cut at keyframes after 2 s, as many listed as we list at least. */
export async function startFfmpegPackager(folder: string): Promise<FfmpegPackager> {
  mkdirSync(folder, { recursive: true });
  const input = ['-nostdin', '-hide_banner', '-loglevel', 'error', '-f', 'flv', '-i', 'pipe:0'];
  const hls = ['-hls_time', '2', '-hls_list_size', '4', '-hls_segment_type', 'fmp4', '-hls_flags', 'delete_segments'];
  const args = [...input, '-c', 'copy', '-f', 'hls', ...hls, join(folder, 'index.m3u8')];
  const [program, programArgs] = pinned(serverCore, 'ffmpeg', args);
  const child = spawn(program, programArgs, { stdio: ['pipe', 'ignore', 'inherit'] });
  await once(child, 'spawn');
  const endAtOnce = () => child.kill('SIGKILL');
  process.once('exit', endAtOnce);
  const exit = once(child, 'exit');
  child.stdin.on('error', () => {});
  child.stdin.write(encodeFlvHeader({ audio: true, video: true }));
  return {
    pid: child.pid ?? 0,
    outlet: {
      send: (tag) => child.stdin.write(encodeFlvTag(tag)),
      end: () => {
        child.stdin.end();
        process.off('exit', endAtOnce);
        setTimeout(endAtOnce, 3_000).unref();
        return exit;
      },
    },
  };
}
