import { execFile } from 'node:child_process';
import { existsSync, linkSync, mkdirSync, renameSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder } from './load-program.ts';
import { makeClip } from './rtmp-clip.ts';

const execute = promisify(execFile);

/** A film as MP4, and what is to be known of it. */
export interface Film {
  readonly file: string;
  readonly lengthBytes: number;
  readonly moovBytes: number;
  readonly seconds: number;
  /** Where its index is. */
  readonly moov: 'tail' | 'front';
}

/** Of `makeClip`. */
const clipSeconds = 10;

/**
 * A film that repeats a clip of constant bit rate, with its index (`moov`) behind the media, as encoders write it, or in
 * front of it. Made by ffmpeg when it is not there yet: two hours of 2 Mbit/s take 1.8 GB.
 */
export async function makeFilm(seconds: number, megabitsPerSecond: number, moov: Film['moov']): Promise<Film> {
  const clip = await makeClip(megabitsPerSecond);
  const file = join(cacheFolder, `film-${seconds}s-${megabitsPerSecond}mbps-${moov}.mp4`);
  if (!existsSync(file)) {
    mkdirSync(cacheFolder, { recursive: true });
    const unfinished = `${file}.${process.pid}`;
    const flags = moov === 'tail' ? [] : ['-movflags', '+faststart'];
    const input = ['-stream_loop', String(seconds / clipSeconds - 1), '-i', clip.file];
    const quiet = ['-nostdin', '-hide_banner', '-loglevel', 'error', '-y'];
    try {
      await execute('ffmpeg', [...quiet, ...input, '-c', 'copy', ...flags, '-f', 'mp4', unfinished], {
        timeout: 600_000,
      });
      renameSync(unfinished, file);
    } finally {
      await rm(unfinished, { force: true });
    }
  }
  return { file, seconds, moov, ...(await measured(file)) };
}

/** Another name for the same bytes: to a cache it is another file. */
export function linkFilm({ file }: Film, folder: string, name: string): void {
  mkdirSync(folder, { recursive: true });
  linkSync(file, join(folder, name));
}

async function measured(file: string): Promise<{ readonly lengthBytes: number; readonly moovBytes: number }> {
  const handle = await open(file);
  try {
    const { size: lengthBytes } = await handle.stat();
    const head = Buffer.alloc(16);
    for (let at = 0; at < lengthBytes; ) {
      await handle.read(head, 0, head.length, at);
      const size32 = head.readUInt32BE(0);
      const size = size32 === 1 ? Number(head.readBigUInt64BE(8)) : size32;
      if (head.toString('latin1', 4, 8) === 'moov') return { lengthBytes, moovBytes: size };
      if (size < 8) break;
      at += size;
    }
    throw new Error(`${file} has no moov`);
  } finally {
    await handle.close();
  }
}
