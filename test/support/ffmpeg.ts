import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';

export interface ProgramResult {
  readonly code: number | null;
  readonly standardOutput: string;
  readonly standardError: string;
}

/**
 * Where ffmpeg only decodes. At the times that its input has: by itself it rounds them to a frame rate, which brings two
 * together, with a complaint, where pictures stand half a frame beside those of an earlier run.
 */
export const decodeOnly = ['-enc_time_base', '-1', '-f', 'null', '-'];

/** Runs a program to its end. At the deadline it is ended, and the promise fails with what it had written. */
export function run(program: string, args: readonly string[], deadlineMs = 60_000): Promise<ProgramResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let standardOutput = '';
    let standardError = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      standardOutput += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      standardError += text;
    });
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`${program} did not end within ${deadlineMs} ms:\n${standardError.slice(-2_000)}`));
    }, deadlineMs);
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(new Error(`${program} cannot be started: ${error.message}`, { cause: error }));
    });
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve({ code, standardOutput, standardError });
    });
  });
}

/** Lets ffmpeg make a file, and reads it. Throws with what ffmpeg wrote. */
export async function makeFile(args: readonly string[], file: string): Promise<Buffer> {
  const { code, standardError } = await run('ffmpeg', ['-nostdin', '-v', 'error', ...args, file]);
  if (code !== 0) throw new Error(standardError);
  return readFile(file);
}

/** What a demuxer read: for each kind of track the hash of every packet, in order. */
export interface PacketHashes {
  readonly video: readonly string[];
  readonly audio: readonly string[];
}

/**
 * Lets ffmpeg read `input` to its end without decoding and hash each packet (SHA-256 of its bytes). `inputOptions`
 * stand before `-i`.
 */
export async function packetHashes(
  input: string,
  inputOptions: readonly string[] = [],
  deadlineMs = 90_000,
): Promise<PacketHashes> {
  const output = ['-map', '0:v?', '-map', '0:a?', '-c', 'copy', '-f', 'framehash', '-'];
  const result = await run(
    'ffmpeg',
    ['-nostdin', '-hide_banner', '-loglevel', 'warning', ...inputOptions, '-i', input, ...output],
    deadlineMs,
  );
  if (result.code !== 0) throw new Error(`ffmpeg could not read ${input}:\n${result.standardError}`);
  const kinds = new Map<string, string>();
  const hashes: Record<string, string[]> = { video: [], audio: [] };
  for (const line of result.standardOutput.split('\n')) {
    const media = /^#media_type (\d+): (\w+)/.exec(line);
    if (media?.[1] !== undefined && media[2] !== undefined) kinds.set(media[1], media[2]);
    if (line.startsWith('#') || line === '') continue;
    const fields = line.split(',').map((field) => field.trim());
    hashes[kinds.get(fields[0] ?? '') ?? '']?.push(fields[5] ?? '');
  }
  return { video: hashes['video'] ?? [], audio: hashes['audio'] ?? [] };
}
