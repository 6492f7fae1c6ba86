import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { KeyOrigin } from './encryption-settings.ts';

/** Which key is wanted. */
export interface KeyRequest {
  /** Of the stream, without application. */
  readonly name: string;
  readonly id: string;
  /** Counts the keys of the stream, from 0. */
  readonly number: number;
}

export const keyBytes = 16;

/** How long a command or a server may take. */
const deadlineMs = 10_000;
/** More than this is no key. */
const maxOutputBytes = 4_096;

/**
 * The 16 bytes of a key. What takes time gives a promise, which rejects with a sentence that holds no secret when there
 * is no key to be had.
 */
export function fetchKey(origin: KeyOrigin, request: KeyRequest): Uint8Array | Promise<Uint8Array> {
  switch (origin.kind) {
    case 'generated':
      return randomBytes(keyBytes);
    case 'directory':
      return keyOfDirectory(origin.directory, request);
    case 'command':
      return keyOfCommand(origin.command, request);
    case 'url':
      return keyOfUrl(filledIn(origin.url, request, encodeURIComponent));
  }
}

/** `{name}`, `{id}` and `{number}` by what they stand for. */
export function filledIn(
  template: string,
  { name, id, number }: KeyRequest,
  encode: (text: string) => string = (text) => text,
): string {
  const values: Readonly<Record<string, string>> = { name, id, number: String(number) };
  return template.replace(/\{(name|id|number)\}/g, (_, word: string) => encode(values[word] ?? ''));
}

/** 16 bytes as they are, or 32 hexadecimal digits. */
export function parseKey(content: Uint8Array): Uint8Array {
  if (content.length === keyBytes) return content;
  const text = Buffer.from(content).toString('latin1').trim();
  if (!/^(?:0[xX])?[0-9a-fA-F]{32}$/.test(text)) {
    throw new Error(`gave ${content.length} bytes, which are neither 16 bytes nor 32 hexadecimal digits`);
  }
  return Uint8Array.fromHex(text.slice(-2 * keyBytes));
}

/** `NAME.key`, or the files of the folder `NAME` that end in `.key`, in turn. */
async function keyOfDirectory(directory: string, { name, number }: KeyRequest): Promise<Uint8Array> {
  const folder = join(directory, name);
  const files = (await readdir(folder).catch(() => [])).filter((file) => file.endsWith('.key')).sort();
  const file = files[number % files.length];
  return parseKey(await readFile(file === undefined ? `${folder}.key` : join(folder, file)));
}

async function keyOfCommand(command: readonly string[], request: KeyRequest): Promise<Uint8Array> {
  const [program = '', ...words] = command.map((word) => filledIn(word, request));
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const options = {
    encoding: 'buffer',
    timeout: deadlineMs,
    maxBuffer: maxOutputBytes,
    killSignal: 'SIGKILL',
  } as const;
  // Its message would hold the arguments, and its output the key.
  execFile(program, words, options, (error, output) => {
    if (error === null) resolve(output);
    else reject(new Error(`the command failed: ${String(error.code ?? error.signal)}`));
  });
  return parseKey(await promise);
}

async function keyOfUrl(url: string): Promise<Uint8Array> {
  const answer = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(deadlineMs) }).catch(() => {
    // Its message may hold the URL, and that a token.
    throw new Error('the key server could not be asked, or took too long');
  });
  if (answer.status !== 200 || answer.body === null) {
    await answer.body?.cancel();
    throw new Error(`the key server answered ${answer.status}`);
  }
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of answer.body as ReadableStream<Uint8Array>) {
    pieces.push(piece);
    length += piece.length;
    if (length > maxOutputBytes) throw new Error('the key server answered more than a key');
  }
  return parseKey(Buffer.concat(pieces));
}
