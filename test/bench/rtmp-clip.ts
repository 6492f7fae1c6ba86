import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder } from './load-program.ts';

const execute = promisify(execFile);

/** What the publisher sends, again and again. */
export interface Clip {
  readonly file: string;
  /** What it takes on the wire, headers aside. */
  readonly bytesPerSecond: number;
}

const seconds = 10;
const audioKilobits = 128;

/** Long enough to tell a server that waits for the next keyframe from one that does not. */
export const keyframeIntervalSeconds = 1;
const usualFramesPerSecond = 30;

/**
 * An FLV file of constant bit rate (H.264 with B-frames, AAC): noise over a test pattern, so that the encoder needs the
 * bits. Made by ffmpeg when it is not there yet.
 */
export async function makeClip(megabitsPerSecond: number, framesPerSecond = usualFramesPerSecond): Promise<Clip> {
  const video = `${megabitsPerSecond * 1_000 - audioKilobits}k`;
  const keyframes = String(keyframeIntervalSeconds * framesPerSecond);
  const args = [
    ['-f', 'lavfi', '-i', `testsrc2=size=1280x720:rate=${framesPerSecond},noise=alls=20:allf=t`],
    ['-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000'],
    ['-t', String(seconds), '-c:v', 'libx264', '-preset', 'veryfast', '-pix_fmt', 'yuv420p', '-bf', '2'],
    ['-b:v', video, '-minrate', video, '-maxrate', video, '-bufsize', `${megabitsPerSecond * 500}k`],
    ['-x264-params', 'nal-hrd=cbr', '-g', keyframes, '-keyint_min', keyframes, '-sc_threshold', '0'],
    ['-c:a', 'aac', '-b:a', `${audioKilobits}k`, '-flvflags', 'no_duration_filesize', '-f', 'flv'],
  ].flat();
  const fingerprint = createHash('sha256').update(args.join(' ')).digest('hex').slice(0, 16);
  const file = join(cacheFolder, `clip-${fingerprint}.flv`);
  if (!existsSync(file)) {
    mkdirSync(cacheFolder, { recursive: true });
    const unfinished = `${file}.${process.pid}`;
    const quiet = ['-nostdin', '-hide_banner', '-loglevel', 'error', '-y'];
    await execute('ffmpeg', [...quiet, ...args, unfinished], { timeout: 120_000 });
    renameSync(unfinished, file);
  }
  return { file, bytesPerSecond: statSync(file).size / seconds };
}
