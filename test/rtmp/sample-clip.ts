import { run } from '../support/ffmpeg.ts';

/** Options of ffmpeg for a test picture of 320 × 180 at 25 frames a second, and a tone of 48 kHz. */
export const testSources = ['-f', 'lavfi', '-i', 'testsrc=s=320x180:r=25', '-f', 'lavfi', '-i', 'sine=r=48000'];

/** H.264 with B-frames and a keyframe each second, and AAC. */
const codecs = [
  '-c:v',
  'libx264',
  '-preset',
  'ultrafast',
  '-bf',
  '2',
  '-g',
  '25',
  '-pix_fmt',
  'yuv420p',
  '-c:a',
  'aac',
];

/** Lets ffmpeg write a clip; its ending says in which container. */
export async function makeClip(path: string, seconds: number, options: readonly string[] = codecs): Promise<string> {
  const result = await run('ffmpeg', [
    '-nostdin',
    '-y',
    '-v',
    'error',
    ...testSources,
    '-t',
    String(seconds),
    ...options,
    path,
  ]);
  if (result.code !== 0) throw new Error(`ffmpeg could not make ${path}: ${result.standardError}`);
  return path;
}

/** The same access units in another container. */
export async function remux(from: string, to: string): Promise<string> {
  const result = await run('ffmpeg', ['-nostdin', '-y', '-v', 'error', '-i', from, '-c', 'copy', to]);
  if (result.code !== 0) throw new Error(`ffmpeg could not make ${to}: ${result.standardError}`);
  return to;
}
